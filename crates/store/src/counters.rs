//! Named numbers that survive a restart.

use domain::ids::EntityId;
use domain::ports::StoreResult;

use crate::driver::{Driver, Tables, values};

const LAST_ID: &str = "last_id";

impl<D: Driver> Tables<D> {
    /// The largest id that was ever given; 0 if none was.
    pub(crate) fn last_id(&mut self) -> StoreResult<EntityId> {
        self.counter(LAST_ID)
    }

    /// Stores the largest id, in the transaction that uses it.
    pub(crate) fn put_last_id(&mut self, id: EntityId) -> StoreResult<()> {
        self.put_counter(LAST_ID, id)
    }

    /// The name of a number that each node has by itself; a single server has it without a node.
    pub(crate) fn name_for_node(name: &str, node: &str) -> String {
        if node.is_empty() { name.to_owned() } else { format!("{name}:{node}") }
    }

    /// Reads a number by its name; 0 if it was never stored.
    pub(crate) fn counter(&mut self, name: &str) -> StoreResult<i64> {
        let sql = "SELECT value FROM marks WHERE name = $1";
        Ok(self.0.first(sql, values![name], |row| row.int(0))?.unwrap_or(0))
    }

    /// Stores a number.
    pub(crate) fn put_counter(&mut self, name: &str, value: i64) -> StoreResult<()> {
        let sql = "INSERT INTO marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.0.post(sql, values![name, value])
    }
}
