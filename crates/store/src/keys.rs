//! Idempotency keys and the responses of their requests.

use domain::names::Timestamp;
use domain::seam::{Answered, Kept, Keys, StoreError, Stored};

use crate::driver::{Driver, Tables, values};

impl<D: Driver> Keys for Tables<D> {
    fn answered(&mut self, scope: &str, key: &str, since: Timestamp) -> Stored<Option<Answered>> {
        let sql = "SELECT digest, status, body, reference FROM answers WHERE scope = $1 AND key = $2 AND answered_at > $3";
        self.0.first(sql, values![scope, key, since], |row| {
            let status = u16::try_from(row.int(1)?).map_err(|_| StoreError::Broken("an answer's status is not one".to_owned()))?;
            // No response has an empty body, so an empty column is a body that was not stored.
            let body = match (row.text(2)?, row.owned_text(3)?) {
                (_, Some(reference)) => Kept::Reference(reference),
                ("", None) => Kept::Nothing,
                (body, None) => Kept::Whole(body.to_owned()),
            };
            Ok(Answered { digest: row.text(0)?.to_owned(), status, body })
        })
    }

    fn remember(&mut self, scope: &str, key: &str, answered: &Answered, at: Timestamp) -> Stored<()> {
        let sql = "INSERT INTO answers (scope, key, digest, status, body, reference, answered_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (scope, key) DO UPDATE SET digest = excluded.digest, status = excluded.status, body = excluded.body,
                reference = excluded.reference, answered_at = excluded.answered_at";
        let (body, reference) = match &answered.body {
            Kept::Whole(body) => (body.as_str(), None),
            Kept::Reference(reference) => ("", Some(reference.as_str())),
            Kept::Nothing => ("", None),
        };
        let values = values![scope, key, &answered.digest, i64::from(answered.status), body, reference, at];
        self.0.write(sql, values).map(drop)
    }

    fn forget_before(&mut self, until: Timestamp, limit: u32) -> Stored<u64> {
        let sql = "DELETE FROM answers WHERE (scope, key) IN
            (SELECT scope, key FROM answers WHERE answered_at < $1 ORDER BY answered_at LIMIT $2)";
        self.0.write(sql, values![until, limit])
    }
}
