//! The REST paths of the trip contract about the connections of all contracts: statistics, a broadcast, and events for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use client_json::ids::IdInput;
use client_json::timestamps::Milliseconds;
use domain::command::{Actor, Command, CommandContext};
use domain::error::DomainError;
use domain::event::EphemeralEvent;
use domain::idempotency::RESULT_GONE;
use domain::ids::{RoomKind, Timestamp, UserId};
use domain::notifications::{Announcement, BroadcastAnnouncement, NewNotification, Notification, create_notification};
use domain::ports::{BusMessage, Store};
use domain::trips::{Trip, TripChanges, UpdateTrip};
use domain::validation;
use http::StatusCode;
use rest_toolkit::RestState;
use rest_toolkit::body;
use rest_toolkit::ids::{self, LimitQuery};
use rest_toolkit::request_context::{AuthedRequest, BackendRequest};
use rest_toolkit::reread::Reread;
use rest_toolkit::response::{RestError, RestResponse, RestResult};
use serde::Serialize;
use serde_json::{Map, Value};
use server_status::{ConnectionCounters, ConnectionStats, SocketInfo};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::envelope::{SuccessEnvelope, success};
use crate::trip::payloads::Announced;
use crate::trip::requests::without_server_keys;
use crate::trip::{notification_texts, objects};

/// The path of the health check.
pub(super) const HEALTH_CHECK: &str = "/api/v1/socket/health";

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<RestState>> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(stats))
        .routes(routes!(rooms))
        .routes(routes!(my_connections))
        .routes(routes!(test_notification))
        .routes(routes!(test_trip_update))
        .routes(routes!(broadcast))
}

/// Health check for load balancers. The server is healthy while every shard responds and the database can be written. No token is required.
#[utoipa::path(get, path = "/api/v1/socket/health", security(()), responses((status = 200, body = SuccessEnvelope<Health>), (status = 503)))]
async fn health(State(state): State<Arc<RestState>>) -> Response {
    let Some(counters) = state.deps.status.healthy_counters().await else { return RestError::not_responding().into_response() };
    let health = Health {
        status: "healthy",
        sockets: counters.sockets,
        total_sockets: counters.total_sockets,
        uptime_seconds: state.deps.status.uptime().as_secs(),
        timestamp: Milliseconds(state.now()),
    };
    ok(&health).into_response()
}

/// The health of the server.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = socket::Health)]
struct Health {
    status: &'static str,
    /// The number of open sockets.
    sockets: u64,
    /// The number of sockets since the start.
    total_sockets: u64,
    uptime_seconds: u64,
    timestamp: Milliseconds,
}

/// Statistics since the start of the server, and its open connections.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = socket::Stats)]
struct Stats {
    connections: Connections,
    active_rooms: usize,
    rooms: Vec<Room>,
    durations: Durations,
    events: Counted,
    errors: Errors,
    uptime_seconds: u64,
    timestamp: Milliseconds,
}

/// A connection has a socket in each namespace that it has joined. Durations are those of sockets.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = socket::Connections)]
struct Connections {
    current: u64,
    sockets: u64,
    total_sockets: u64,
    #[serde(rename = "people")]
    users: usize,
    by_namespace: BTreeMap<String, u64>,
    by_transport: BTreeMap<&'static str, u64>,
}

/// Durations in seconds.
#[derive(Serialize, ToSchema)]
#[schema(as = socket::Durations)]
struct Durations {
    current: Lasting,
    ended: Lasting,
    #[serde(rename = "endedByReason")]
    ended_by_reason: BTreeMap<&'static str, u64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = socket::Lasting)]
struct Lasting {
    count: u64,
    average: f64,
    longest: f64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = socket::Counted)]
