//! Deletes a trip.

use crate::ids::RoomId;
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::removals::{self, RemovalTarget};
use crate::spaces::{embed_members, require_admin};
use crate::trips::{Trip, not_found, require_trip, with_details};

/// Deletes a trip, as an admin. The event is delivered to every device of its members, who receive no further events of the trip. The answer is the
/// trip before the deletion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteTrip {
    /// The trip's room.
    pub room: RoomId,
}

impl Command for DeleteTrip {
    type Output = Trip;

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<Trip, DomainError> {
        require_trip(&self.room)?;
        require_admin(tx.store, tx.actor, &self.room)?;
        let space = tx.store.space(&self.room)?.ok_or(not_found())?;
        let mut trip = with_details(tx.store, space.clone())?;
        embed_members(tx.store, &mut trip.space)?;
        tx.store.delete_trip_details(&self.room)?;
        tx.store.delete_space(&self.room)?;
        removals::remove(tx, RemovalTarget::Space { space: space.into() })?;
        Ok(trip)
    }
}
