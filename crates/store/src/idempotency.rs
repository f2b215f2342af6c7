//! Idempotency keys and the responses of their requests.

use domain::ids::Timestamp;
use domain::ports::{IdempotencyStore, StoreError, StoreResult, StoredBody, StoredResponse};

use crate::driver::{Driver, Tables, values};

impl<D: Driver> IdempotencyStore for Tables<D> {
    fn stored_response(&mut self, scope: &str, key: &str, since: Timestamp) -> StoreResult<Option<StoredResponse>> {
        let sql = "SELECT digest, status, body, reference FROM answers WHERE scope = $1 AND key = $2 AND answered_at > $3";
        self.0.first(sql, values![scope, key, since], |row| {
            let status = u16::try_from(row.int(1)?)
                .map_err(|_| StoreError::Broken("the status of a stored response is not an HTTP status".to_owned()))?;
            // No response has an empty body, so an empty column is a body that was not stored.
            let body = match (row.text(2)?, row.owned_text(3)?) {
                (_, Some(reference)) => StoredBody::Reference(reference),
                ("", None) => StoredBody::Nothing,
                (body, None) => StoredBody::Whole(body.to_owned()),
            };
            Ok(StoredResponse { digest: row.text(0)?.to_owned(), status, body })
        })
    }

    fn put_response(&mut self, scope: &str, key: &str, response: &StoredResponse, at: Timestamp) -> StoreResult<()> {
        let sql = "INSERT INTO answers (scope, key, digest, status, body, reference, answered_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (scope, key) DO UPDATE SET digest = excluded.digest, status = excluded.status, body = excluded.body,
                reference = excluded.reference, answered_at = excluded.answered_at";
        let (body, reference) = match &response.body {
            StoredBody::Whole(body) => (body.as_str(), None),
            StoredBody::Reference(reference) => ("", Some(reference.as_str())),
            StoredBody::Nothing => ("", None),
        };
        let values = values![scope, key, &response.digest, i64::from(response.status), body, reference, at];
        self.0.post(sql, values)
    }

    fn delete_responses_before(&mut self, until: Timestamp, limit: u32) -> StoreResult<u64> {
        let sql = "DELETE FROM answers WHERE (scope, key) IN
            (SELECT scope, key FROM answers WHERE answered_at < $1 ORDER BY answered_at LIMIT $2)";
        self.0.write(sql, values![until, limit])
    }
}
