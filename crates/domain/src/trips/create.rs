//! Creates a trip.

use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::event::Event;
use crate::model::{RoomKind, Trip, TripDetails};
use crate::spaces::CreateSpace;

/// Creates a trip; the actor becomes its admin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateTrip {
    /// The name of the trip.
    pub name: String,
    /// The other fields of the trip.
    pub details: TripDetails,
}

impl Command for CreateTrip {
    type Output = Trip;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Trip, DomainError> {
        self.details.check()?;
        let (space, users) = CreateSpace { kind: RoomKind::Trip, name: self.name, members: Vec::new() }.store(context)?;
        context.store.put_trip_details(&space.room, &self.details)?;
        context.record_event(&space.room, Event::SpaceCreated { space: space.clone(), users, trip: Some(self.details.clone()) })?;
        Ok(Trip { space, details: self.details })
    }
}
