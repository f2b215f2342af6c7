//! Trips: spaces with a description and dates, and what their people tell each other of changes.
//!
//! Who made a trip, and who is brought into one or taken out, is told in the inbox too; in which words is the contract's business.

use serde::{Deserialize, Serialize};

use crate::fields;
use crate::names::{Kind, Room};
use crate::refusal::Refusal;
use crate::seam::{Store, Stored};
use crate::spaces::Space;

mod create;
mod delete;
mod members;
mod read;
mod update;

pub use create::CreateTrip;
pub use delete::DeleteTrip;
pub use members::{Added, BringToTrip, LeaveTrip};
pub use read::{ListTrips, ReadTrip};
pub use update::UpdateTrip;

/// What a trip has besides what every space has.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TripDetails {
    /// Up to 10,000 characters.
    pub description: Option<String>,
    /// The first day, an RFC 3339 date or date and time.
    pub start_date: Option<String>,
    /// The last day, likewise; not before the first.
    pub end_date: Option<String>,
}

impl TripDetails {
    fn check(&self) -> Result<(), Refusal> {
        fields::optional("description", self.description.as_deref(), fields::DESCRIPTION)?;
        fields::date("startDate", self.start_date.as_deref())?;
        fields::date("endDate", self.end_date.as_deref())?;
        fields::in_order("endDate", self.start_date.as_deref(), self.end_date.as_deref())
    }
}

/// A trip, whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trip {
    /// What it is as a space.
    pub space: Space,
    /// The rest.
    pub details: TripDetails,
}

/// Which fields of a trip are to be changed, or were. What is `None` stays; `Some(None)` is cleared.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TripChanges {
    /// Another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Another description.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub description: Option<Option<String>>,
    /// Another first day.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub start_date: Option<Option<String>>,
    /// Another last day.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub end_date: Option<Option<String>>,
}

/// In the journal a `null` is a field that was cleared, and an absent one stays.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Refuses every room that is not a trip's.
fn require_trip(room: &Room) -> Result<(), Refusal> {
    if room.kind() == Kind::Trip { Ok(()) } else { Err(not_found()) }
}

/// How a trip is not there.
fn not_found() -> Refusal {
    Refusal::NotFound(Kind::Trip.noun())
}

/// A space with what a trip has besides. One that has nothing stored has nothing besides.
fn whole(store: &mut dyn Store, space: Space) -> Stored<Trip> {
    let details = store.trip_details(&space.room)?.unwrap_or_default();
    Ok(Trip { space, details })
}
