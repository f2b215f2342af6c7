//! The paths for backends. Responses are bare objects or arrays.

use std::sync::Arc;

use axum::extract::State;
use client_json::json;
use domain::command::{Command, CommandContext};
use domain::custom_events::{CustomEvent, MAX_TARGETS, PublishCustomEvent};
use domain::error::DomainError;
use domain::ids::{RoomId, UserId};
use domain::validation;
use http::StatusCode;
use rest_toolkit::body;
use rest_toolkit::fields::Field;
use rest_toolkit::ids::UserIdInputs;
use rest_toolkit::inline_schema::inline;
use rest_toolkit::request_context::BackendRequest;
use rest_toolkit::response::{RestResponse, RestResult};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{ApiDeps, ApiState};

/// The longest reason for the end of a connection, in bytes: a WebSocket's close frame has no room for more (RFC 6455 §5.5).
const MAX_REASON_BYTES: usize = 123;

/// The paths.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(emit)).routes(routes!(presence)).routes(routes!(count)).routes(routes!(disconnect))
}

/// Emits an event to rooms, users or everyone. The clients receive it in every namespace of the room.
#[utoipa::path(post, path = "/api/v1/emit", request_body = EmitRequest, security(("backEnd" = [])), responses((status = 200, body = Emitted)))]
async fn emit(State(api): State<Arc<ApiDeps>>, BackendRequest(call): BackendRequest) -> RestResult {
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
        let backend = Arc::clone(&api.backend);
        // The event was checked before.
        return call.act(json(&Emitted { position: None }), move || drop(backend.emit_volatile(custom_event))).await;
    }
    let fanout = Arc::clone(&api.fanout);
    let work = move |context: &mut CommandContext<'_>| Ok(fanout.position(PublishCustomEvent(custom_event).execute(context)?));
    call.change(StatusCode::OK, work, |position: &String| json(&Emitted { position: Some(position) })).await
}

/// A user, and whether the user is online.
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

/// Returns which of these users are online.
#[utoipa::path(
    get,
    path = "/api/v1/presence",
    params(UsersQuery),
    security(("backEnd" = [])),
    responses((status = 200, body = Vec<UserStatus>))
)]
async fn presence(State(api): State<Arc<ApiDeps>>, BackendRequest(call): BackendRequest) -> RestResult {
    let users = call.users_in_query("users")?;
    let backend = &api.backend;
    let status = |user: &UserId| if backend.is_user_online(user) { "online" } else { "offline" };
    let statuses: Vec<_> = users.iter().map(|user| UserStatus { user_id: user.as_str(), status: status(user) }).collect();
    Ok(RestResponse { status: StatusCode::OK, body: json(&statuses), replayed: false, next: None })
}

/// Returns the number of users who are online.
#[utoipa::path(get, path = "/api/v1/presence/count", security(("backEnd" = [])), responses((status = 200, body = OnlineCount)))]
async fn count(State(api): State<Arc<ApiDeps>>, BackendRequest(_): BackendRequest) -> RestResult {
    let count = api.backend.online_users_count();
    Ok(RestResponse { status: StatusCode::OK, body: json(&OnlineCount { count }), replayed: false, next: None })
}

/// Disconnects all connections of users, or single connections.
#[utoipa::path(post, path = "/api/v1/disconnect", request_body = DisconnectRequest, security(("backEnd" = [])), responses((status = 200, body = DisconnectResult)))]
async fn disconnect(State(api): State<Arc<ApiDeps>>, BackendRequest(call): BackendRequest) -> RestResult {
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
    let backend = Arc::clone(&api.backend);
    call.act(json(&DisconnectResult { ok: true }), move || backend.disconnect(users, connections, reason)).await
}

body! {
    /// An event of a backend.
    EmitRequest as "back_end.Said" {
        /// The recipients. A client that is named several times receives the event once.
        to: required EmitTarget,
        /// The excluded recipients.
        except: optional EmitExclusions,
        /// The name of the event. Names that client libraries reserve, such as `connect`, are rejected.
        event: required String[1..=validation::MAX_EVENT_NAME],
        /// The payload of the event. If absent, the event has no payload.
        data: change Value,
        /// Whether the event is volatile: it is not stored, and it is dropped for slow clients.
        volatile: optional bool,
    }

    /// The connections to end. Users or connections must be named.
    DisconnectRequest as "back_end.Ended" {
        /// Users: ids, or objects with an id.
        users: optional UserIdInputs[0..=MAX_TARGETS],
        /// Connections, by the ids that their clients have.
        connections: optional Vec<String>[0..=MAX_TARGETS],
        /// The reason, at most 123 bytes. It is the reason of the WebSocket's close frame.
        reason: optional String[0..=MAX_REASON_BYTES],
    }
}

/// The users that a query names, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is only a description")]
struct UsersQuery {
    /// Ids, separated by commas or each in its own parameter.
    #[param(min_length = 1, example = "anna,ben")]
    users: String,
}

/// The result of an emitted event.
#[derive(Serialize, ToSchema)]
#[schema(as = back_end::Emitted)]
struct Emitted<'a> {
    /// The position in the event log, as in `GET /api/v1/sync`. It is opaque, and null for a volatile event.
    #[schema(required)]
    position: Option<&'a str>,
}

/// The number of users who are online.
#[derive(Serialize, ToSchema)]
#[schema(as = back_end::Count)]
struct OnlineCount {
    count: usize,
}

/// The confirmation of the request.
#[derive(Serialize, ToSchema)]
#[schema(as = back_end::Done)]
struct DisconnectResult {
    ok: bool,
}

/// The recipients: at least one room or user, or everyone.
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

/// The excluded recipients.
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
