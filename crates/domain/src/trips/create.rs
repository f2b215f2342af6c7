//! New trips.

use crate::event::Event;
use crate::names::Kind;
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::spaces::CreateSpace;
use crate::trips::{Trip, TripDetails};

/// Makes a trip; who makes it is its admin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateTrip {
    /// Its name.
    pub name: String,
    /// What it has besides.
    pub details: TripDetails,
}

impl Command for CreateTrip {
    type Answer = Trip;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Trip, Refusal> {
        self.details.check()?;
        let (space, people) = CreateSpace { kind: Kind::Trip, name: self.name, members: Vec::new() }.store(tx)?;
        tx.store.put_trip_details(&space.room, &self.details)?;
        tx.record(&space.room, Event::SpaceCreated { space: space.clone(), people, trip: Some(self.details.clone()) })?;
        Ok(Trip { space, details: self.details })
    }
}
