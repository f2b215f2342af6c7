//! The stored usage of quotas, one row a user.

use domain::ids::{Timestamp, UserId};
use domain::ports::StoreResult;
use domain::quotas::Usage;

use crate::driver::{Driver, Row, Tables, values};

impl<D: Driver> Tables<D> {
    /// The usage of every user, also of windows that have ended.
    pub(crate) fn usage(&mut self) -> StoreResult<Vec<(UserId, Usage)>> {
        let sql = "SELECT person, day_from, objects, bytes, hour_from, additions FROM quota_usage";
        self.0.all(sql, values![], usage)
    }

    /// Stores a user's usage.
    pub(crate) fn put_usage(&mut self, user: &UserId, usage: &Usage) -> StoreResult<()> {
        let sql = "INSERT INTO quota_usage (person, day_from, objects, bytes, hour_from, additions) VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (person) DO UPDATE SET day_from = excluded.day_from, objects = excluded.objects, bytes = excluded.bytes,
                hour_from = excluded.hour_from, additions = excluded.additions";
        let Usage { day_from, objects, bytes, hour_from, additions } = *usage;
        let values = values![user, day_from, objects as i64, bytes as i64, hour_from, additions as i64];
        self.0.post(sql, values)
    }

    /// Removes at most `limit` usages whose window of a day began before `until`.
    pub(crate) fn delete_usage_before(&mut self, until: Timestamp, limit: u32) -> StoreResult<()> {
        let sql = "DELETE FROM quota_usage WHERE person IN
            (SELECT person FROM quota_usage WHERE day_from < $1 ORDER BY day_from LIMIT $2)";
        self.0.post(sql, values![until, limit])
    }
}

/// Reads a user and the usage from a row.
pub(crate) fn usage(row: &dyn Row) -> StoreResult<(UserId, Usage)> {
    let count = |column| Ok(row.int(column)? as u64);
    let usage = Usage { day_from: row.time(1)?, objects: count(2)?, bytes: count(3)?, hour_from: row.time(4)?, additions: count(5)? };
    Ok((row.user_id(0)?, usage))
}
