//! The usage of quotas that nodes share: each adds what it has counted to the stored usage, and reads the sums.

use domain::ids::UserId;
use domain::ports::StoreResult;
use domain::quotas::{Usage, UsageChange};

use crate::postgres::driver::Postgres;
use crate::postgres::session::{Parameter, Request};
use crate::usage::usage;

/// Adds usage to that of the same users. A stored window that had ended when the added one began is replaced; its length is in microseconds.
const ADD_USAGE: &str = "INSERT INTO quota_usage AS stored (person, day_from, objects, bytes, hour_from, additions)
    SELECT * FROM unnest($1::TEXT[], $2::BIGINT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[])
    ON CONFLICT (person) DO UPDATE SET
        day_from = CASE WHEN stored.day_from <= excluded.day_from - 86400000000 THEN excluded.day_from ELSE stored.day_from END,
        objects = excluded.objects + CASE WHEN stored.day_from <= excluded.day_from - 86400000000 THEN 0 ELSE stored.objects END,
        bytes = excluded.bytes + CASE WHEN stored.day_from <= excluded.day_from - 86400000000 THEN 0 ELSE stored.bytes END,
        hour_from = CASE WHEN stored.hour_from <= excluded.hour_from - 3600000000 THEN excluded.hour_from ELSE stored.hour_from END,
        additions = excluded.additions + CASE WHEN stored.hour_from <= excluded.hour_from - 3600000000 THEN 0 ELSE stored.additions END
    RETURNING person, day_from, objects, bytes, hour_from, additions";

impl Postgres {
    /// Adds usage to the stored usage; returns the sums. Each user is in `changes` once.
    pub(super) fn add_to_usage(&mut self, changes: &[UsageChange]) -> StoreResult<Vec<(UserId, Usage)>> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let ints = |value: fn(&Usage) -> i64| Parameter::Ints(changes.iter().map(|change| Some(value(&change.added))).collect());
        let parameters = vec![
            Parameter::Texts(changes.iter().map(|change| Some(change.user.as_str().to_owned())).collect()),
            ints(|usage| usage.day_from.0),
            ints(|usage| usage.objects as i64),
            ints(|usage| usage.bytes as i64),
            ints(|usage| usage.hour_from.0),
            ints(|usage| usage.additions as i64),
        ];
        let reply = self.write_request(Request { sql: ADD_USAGE, parameters })?;
        reply.rows.iter().map(|row| usage(row)).collect()
    }
}
