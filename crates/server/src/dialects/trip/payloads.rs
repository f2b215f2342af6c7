//! What stands in the events and acknowledgements.

use domain::notifications::Announcement;
use domain::trips::TripChanges;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::dialects::times::Milliseconds;

/// Of `connected`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = trip::Connected)]
pub(super) struct Connected<'a> {
    pub message: &'static str,
    pub user_id: &'a str,
    pub socket_id: &'a str,
    pub timestamp: Milliseconds,
}

/// Of `trip:joined` and `trip:left`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = trip::Noticed)]
pub(super) struct Noticed<'a> {
    pub trip_id: &'a str,
    pub timestamp: Milliseconds,
}

/// Of an acknowledgement that all is well.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = trip::Confirmed)]
pub(super) struct Confirmed<'a> {
    pub ok: bool,
    pub trip_id: &'a str,
}

/// Of `user:joined` and `user:left`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = trip::Presence)]
pub(super) struct Presence<'a> {
    pub user_id: &'a str,
    pub trip_id: &'a str,
    pub timestamp: Milliseconds,
}

/// Of `pong`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = trip::Pong)]
pub(super) struct Pong {
    pub timestamp: Milliseconds,
}

/// Of `trip:updated`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = trip::Updated)]
pub(super) struct Updated<'a> {
    pub trip_id: &'a str,
    #[schema(value_type = Object)]
    pub changes: Map<String, Value>,
    pub updated_by: &'a str,
    pub timestamp: Milliseconds,
}

/// Fields of a trip that were changed, and what is passed on with them, as clients name them.
pub(super) fn changes(changes: &TripChanges, more: &Map<String, Value>) -> Map<String, Value> {
    let TripChanges { name, description, start_date, end_date } = changes;
    let nullable = |change: &Option<Option<String>>| change.clone().map(Value::from);
    let fields = [
        ("name", name.clone().map(Value::from)),
        ("description", nullable(description)),
        ("startDate", nullable(start_date)),
        ("endDate", nullable(end_date)),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    more.clone().into_iter().chain(fields).collect()
}

/// What everybody who is connected is told. It is not stored, so it has no id.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = trip::Announced)]
pub struct Announced<'a> {
    r#type: &'a str,
    title: &'a str,
    message: &'a str,
    #[schema(required)]
    data: Option<&'a Value>,
    timestamp: Milliseconds,
}

impl<'a> Announced<'a> {
    /// The object of an announcement.
    pub fn of(announcement: &'a Announcement) -> Self {
        Self {
            r#type: &announcement.kind,
            title: &announcement.title,
            message: &announcement.message,
            data: announcement.data.as_ref(),
            timestamp: Milliseconds(announcement.at),
        }
    }
}
