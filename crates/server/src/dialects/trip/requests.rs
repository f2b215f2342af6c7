//! What clients of the trip contract ask for.

use std::collections::BTreeMap;

use domain::names::{Kind, Room};
use domain::operation::{Command, Tx};
use domain::refusal::Refusal;
use domain::trips::{TripChanges, UpdateTrip};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use wire::socketio::Args;

use crate::dialects::ids::GivenId;
use crate::dialects::{Ask, Request};

/// Fields of a trip that only the server sets. A client may send a whole trip back as it got it, and nobody is told of these.
pub const SET_BY_SERVER: &[&str] = &["id", "createdBy", "createdAt", "updatedAt", "members"];

/// Understands one event. `None` if this contract does not know it.
pub(super) fn understand(name: &str, args: &Args<'_>) -> Option<Request> {
    let (name, ask) = match name {
        "trip:join" => ("trip:join", trip_of(args).map(Ask::Enter)),
        "trip:leave" => ("trip:leave", trip_of(args).map(Ask::Leave)),
        "trip:update" => ("trip:update", update_of(args).map(update)),
        "ping" => ("ping", Ok(Ask::Ping)),
        _ => return None,
    };
    Some(Request { name: name.into(), ask })
}

/// The fields of the first argument, if it is an object.
fn fields<'a>(args: &Args<'a>) -> Option<BTreeMap<String, &'a RawValue>> {
    args.get(0).filter(|arg| arg.starts_with('{')).and_then(|arg| serde_json::from_str(arg).ok())
}

/// The trip that a client names: `{tripId}`, or the id alone.
fn trip_of(args: &Args<'_>) -> Result<Room, Refusal> {
    let id: Option<GivenId> = match fields(args) {
        Some(fields) => fields.get("tripId").and_then(|id| serde_json::from_str(id.get()).ok()),
        None => args.get(0).and_then(|arg| serde_json::from_str(arg).ok()),
    };
    let room = id.and_then(|id| Room::parse(&format!("{}:{}", Kind::Trip.as_str(), id.0)));
    room.ok_or_else(|| Refusal::invalid("tripId", "must be the id of a trip, as text or number"))
}

fn update_of(args: &Args<'_>) -> Result<UpdateTrip, Refusal> {
    let room = trip_of(args)?;
    let changes = fields(args).and_then(|fields| serde_json::from_str(fields.get("changes")?.get()).ok());
    let mut more: Map<String, Value> =
        changes.ok_or_else(|| Refusal::invalid("changes", "must be a JSON object, not nested too deeply"))?;
    for field in SET_BY_SERVER {
        more.remove(*field);
    }
    let name = more.remove("name").map(|name| text("name", name)).transpose()?;
    let changes = TripChanges {
        name,
        description: nullable(&mut more, "description")?,
        start_date: nullable(&mut more, "startDate")?,
        end_date: nullable(&mut more, "endDate")?,
    };
    Ok(UpdateTrip { room, changes, more })
}

fn nullable(fields: &mut Map<String, Value>, field: &'static str) -> Result<Option<Option<String>>, Refusal> {
    match fields.remove(field) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(value) => text(field, value).map(|text| Some(Some(text))),
    }
}

fn text(field: &'static str, value: Value) -> Result<String, Refusal> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(Refusal::invalid(field, "must be text")),
    }
}

/// The command; its value is the trip's id, for the acknowledgement.
fn update(command: UpdateTrip) -> Ask {
    Ask::Change(Box::new(move |tx: &mut Tx<'_>| Ok(Value::from(command.decide(tx)?.space.room.id()))))
}
