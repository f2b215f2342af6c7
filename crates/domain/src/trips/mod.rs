//! Trips: spaces with a description and dates, whose updates may carry further fields for the members.
//!
//! The creation of a trip, and the addition and removal of a member, are also delivered to the user's inbox; the contract chooses the event names.

use serde::{Deserialize, Serialize};

use crate::error::DomainError;
use crate::ids::{RoomId, RoomKind};
use crate::ports::{Store, StoreResult};
use crate::spaces::Space;
use crate::validation;

mod create;
mod delete;
mod members;
mod queries;
mod update;

pub use create::CreateTrip;
pub use delete::DeleteTrip;
pub use members::{AddTripMember, AddTripMemberResult, LeaveTrip};
pub use queries::{GetTrip, ListTrips};
pub use update::UpdateTrip;

/// The fields of a trip that other spaces do not have.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TripDetails {
    /// The description, up to 10,000 characters.
    pub description: Option<String>,
    /// The first day, an RFC 3339 date or date and time.
    pub start_date: Option<String>,
    /// The last day, in the same form; not before the first.
    pub end_date: Option<String>,
}

impl TripDetails {
    fn check(&self) -> Result<(), DomainError> {
        validation::optional("description", self.description.as_deref(), validation::MAX_DESCRIPTION)?;
        validation::date("startDate", self.start_date.as_deref())?;
        validation::date("endDate", self.end_date.as_deref())?;
        validation::dates_in_order("endDate", self.start_date.as_deref(), self.end_date.as_deref())
    }
}

/// A trip.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trip {
    /// The trip's space.
    pub space: Space,
    /// The fields that other spaces do not have.
    pub details: TripDetails,
}

/// Changes of a trip's fields. A field that is `None` stays as it is; `Some(None)` clears it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TripChanges {
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new description.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub description: Option<Option<String>>,
    /// The new first day.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub start_date: Option<Option<String>>,
    /// The new last day.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub end_date: Option<Option<String>>,
}

/// Reads `null` in the event log as a cleared field; serde's default reads an absent field as an unchanged one.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Refuses rooms that are not trips.
fn require_trip(room: &RoomId) -> Result<(), DomainError> {
    if room.kind() == RoomKind::Trip { Ok(()) } else { Err(not_found()) }
}

/// The refusal for a trip that does not exist.
fn not_found() -> DomainError {
    DomainError::NotFound(RoomKind::Trip.display_name())
}

/// Reads the trip of a space. Without stored details all fields of the details are empty.
fn with_details(store: &mut dyn Store, space: Space) -> StoreResult<Trip> {
    let details = store.trip_details(&space.room)?.unwrap_or_default();
    Ok(Trip { space, details })
}
