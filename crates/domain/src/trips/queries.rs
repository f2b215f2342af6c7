//! Queries of trips.

use crate::command::Query;
use crate::error::DomainError;
use crate::model::{Actor, RoomId, RoomKind, Trip};
use crate::ports::{Page, Store};
use crate::spaces::{GetSpace, ListSpaces};
use crate::trips::{require_trip, with_details};

/// Reads a trip, for its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetTrip {
    /// The trip's room.
    pub room: RoomId,
}

impl Query for GetTrip {
    type Output = Trip;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Trip, DomainError> {
        require_trip(&self.room)?;
        let space = GetSpace { room: self.room }.execute(store, actor)?;
        Ok(with_details(store, space)?)
    }
}

/// Lists the actor's trips, newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListTrips {
    /// The page of the list.
    pub page: Page<RoomId>,
}

impl Query for ListTrips {
    type Output = Vec<Trip>;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Trip>, DomainError> {
        let spaces = ListSpaces { kind: RoomKind::Trip, page: self.page }.execute(store, actor)?;
        spaces.into_iter().map(|space| Ok(with_details(store, space)?)).collect()
    }
}
