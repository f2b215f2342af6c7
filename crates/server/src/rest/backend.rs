//! The paths of a team's own back end. Answers are bare objects or arrays.

use std::sync::Arc;

use domain::command::{Command, CommandContext};
use domain::custom_events::{CustomEvent, MAX_TARGETS, PublishCustomEvent};
use domain::error::DomainError;
use domain::ids::{RoomId, UserId};
use domain::validation;
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AppState;
use super::body::Field;
use super::body_schema::{body, inline};
use super::ids::UserIdInputs;
use super::request_context::BackendRequest;
use super::response::{RestResponse, RestResult};
use crate::contracts::json;

/// The longest reason for the end of a connection, in bytes: a WebSocket's close frame has no room for more (RFC 6455 §5.5).
const MAX_REASON_BYTES: usize = 123;

/// The paths.
pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new().routes(routes!(emit)).routes(routes!(presence)).routes(routes!(count)).routes(routes!(disconnect))
}

/// Says something to rooms, people or everyone: the back end's own event, in every namespace that holds the room.
#[utoipa::path(post, path = "/api/v1/emit", request_body = EmitRequest, security(("backEnd" = [])), responses((status = 200, body = Emitted)))]
async fn emit(BackendRequest(call): BackendRequest) -> RestResult {
    let EmitRequest { to, except, event, data, volatile } = call.body()?;
    let except = except.unwrap_or_default();
    let everyone = to.everyone.then(RoomId::everyone);
    let custom_event = CustomEvent {
        rooms: target_rooms(to.rooms, to.users).chain(everyone).collect(),
        except: target_rooms(except.rooms, except.users).collect(),
        except_connections: except.connections,
        name: event,
        data,
    };
    if volatile.unwrap_or(false) {
        custom_event.check()?;
        let backend = Arc::clone(&call.state.rest.backend);
        // Whether it can be heard was asked already.
        return call.act(json(&Emitted { position: None }), move || drop(backend.emit_volatile(custom_event))).await;
    }
    let fanout = Arc::clone(&call.state.rest.fanout);
    let work = move |context: &mut CommandContext<'_>| Ok(fanout.position(PublishCustomEvent(custom_event).execute(context)?));
    call.change(StatusCode::OK, work, |position: &String| json(&Emitted { position: Some(position) })).await
}

/// A person, and whether they are online.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = back_end::Status)]
struct UserStatus<'a> {
    user_id: &'a str,
    #[schema(schema_with = online_or_offline)]
    status: &'static str,
}

fn online_or_offline() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["online", "offline"]))
}

/// Tells who of these people is online.
#[utoipa::path(
    get,
    path = "/api/v1/presence",
    params(UsersQuery),
    security(("backEnd" = [])),
    responses((status = 200, body = Vec<UserStatus>))
)]
async fn presence(BackendRequest(call): BackendRequest) -> RestResult {
    let users = call.users_in_query("users")?;
    let backend = &call.state.rest.backend;
    let status = |user: &UserId| if backend.is_user_online(user) { "online" } else { "offline" };
    let statuses: Vec<_> = users.iter().map(|user| UserStatus { user_id: user.as_str(), status: status(user) }).collect();
    Ok(RestResponse { status: StatusCode::OK, body: json(&statuses), replayed: false, next: None })
}

/// Counts the people who are online.
#[utoipa::path(get, path = "/api/v1/presence/count", security(("backEnd" = [])), responses((status = 200, body = OnlineCount)))]
async fn count(BackendRequest(call): BackendRequest) -> RestResult {
    let count = call.state.rest.backend.online_users_count();
    Ok(RestResponse { status: StatusCode::OK, body: json(&OnlineCount { count }), replayed: false, next: None })
}

