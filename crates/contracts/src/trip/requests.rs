//! The client events of the trip contract.

use client_json::ids::IdInput;
use client_json::json;
use domain::error::DomainError;
use domain::ids::{RoomId, RoomKind};
use domain::trips::{TripChanges, UpdateTrip};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use wire::socketio::Args;

use super::payloads::{RequestedChanges, TripAck};
use crate::acknowledgements::ConstBool;
use crate::event_schema::{id_argument, invalid_field, object};
use crate::{ClientAction, Reply, SocketCommand};

/// Fields of a trip that only the server sets. A client may send a whole trip back as it received it; these fields are not broadcast.
pub const SET_BY_SERVER: &[&str] = &["id", "createdBy", "createdAt", "updatedAt", "memberCount", "members"];

/// The key that only the server sends among a trip's changes, though it is no field of a trip: the trip's end.
const SENT_BY_SERVER: &str = "deleted";

/// The changes of a client that are broadcast: only the server sends changes of the members, or the end of a trip.
pub fn without_server_keys(mut changes: Map<String, Value>) -> Map<String, Value> {
    changes.retain(|field, _| field != SENT_BY_SERVER && !SET_BY_SERVER.contains(&field.as_str()));
    changes
}

/// The id of a trip.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = trip::TripNamed)]
pub(super) struct TripRef {
    trip_id: IdInput,
}

impl From<TripRef> for IdInput {
    fn from(named: TripRef) -> Self {
        named.trip_id
    }
}

// Each part is parsed by itself, so that an error can name it.
/// The payload of `trip:update`, as clients send it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = trip::TripUpdate)]
pub(super) struct TripUpdate<'a> {
    #[serde(borrow)]
    #[schema(value_type = IdInput)]
    trip_id: Option<&'a RawValue>,
    #[serde(borrow)]
    #[schema(value_type = RequestedChanges)]
    changes: Option<&'a RawValue>,
}

/// The trip that a request names.
pub(super) fn trip_of(args: &Args<'_>) -> Result<RoomId, DomainError> {
    trip(args, id_argument::<TripRef>(args))
}

fn trip(args: &Args<'_>, id: Option<IdInput>) -> Result<RoomId, DomainError> {
    let room = id.and_then(|id| RoomKind::Trip.room_from_external_id(&id.0));
    room.ok_or_else(|| invalid_field(args, "tripId", "must be the id of a trip, as text or number"))
}

pub(super) fn update_of(args: &Args<'_>) -> Result<UpdateTrip, DomainError> {
    let update: Option<TripUpdate<'_>> = object(args);
    let room = trip(args, update.as_ref().and_then(|update| serde_json::from_str(update.trip_id?.get()).ok()))?;
    let changes = update.and_then(|update| serde_json::from_str(update.changes?.get()).ok());
    let changes = changes.ok_or_else(|| invalid_field(args, "changes", "must be a JSON object, not nested too deeply"))?;
    let mut more = without_server_keys(changes);
    let name = more.remove("name").map(|name| text("name", name)).transpose()?;
    let changes = TripChanges {
        name,
        description: nullable(&mut more, "description")?,
        start_date: nullable(&mut more, "startDate")?,
        end_date: nullable(&mut more, "endDate")?,
    };
    Ok(UpdateTrip { room, changes, more })
}

fn nullable(fields: &mut Map<String, Value>, field: &'static str) -> Result<Option<Option<String>>, DomainError> {
    match fields.remove(field) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(value) => text(field, value).map(|text| Some(Some(text))),
    }
}

fn text(field: &'static str, value: Value) -> Result<String, DomainError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(DomainError::invalid_input(field, "must be text")),
    }
}

/// Changes a trip. The members receive the change as a broadcast, so a client that waits for no acknowledgement has no reply of its own.
pub(super) fn update(command: UpdateTrip) -> ClientAction {
    ClientAction::Execute(SocketCommand::new(command, |trip, request| {
        Reply::ack_if(request.acked, || json(&TripAck { ok: ConstBool, trip_id: trip.space.room.id() }))
    }))
}