struct Counted {
    total: u64,
    by_type: BTreeMap<&'static str, u64>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = socket::Errors)]
struct Errors {
    total: u64,
    /// The share of all events that were rejected: 0 to 1.
    rate: f64,
    by_type: BTreeMap<&'static str, u64>,
    refused_connections: Counted,
}

#[derive(Serialize, ToSchema)]
#[schema(as = socket::Room)]
struct Room {
    room: String,
    /// The number of users in the room.
    members: usize,
    /// The number of their sockets.
    connections: u64,
}

/// Returns statistics since the start of the server, and its open connections. For admins.
#[utoipa::path(
    get,
    path = "/api/v1/socket/stats",
    params(LimitQuery),
    security(("backEnd" = [])),
    responses((status = 200, body = SuccessEnvelope<Stats>))
)]
async fn stats(BackendRequest(call): BackendRequest) -> RestResult {
    let limit = call.limit()?;
    let status = &call.state.deps.status;
    let (counters, crowd) = tokio::join!(status.counters(), status.connections());
    let (counters, crowd) = counters.zip(crowd).ok_or_else(RestError::not_responding)?;
    Ok(ok(&Stats::of(counters, crowd, limit, status.uptime(), call.state.now())))
}

impl Stats {
    fn of(counters: ConnectionCounters, crowd: ConnectionStats, limit: usize, uptime: Duration, now: Timestamp) -> Self {
        let total = |counts: &BTreeMap<&'static str, u64>| counts.values().sum::<u64>();
        let (received, rejected) = (total(&counters.requests), total(&counters.failed_requests));
        let sockets = crowd.sockets();
        Self {
            active_rooms: crowd.rooms.len(),
            rooms: largest(&crowd, limit),
            durations: Durations {
                current: Lasting::of(sockets, crowd.lasting, crowd.longest),
                ended: Lasting::of(total(&counters.disconnected), counters.lasted, counters.longest),
                ended_by_reason: counters.disconnected,
            },
            events: Counted { total: received, by_type: counters.requests },
            errors: Errors {
                total: rejected,
                rate: if received == 0 { 0.0 } else { rejected as f64 / received as f64 },
                by_type: counters.failed_requests,
                refused_connections: Counted { total: total(&counters.rejected), by_type: counters.rejected },
            },
            connections: Connections {
                current: crowd.connections,
                sockets,
                total_sockets: counters.total_sockets,
                users: crowd.users.len(),
                by_namespace: crowd.namespaces.into_iter().collect(),
                by_transport: crowd.transports.into_iter().collect(),
            },
            uptime_seconds: uptime.as_secs(),
            timestamp: Milliseconds(now),
        }
    }
}

impl Lasting {
    fn of(count: u64, all: Duration, longest: Duration) -> Self {
        let average = if count == 0 { 0.0 } else { all.as_secs_f64() / count as f64 };
        Self { count, average: milliseconds(average), longest: milliseconds(longest.as_secs_f64()) }
    }
}

/// Rounds seconds to milliseconds.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// Lists the rooms with the most connections. For admins.
#[utoipa::path(
    get,
    path = "/api/v1/socket/rooms",
    params(LimitQuery),
    security(("backEnd" = [])),
    responses((status = 200, body = SuccessEnvelope<Rooms>))
)]
async fn rooms(BackendRequest(call): BackendRequest) -> RestResult {
    let limit = call.limit()?;
    let crowd = call.state.deps.status.connections().await.ok_or_else(RestError::not_responding)?;
    Ok(ok(&Rooms { total: crowd.rooms.len(), rooms: largest(&crowd, limit) }))
}

/// The rooms with the most connections, the largest first.
fn largest(crowd: &ConnectionStats, limit: usize) -> Vec<Room> {
    let each = crowd.rooms.iter();
    let room = |(room, users): (&domain::ids::RoomId, &std::collections::HashMap<UserId, u64>)| Room {
        room: room.to_string(),
        members: users.len(),
        connections: users.values().sum(),
    };
    let mut rooms: Vec<Room> = each.map(room).collect();
    rooms.sort_by(|one, other| other.connections.cmp(&one.connections).then_with(|| one.room.cmp(&other.room)));
    rooms.truncate(limit);
    rooms
}

