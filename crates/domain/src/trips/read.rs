//! Queries of trips.

use crate::names::{Kind, Room};
use crate::operation::{Actor, Query};
use crate::refusal::Refusal;
use crate::seam::{Page, Store};
use crate::spaces::{ListSpaces, ReadSpace};
use crate::trips::{Trip, require_trip, whole};

/// Reads a trip, for its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadTrip {
    /// The trip's room.
    pub room: Room,
}

impl Query for ReadTrip {
    type Answer = Trip;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Trip, Refusal> {
        require_trip(&self.room)?;
        let space = ReadSpace { room: self.room }.answer(store, actor)?;
        Ok(whole(store, space)?)
    }
}

/// Lists the actor's trips, newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListTrips {
    /// The page of the list.
    pub page: Page<Room>,
}

impl Query for ListTrips {
    type Answer = Vec<Trip>;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Trip>, Refusal> {
        let spaces = ListSpaces { kind: Kind::Trip, page: self.page }.answer(store, actor)?;
        spaces.into_iter().map(|space| Ok(whole(store, space)?)).collect()
    }
}
