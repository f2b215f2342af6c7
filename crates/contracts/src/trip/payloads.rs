//! The payloads of the events and acknowledgements.

use std::borrow::Cow;

use client_json::timestamps::Milliseconds;
use domain::ids::{RoomId, Timestamp, UserId};
use domain::notifications::Announcement;
use domain::spaces::Space;
use domain::trips::{TripChanges, TripDetails};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::objects::{MemberObject, Notification, Trip};
use crate::acknowledgements::ConstBool;

/// The payload of `connected`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = trip::Connected)]
pub(super) struct Connected<'a> {
    pub message: &'static str,
    pub user_id: &'a str,
    pub socket_id: &'a str,
    pub timestamp: Milliseconds,
}

/// The payload of `trip:joined` and `trip:left`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = trip::Noticed)]
pub(super) struct NotificationPayload<'a> {
    pub trip_id: &'a str,
    pub timestamp: Milliseconds,
}

/// The payload of `trip:added`: the trip as REST shows it, and the user who added the member; null if the server did.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = trip::Added)]
pub(super) struct Added<'a> {
    #[serde(flatten)]
    trip: Trip<'a>,
    #[schema(required)]
    added_by: Option<&'a str>,
}

impl<'a> Added<'a> {
    pub(super) fn of(space: &'a Space, details: &'a TripDetails, by: Option<&'a UserId>) -> Self {
        Self { trip: Trip::with(space, details), added_by: by.map(UserId::as_str) }
    }
}

/// The payload of `trip:removed`: the trip, and the user who removed the member or deleted the trip; null if the server did.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = trip::Removed)]
pub(super) struct Removed<'a> {
    trip_id: &'a str,
    #[schema(required)]
    removed_by: Option<&'a str>,
    timestamp: Milliseconds,
}

impl<'a> Removed<'a> {
    pub(super) fn of(room: &'a RoomId, by: Option<&'a UserId>, at: Timestamp) -> Self {
        Self { trip_id: room.id(), removed_by: by.map(UserId::as_str), timestamp: Milliseconds(at) }
    }
}

/// The acknowledgement of a request that succeeded.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = trip::Confirmed)]
pub(super) struct TripAck<'a> {
    #[schema(schema_with = ConstBool::<true>::schema)]
    pub ok: ConstBool<true>,
    pub trip_id: &'a str,
}

/// The payload of `user:joined` and `user:left`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = trip::Presence)]
pub(super) struct Presence<'a> {
    pub user_id: &'a str,
    pub trip_id: &'a str,
    pub timestamp: Milliseconds,
}

/// The payload of `pong`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = trip::Pong)]
pub(super) struct Pong {
    pub timestamp: Milliseconds,
}

/// The payload of `trip:updated`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = trip::Updated)]
pub(super) struct Updated<'a> {
    pub trip_id: &'a str,
    pub changes: BroadcastChanges,
    pub updated_by: &'a str,
    pub timestamp: Milliseconds,
}

/// Changes that a client requests. Fields that a trip does not have are broadcast and not stored.
pub(super) struct RequestedChanges;

impl PartialSchema for RequestedChanges {
    fn schema() -> RefOr<Schema> {
        changes_schema()
            .description(Some("The fields of a trip to change. Other fields are broadcast and not stored with the trip."))
            .into()
    }
}

impl ToSchema for RequestedChanges {
    fn name() -> Cow<'static, str> {
        "trip.AskedChanges".into()
    }
}

/// The changed fields as the members of the trip receive them, with the member count, the first 100 members and the trip's end.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(super) struct BroadcastChanges(pub Map<String, Value>);

impl PartialSchema for BroadcastChanges {
    fn schema() -> RefOr<Schema> {
        let members = ArrayBuilder::new().items(Ref::from_schema_name(MemberObject::name()));
        let changes = changes_schema()
            .property("memberCount", u64::schema())
            .property("members", members)
            .property("deleted", ConstBool::<true>::schema());
        changes
            .description(Some(
                "The changed fields; the number of members and the first 100 of them, if the members changed; `deleted` if the trip was deleted; and the fields that clients broadcast to each other.",
            ))
            .into()
    }
}

impl ToSchema for BroadcastChanges {
    fn name() -> Cow<'static, str> {
        "trip.ToldChanges".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((MemberObject::name().into_owned(), MemberObject::schema()));
        MemberObject::schemas(schemas);
    }
}

fn changes_schema() -> ObjectBuilder {
    let changes = ObjectBuilder::new().property("name", String::schema());
    let nullable = ["description", "startDate", "endDate"].into_iter();
    let changes = nullable.fold(changes, |changes, field| changes.property(field, Option::<String>::schema()));
    changes.additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

/// The payload of `notification`: a notification of this user, or one for all users.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = trip::Notified)]
pub(super) enum Notified<'a> {
    /// A notification of this user.
    Own(Notification<'a>),
    /// A notification for all users.
    Everybodys(Announced<'a>),
}

/// The acknowledgement of a ping.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = trip::PingConfirmed)]
pub(super) struct PingConfirmed {
    #[schema(schema_with = ConstBool::<true>::schema)]
    pub ok: ConstBool<true>,
    pub timestamp: Milliseconds,
}

/// The changed fields of a trip, and the fields that are broadcast with them, with the names that clients use.
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

/// A notification for all connected clients. It is not stored, so it has no id.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = trip::Announced)]
pub struct Announced<'a> {
    r#type: &'a str,
    title: &'a str,
    message: &'a str,
    #[schema(required, value_type = Option<Object>)]
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