/// Lists the caller's own sockets.
#[utoipa::path(get, path = "/api/v1/socket/my-connections", responses((status = 200, body = SuccessEnvelope<Mine>)))]
async fn my_connections(call: AuthedRequest) -> RestResult {
    let now = call.state.now();
    let connection = |here: SocketInfo| Connection {
        socket_id: here.id,
        namespace: here.namespace,
        transport: here.transport,
        connected_at: Milliseconds(Timestamp(now.0.saturating_sub(here.lasting.as_micros().try_into().unwrap_or(i64::MAX)))),
        seconds: here.lasting.as_secs(),
        rooms: here.rooms.iter().map(ToString::to_string).collect(),
    };
    let user = &call.ensure_user().await?.actor.user;
    let sockets = call.state.deps.status.sockets_of(user).await.ok_or_else(RestError::not_responding)?;
    let connections: Vec<Connection> = sockets.into_iter().map(connection).collect();
    Ok(ok(&Mine { user_id: user.as_str(), count: connections.len(), connections }))
}

/// Notifies the caller on all connections.
#[utoipa::path(
    post,
    path = "/api/v1/socket/test-notification",
    request_body = TestNotification,
    responses((status = 200, body = SuccessEnvelope<objects::Notification>))
)]
async fn test_notification(call: AuthedRequest) -> RestResult {
    let TestNotification { title, message, kind, data } = call.body()?;
    let (kind, data) = (kind.unwrap_or_else(|| notification_texts::INFO.to_owned()), data.map(Value::Object));
    let (title, message) = (title.unwrap_or_else(|| "Test notification".to_owned()), message.unwrap_or_default());
    let work = move |context: &mut CommandContext<'_>| {
        let user = context.actor.user.clone();
        create_notification(context, NewNotification { user, kind, title, message, link: None, data })
    };
    call.change(StatusCode::OK, work, |notification: &Notification| success(&objects::Notification::of(notification))).await
}

/// Sends the members of a trip a `trip:updated` for tests. The changes are not stored with the trip.
#[utoipa::path(
    post,
    path = "/api/v1/socket/test-trip-update",
    request_body = TestUpdate,
    responses((status = 200, body = SuccessEnvelope<PassedOn>), (status = 404))
)]
async fn test_trip_update(call: AuthedRequest) -> RestResult {
    let TestUpdate { trip, changes } = call.body()?;
    let named = trip.map(|trip| ids::room(RoomKind::Trip, &trip.0)).transpose()?;
    let more = without_server_keys(changes.unwrap_or_else(|| Map::from_iter([("test".to_owned(), true.into())])));
    let work = move |context: &mut CommandContext<'_>| {
        let room = match named {
            Some(room) => room,
            None => {
                let newest = context.store.rooms_of(&context.actor.user, Some(RoomKind::Trip))?.into_iter().next();
                newest.ok_or_else(|| DomainError::invalid_input("tripId", "is required: the caller is in no trip"))?
            }
        };
        let trip = UpdateTrip { room, changes: TripChanges::default(), more: more.clone() }.execute(context)?;
        Ok(UnstoredUpdate { trip, changes: more })
    };
    let render = |update: &UnstoredUpdate| success(&PassedOn { trip_id: update.trip.space.room.id(), changes: &update.changes });
    call.change(StatusCode::OK, work, render).await
}

/// A trip with changes that are broadcast and not stored, so the response of a repeated request cannot be read again.
struct UnstoredUpdate {
    trip: Trip,
    changes: Map<String, Value>,
}

impl Reread for UnstoredUpdate {
    fn reference(&self) -> Option<String> {
        None
    }