/// Ends connections: those of people, or single ones.
#[utoipa::path(post, path = "/api/v1/disconnect", request_body = DisconnectRequest, security(("backEnd" = [])), responses((status = 200, body = DisconnectResult)))]
async fn disconnect(BackendRequest(call): BackendRequest) -> RestResult {
    let DisconnectRequest { users, connections, reason } = call.body()?;
    let (users, connections, reason) = (users.unwrap_or_default().0, connections.unwrap_or_default(), reason.unwrap_or_default());
    if users.is_empty() && connections.is_empty() {
        return Err(DomainError::invalid_input("users", "must name at least one, or connections must").into());
    }
    for (field, named) in [("users", users.len()), ("connections", connections.len())] {
        if named > MAX_TARGETS {
            return Err(DomainError::invalid_input(field, format!("must name at most {MAX_TARGETS}")).into());
        }
    }
    if reason.len() > MAX_REASON_BYTES {
        return Err(DomainError::invalid_input("reason", format!("must have at most {MAX_REASON_BYTES} bytes")).into());
    }
    let backend = Arc::clone(&call.state.rest.backend);
    call.act(json(&DisconnectResult { ok: true }), move || backend.disconnect(users, connections, reason)).await
}

body! {
    /// Something that a back end says.
    EmitRequest as "back_end.Said" {
        /// To whom. Who is named several times hears it once.
        to: required EmitTarget,
        /// To whom not.
        except: optional EmitExclusions,
        /// What clients call the event. Not a name that means something to their libraries, such as `connect`.
        event: required String[1..=validation::MAX_EVENT_NAME],
        /// What the event carries; absent, it carries nothing.
        data: change Value,
        /// Whether it is worth nothing late: then it is not stored, and dropped for who is slow.
        volatile: optional bool,
    }

    /// Whose connections end. People or connections must be named.
    DisconnectRequest as "back_end.Ended" {
        /// People: ids, or objects with one.
        users: optional UserIdInputs[0..=MAX_TARGETS],
        /// Connections, by the ids that their clients know them by.
        connections: optional Vec<String>[0..=MAX_TARGETS],
        /// Why, at most 123 bytes: a WebSocket is told it when it is closed.
        reason: optional String[0..=MAX_REASON_BYTES],
    }
}

/// The people of whom a query asks, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only its description is wanted")]
struct UsersQuery {
    /// Ids, parted by commas or each in a parameter of its own.
    #[param(min_length = 1, example = "anna,ben")]
    users: String,
}

/// What became of what a back end said.
#[derive(Serialize, ToSchema)]
#[schema(as = back_end::Emitted)]
struct Emitted<'a> {
    /// Where it stands in the journal, as in `GET /api/v1/sync`: opaque, and null for what is not stored.
    #[schema(required)]
    position: Option<&'a str>,
}

/// How many people are online.
#[derive(Serialize, ToSchema)]
#[schema(as = back_end::Count)]
struct OnlineCount {
    count: usize,
}

/// That it is done.
#[derive(Serialize, ToSchema)]
#[schema(as = back_end::Done)]
struct DisconnectResult {
    ok: bool,
}

/// To whom: at least one room or person, or everyone.
#[derive(Deserialize, ToSchema)]
#[schema(as = back_end::To)]
#[serde(deny_unknown_fields)]
struct EmitTarget {
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["conversation:5"]))]
    rooms: Vec<RoomInput>,
    #[serde(default)]
    #[schema(inline)]
    users: UserIdInputs,
    #[serde(default)]
    everyone: bool,
}

impl Field for EmitTarget {
    const EXPECTED: &'static str =
        "must be an object {rooms, users, everyone} with addresses such as conversation:5, ids, and true or false";

    fn schema() -> Schema {
        inline(<Self as PartialSchema>::schema())
    }
}

/// To whom not.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = back_end::Except)]
#[serde(deny_unknown_fields)]
struct EmitExclusions {
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["conversation:5"]))]
    rooms: Vec<RoomInput>,
    #[serde(default)]
    #[schema(inline)]
    users: UserIdInputs,
    #[serde(default)]
    connections: Vec<String>,
}

impl Field for EmitExclusions {
    const EXPECTED: &'static str = "must be an object {rooms, users, connections} with addresses such as conversation:5, ids, and ids";

    fn schema() -> Schema {
        inline(<Self as PartialSchema>::schema())
    }
}

/// A room, as a request names it.
struct RoomInput(RoomId);

impl<'de> Deserialize<'de> for RoomInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let address = String::deserialize(deserializer)?;
        RoomId::parse(&address).map(Self).ok_or_else(|| serde::de::Error::custom("not the address of a room"))
    }
}

fn target_rooms(rooms: Vec<RoomInput>, users: UserIdInputs) -> impl Iterator<Item = RoomId> {
    rooms.into_iter().map(|room| room.0).chain(users.0.into_iter().map(|user| RoomId::inbox(&user)))
}
