//! Deletes a trip.

use crate::names::Room;
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::removals::{self, Target};
use crate::spaces::{embed_members, require_admin};
use crate::trips::{Trip, not_found, require_trip, whole};

/// Deletes a trip, as an admin. The event is delivered to every device of its members, who receive no further events of the trip. The answer is the
/// trip before the deletion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteTrip {
    /// The trip's room.
    pub room: Room,
}

impl Command for DeleteTrip {
    type Answer = Trip;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Trip, Refusal> {
        require_trip(&self.room)?;
        require_admin(tx.store, tx.actor, &self.room)?;
        let space = tx.store.space(&self.room)?.ok_or(not_found())?;
        let mut trip = whole(tx.store, space.clone())?;
        embed_members(tx.store, &mut trip.space)?;
        tx.store.delete_trip_details(&self.room)?;
        tx.store.delete_space(&self.room)?;
        removals::remove(tx, Target::Space { space: space.into() })?;
        Ok(trip)
    }
}