    fn reread(_: &str, _: &mut dyn Store, _: &Actor) -> Result<Self, DomainError> {
        Err(RESULT_GONE)
    }
}

/// Sends a notification to all connected clients. It is not stored. For admins.
#[utoipa::path(
    post,
    path = "/api/v1/socket/broadcast",
    request_body = Broadcast,
    security(("backEnd" = [])),
    responses((status = 200, body = SuccessEnvelope<Announced>))
)]
async fn broadcast(BackendRequest(call): BackendRequest) -> RestResult {
    let Broadcast { event, kind, title, message, data } = call.body()?;
    let kind = kind.unwrap_or_else(|| notification_texts::INFO.to_owned());
    let command = BroadcastAnnouncement { event, kind, title, message, data: data.map(Value::Object) };
    let bus = call.state.deps.bus.clone();
    let decided = Arc::new(OnceLock::new());
    let new = decided.clone();
    let work = move |context: &mut CommandContext<'_>| {
        let announcement = command.execute(context)?;
        // The work runs once, so the cell is empty here.
        let _ = new.set(announcement.clone());
        Ok(announcement)
    };
    let answer = call.change(StatusCode::OK, work, |announcement: &Announcement| success(&Announced::of(announcement))).await?;
    // A repeated request receives the stored answer, and the broadcast is not repeated.
    if let Some(announcement) = decided.get() {
        bus.publish(BusMessage::Ephemeral(EphemeralEvent::Announced { announcement: announcement.clone() }.into()));
    }
    Ok(answer)
}

body! {
    /// A notification of the caller, for tests.
    TestNotification as "socket.TestNotification" {
        /// The title; not blank. `Test notification` if absent.
        title: optional String[1..=validation::MAX_NAME],
        /// The text.
        message: optional String[0..=validation::MAX_NOTIFICATION],
        /// The type; `info` if absent.
        kind = "type": optional String[1..=validation::MAX_NOTIFICATION_KIND],
        /// Further data for the front end.
        data: optional Map<String, Value>,
    }

    /// A change of a trip that is not stored, for tests.
    TestUpdate as "socket.TestUpdate" {
        /// The trip; the caller's newest trip if absent.
        trip = "tripId": optional IdInput,
        /// The changes that the members receive; `{"test": true}` if absent.
        changes: optional Map<String, Value>,
    }

    /// A notification for all connected clients.
    Broadcast as "socket.Broadcast" {
        /// The event name; `notification` if absent.
        event: optional String[1..=validation::MAX_EVENT_NAME],
        /// The type; `info` if absent.
        kind = "type": optional String[1..=validation::MAX_NOTIFICATION_KIND],
        /// The title; not blank.
        title: required String[1..=validation::MAX_NAME],
        /// The text.
        message: required String[0..=validation::MAX_NOTIFICATION],
        /// Further data for the front end.
        data: optional Map<String, Value>,
    }
}

/// The rooms with the most connections.
#[derive(Serialize, ToSchema)]
#[schema(as = socket::Rooms)]
struct Rooms {
    /// The number of rooms; the list may contain fewer.
    total: usize,
    rooms: Vec<Room>,
}

/// The sockets of a user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = socket::Mine)]
struct Mine<'a> {
    user_id: &'a str,
    count: usize,
    connections: Vec<Connection>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = socket::Connection)]
struct Connection {
    socket_id: String,
    /// Null on the raw WebSocket.
    #[schema(required)]
    namespace: Option<String>,
    transport: &'static str,
    connected_at: Milliseconds,
    seconds: u64,
    rooms: Vec<String>,
}

/// The changes that the members of a trip received.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = socket::PassedOn)]
struct PassedOn<'a> {
    trip_id: &'a str,
    #[schema(value_type = Object)]
    changes: &'a Map<String, Value>,
}

fn ok(data: &impl Serialize) -> RestResponse {
    RestResponse { status: StatusCode::OK, body: success(data), replayed: false, next: None }
}
