//! Trips: spaces with a description and dates, whose updates may carry further fields for the members.
//!
//! The creation of a trip, and the addition and removal of a member, are also delivered to the user's inbox; the contract chooses the event names.

use crate::error::DomainError;
use crate::field::Field;
use crate::model::{RoomId, RoomKind, Space};
use crate::ports::{Store, StoreResult};
use crate::validation;

mod create;
mod delete;
mod members;
mod queries;
mod update;

pub use crate::model::{Trip, TripChanges, TripDetails};
pub use create::CreateTrip;
pub use delete::DeleteTrip;
pub use members::{AddTripMember, AddTripMemberResult, LeaveTrip};
pub use queries::{GetTrip, ListTrips};
pub use update::UpdateTrip;

impl TripDetails {
    fn check(&self) -> Result<(), DomainError> {
        validation::optional(Field::Description, self.description.as_deref(), validation::MAX_DESCRIPTION)?;
        validation::date(Field::StartDate, self.start_date.as_deref())?;
        validation::date(Field::EndDate, self.end_date.as_deref())?;
        validation::dates_in_order(Field::EndDate, self.start_date.as_deref(), self.end_date.as_deref())
    }
}

/// Rejects rooms that are not trips.
fn require_trip(room: &RoomId) -> Result<(), DomainError> {
    if room.kind() == RoomKind::Trip { Ok(()) } else { Err(not_found()) }
}

/// The error for a trip that does not exist.
fn not_found() -> DomainError {
    DomainError::NotFound(RoomKind::Trip.display_name())
}

/// Reads the trip of a space. Without stored details all fields of the details are empty.
fn with_details(store: &mut dyn Store, space: Space) -> StoreResult<Trip> {
    let details = store.trip_details(&space.room)?.unwrap_or_default();
    Ok(Trip { space, details })
}
