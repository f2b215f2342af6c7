//! Deletes a trip.

use crate::access::require_admin;
use crate::command::{Command, CommandContext};
use crate::embedded_members::embed_members;
use crate::error::DomainError;
use crate::model::{RemovalTarget, RoomId, Trip};
use crate::removals;
use crate::trips::{not_found, require_trip, with_details};

/// Deletes a trip, as an admin. The event is delivered to every device of its members, who receive no further events of the trip. The output is the
/// trip before the deletion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteTrip {
    /// The trip's room.
    pub room: RoomId,
}

impl Command for DeleteTrip {
    type Output = Trip;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Trip, DomainError> {
        require_trip(&self.room)?;
        require_admin(context.store, context.actor, &self.room)?;
        let space = context.store.space(&self.room)?.ok_or(not_found())?;
        let mut trip = with_details(context.store, space.clone())?;
        embed_members(context.store, &mut trip.space)?;
        context.store.delete_trip_details(&self.room)?;
        context.store.delete_space(&self.room)?;
        removals::remove(context, RemovalTarget::Space { space: space.into() })?;
        Ok(trip)
    }
}
