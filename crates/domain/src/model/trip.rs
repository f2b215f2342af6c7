//! Trips, and the fields of trips that other spaces do not have.

use serde::{Deserialize, Serialize};

use super::Space;

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
