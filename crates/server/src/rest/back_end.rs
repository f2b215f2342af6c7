//! The paths of a team's own back end. Answers are bare objects or arrays.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use domain::emissions::{Emission, Emit, MOST_NAMED};
use domain::names::{PersonId, Room};
use domain::refusal::Refusal;
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Desk;
use super::answer::{Answer, Failure};
use super::body::Field;
use super::call::BackEnd;
use super::ids::GivenPeople;
use crate::dialects::json;

type Answered = Result<Answer, Failure>;

/// The longest reason for the end of a connection, in bytes: a WebSocket's close frame has no room for more (RFC 6455 §5.5).
const LONGEST_REASON: usize = 123;

/// The paths.
pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/api/v1/emit", post(emit))
        .route("/api/v1/presence", get(presence))
        .route("/api/v1/presence/count", get(count))
        .route("/api/v1/disconnect", post(disconnect))
}

async fn emit(BackEnd(call): BackEnd) -> Answered {
    #[derive(Serialize)]
    struct Emitted {
        /// Where it stands in the journal: opaque, and null for what is not stored.
        position: Option<String>,
    }
    let mut fields = call.fields()?;
    let to: To = fields.required("to")?;
    let except: Except = fields.optional("except")?.unwrap_or_default();
    let everyone = to.everyone.then(Room::everyone);
    let emission = Emission {
        rooms: addresses(to.rooms, to.users).chain(everyone).collect(),
        except: addresses(except.rooms, except.users).collect(),
        except_connections: except.connections,
        name: fields.required("event")?,
        data: fields.change("data")?,
    };
    let volatile = fields.optional("volatile")?.unwrap_or(false);
    fields.end()?;
    if volatile {
        call.desk.rest.back_end.emit_volatile(emission)?;
        return Ok(Answer { status: StatusCode::OK, body: json(&Emitted { position: None }), replayed: false });
    }
    call.command(StatusCode::OK, Emit(emission), |offset| json(&Emitted { position: Some(offset.to_string()) })).await
}

/// A person, and whether they are online.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    user_id: &'a str,
    status: &'static str,
}

async fn presence(BackEnd(call): BackEnd) -> Answered {
    let people = call.people_in_query("users")?;
    let back_end = &call.desk.rest.back_end;
    let status = |person: &PersonId| if back_end.is_user_online(person) { "online" } else { "offline" };
    let statuses: Vec<_> = people.iter().map(|person| Status { user_id: person.as_str(), status: status(person) }).collect();
    Ok(Answer { status: StatusCode::OK, body: json(&statuses), replayed: false })
}

async fn count(BackEnd(call): BackEnd) -> Answered {
    #[derive(Serialize)]
    struct Count {
        count: usize,
    }
    let count = call.desk.rest.back_end.online_users_count();
    Ok(Answer { status: StatusCode::OK, body: json(&Count { count }), replayed: false })
}

async fn disconnect(BackEnd(call): BackEnd) -> Answered {
    let mut fields = call.fields()?;
    let people = fields.optional::<GivenPeople>("users")?.map_or_else(Vec::new, |people| people.0);
    let connections: Vec<String> = fields.optional("connections")?.unwrap_or_default();
    let reason: String = fields.optional("reason")?.unwrap_or_default();
    fields.end()?;
    if people.is_empty() && connections.is_empty() {
        return Err(Refusal::invalid("users", "must name at least one, or connections must").into());
    }
    for (field, named) in [("users", people.len()), ("connections", connections.len())] {
        if named > MOST_NAMED {
            return Err(Refusal::invalid(field, format!("must name at most {MOST_NAMED}")).into());
        }
    }
    if reason.len() > LONGEST_REASON {
        return Err(Refusal::invalid("reason", format!("must have at most {LONGEST_REASON} bytes")).into());
    }
    call.desk.rest.back_end.disconnect(people, connections, reason);
    Ok(Answer { status: StatusCode::OK, body: r#"{"ok":true}"#.to_owned(), replayed: false })
}

/// To whom: `{rooms?, users?, everyone?}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct To {
    #[serde(default)]
    rooms: Vec<GivenRoom>,
    #[serde(default)]
    users: GivenPeople,
    #[serde(default)]
    everyone: bool,
}

impl Field for To {
    const WANTED: &'static str = "must be an object {rooms, users, everyone} with addresses such as conversation:5, ids, and true or false";
}

/// To whom not: `{rooms?, users?, connections?}`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Except {
    #[serde(default)]
    rooms: Vec<GivenRoom>,
    #[serde(default)]
    users: GivenPeople,
    #[serde(default)]
    connections: Vec<String>,
}

impl Field for Except {
    const WANTED: &'static str = "must be an object {rooms, users, connections} with addresses such as conversation:5, ids, and ids";
}

/// The address of a room.
struct GivenRoom(Room);

impl<'de> Deserialize<'de> for GivenRoom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let address = String::deserialize(deserializer)?;
        Room::parse(&address).map(Self).ok_or_else(|| serde::de::Error::custom("not the address of a room"))
    }
}

impl Field for Vec<String> {
    const WANTED: &'static str = "must be a list of texts";
}

impl Field for Value {
    const WANTED: &'static str = "must be JSON, not nested too deeply";
}

fn addresses(rooms: Vec<GivenRoom>, users: GivenPeople) -> impl Iterator<Item = Room> {
    rooms.into_iter().map(|room| room.0).chain(users.0.into_iter().map(|person| Room::inbox(&person)))
}
