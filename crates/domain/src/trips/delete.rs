//! The end of a trip.

use crate::event::Event;
use crate::names::Room;
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::spaces::require_admin;
use crate::trips::{Trip, not_found, require_trip, whole};

/// Removes a trip with everything in it, as an admin. Its members are told on every device, and hear nothing of it any more. The answer is
/// the trip as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteTrip {
    /// Which.
    pub room: Room,
}

impl Command for DeleteTrip {
    type Answer = Trip;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Trip, Refusal> {
        require_trip(&self.room)?;
        require_admin(tx.store, tx.actor, &self.room)?;
        let space = tx.store.space(&self.room)?.ok_or(not_found())?;
        let trip = whole(tx.store, space)?;
        for member in &trip.space.members {
            tx.store.remove_member(&self.room, &member.person.id, tx.now)?;
        }
        tx.store.delete_trip_details(&self.room)?;
        tx.store.delete_space(&self.room)?;
        tx.record(&self.room, Event::SpaceDeleted { space: trip.space.clone(), by: tx.actor.person.clone() })?;
        Ok(trip)
    }
}
