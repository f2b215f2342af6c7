//! Removals that have started and have not ended.

use domain::command::Actor;
use domain::ids::{EntityId, RoomId};
use domain::ports::{RemovalStore, StoreError, StoreResult};
use domain::removals::Removal;

use crate::driver::{Driver, Row, Tables, values};

impl<D: Driver> RemovalStore for Tables<D> {
    fn begin_removal(&mut self, removal: &Removal) -> StoreResult<()> {
        let sql = "INSERT INTO removals (id, subject, target, person, admin) VALUES ($1, $2, $3, $4, $5)";
        let target = serde_json::to_string(&removal.target).map_err(|error| StoreError::Broken(format!("a removal's target: {error}")))?;
        let subject = removal.target.subject();
        let values = values![removal.id, subject.as_ref(), &target, &removal.by.user, removal.by.admin];
        self.0.post(sql, values)
    }

    fn next_removal(&mut self) -> StoreResult<Option<Removal>> {
        self.0.first("SELECT id, target, person, admin FROM removals ORDER BY id LIMIT 1", values![], removal_at)
    }

    fn end_removal(&mut self, id: EntityId) -> StoreResult<()> {
        self.0.post("DELETE FROM removals WHERE id = $1", values![id])
    }

    fn is_being_removed(&mut self, subject: &RoomId) -> StoreResult<bool> {
        Ok(self.0.first("SELECT 1 FROM removals WHERE subject = $1 LIMIT 1", values![subject], |_| Ok(()))?.is_some())
    }
}

fn removal_at(row: &dyn Row) -> StoreResult<Removal> {
    let target = serde_json::from_str(row.text(1)?).map_err(|error| StoreError::Broken(format!("a removal's target: {error}")))?;
    Ok(Removal { id: row.int(0)?, target, by: Actor { user: row.user_id(2)?, admin: row.int(3)? != 0 } })
}
