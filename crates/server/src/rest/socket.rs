//! The trip contract's paths about the connections themselves, of all contracts: how many there are, what happens on them, and ways to try them.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::event::Signal;
use domain::names::{Kind, PersonId, Timestamp};
use domain::notifications::{Announce, Announcement, NewNotification, Notification, notify};
use domain::operation::{Command, Tx};
use domain::seam::Notice;
use domain::trips::PassOnToTrip;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Desk;
use super::answer::{Answer, Failure, success};
use super::call::{BackEnd, Call};
use super::ids;
use crate::dialects::ids::GivenId;
use crate::dialects::times::Milliseconds;
use crate::dialects::trip::payloads::Announced;
use crate::dialects::trip::{notices, objects};
use crate::live::{Crowd, Here, Tally};

type Answered = Result<Answer, Failure>;

/// The paths.
pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/api/v1/socket/health", get(health))
        .route("/api/v1/socket/stats", get(stats))
        .route("/api/v1/socket/rooms", get(rooms))
        .route("/api/v1/socket/my-connections", get(my_connections))
        .route("/api/v1/socket/test-notification", post(test_notification))
        .route("/api/v1/socket/test-trip-update", post(test_trip_update))
        .route("/api/v1/socket/broadcast", post(broadcast))
}

/// For load balancers, so without a token: 200 while every shard and the writer answer, else 503.
async fn health(State(desk): State<Arc<Desk>>) -> Response {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Health {
        status: &'static str,
        sockets: u64,
        total_sockets: u64,
        uptime_seconds: u64,
        timestamp: Milliseconds,
    }
    let (tally, writes) = tokio::join!(desk.rest.census.tally(), desk.writes());
    let Some(tally) = tally.filter(|_| writes) else { return Failure::no_answer().into_response() };
    let health = Health {
        status: "healthy",
        sockets: tally.here(),
        total_sockets: tally.came,
        uptime_seconds: desk.rest.census.uptime().as_secs(),
        timestamp: Milliseconds(desk.now()),
    };
    ok(&health).into_response()
}

/// What the server has done since its start, and who is there now.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
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

/// A connection has a socket in each namespace that it asked for. What lasts, comes and goes is sockets.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connections {
    current: u64,
    sockets: u64,
    total_sockets: u64,
    people: usize,
    by_namespace: BTreeMap<String, u64>,
    by_transport: BTreeMap<&'static str, u64>,
}

/// In seconds.
#[derive(Serialize)]
struct Durations {
    current: Lasting,
    ended: Lasting,
    #[serde(rename = "endedByReason")]
    ended_by_reason: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct Lasting {
    count: u64,
    average: f64,
    longest: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counted {
    total: u64,
    by_type: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Errors {
    total: u64,
    /// Of all events, how many were refused: 0 to 1.
    rate: f64,
    by_type: BTreeMap<&'static str, u64>,
    refused_connections: Counted,
}

#[derive(Serialize)]
struct Room {
    room: String,
    /// People.
    members: usize,
    /// Their sockets.
    connections: u64,
}

async fn stats(BackEnd(call): BackEnd) -> Answered {
    let limit = call.limit()?;
    let census = &call.desk.rest.census;
    let (tally, crowd) = tokio::join!(census.tally(), census.crowd());
    let (tally, crowd) = tally.zip(crowd).ok_or_else(Failure::no_answer)?;
    Ok(ok(&Stats::of(&tally, crowd, limit, census.uptime(), call.desk.now())))
}

impl Stats {
    fn of(tally: &Tally, crowd: Crowd, limit: usize, uptime: Duration, now: Timestamp) -> Self {
        let (heard, refused) = (tally.heard.total(), tally.refused.total());
        let sockets = crowd.sockets();
        Self {
            active_rooms: crowd.rooms.len(),
            rooms: largest(&crowd, limit),
            durations: Durations {
                current: Lasting::of(sockets, crowd.lasting, crowd.longest),
                ended: Lasting::of(tally.went.total(), tally.lasted, tally.longest),
                ended_by_reason: tally.went.by_word(),
            },
            events: Counted { total: heard, by_type: tally.heard.by_word() },
            errors: Errors {
                total: refused,
                rate: if heard == 0 { 0.0 } else { refused as f64 / heard as f64 },
                by_type: tally.refused.by_word(),
                refused_connections: Counted { total: tally.turned_away.total(), by_type: tally.turned_away.by_word() },
            },
            connections: Connections {
                current: crowd.connections,
                sockets,
                total_sockets: tally.came,
                people: crowd.people.len(),
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

/// Seconds, to the millisecond.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

async fn rooms(BackEnd(call): BackEnd) -> Answered {
    #[derive(Serialize)]
    struct Rooms {
        total: usize,
        rooms: Vec<Room>,
    }
    let limit = call.limit()?;
    let crowd = call.desk.rest.census.crowd().await.ok_or_else(Failure::no_answer)?;
    Ok(ok(&Rooms { total: crowd.rooms.len(), rooms: largest(&crowd, limit) }))
}

/// The rooms with the most connections, the largest first.
fn largest(crowd: &Crowd, limit: usize) -> Vec<Room> {
    let each = crowd.rooms.iter();
    let room = |(room, people): (&domain::names::Room, &std::collections::HashMap<PersonId, u64>)| Room {
        room: room.to_string(),
        members: people.len(),
        connections: people.values().sum(),
    };
    let mut rooms: Vec<Room> = each.map(room).collect();
    rooms.sort_by(|one, other| other.connections.cmp(&one.connections).then_with(|| one.room.cmp(&other.room)));
    rooms.truncate(limit);
    rooms
}

async fn my_connections(call: Call) -> Answered {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Mine<'a> {
        user_id: &'a str,
        count: usize,
        connections: Vec<Connection>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Connection {
        socket_id: String,
        namespace: Option<String>,
        transport: &'static str,
        connected_at: Milliseconds,
        seconds: u64,
        rooms: Vec<String>,
    }
    let now = call.desk.now();
    let connection = |here: Here| Connection {
        socket_id: here.id,
        namespace: here.namespace,
        transport: here.transport,
        connected_at: Milliseconds(Timestamp(now.0.saturating_sub(here.lasting.as_micros().try_into().unwrap_or(i64::MAX)))),
        seconds: here.lasting.as_secs(),
        rooms: here.rooms.iter().map(ToString::to_string).collect(),
    };
    let person = &call.meet().await?.actor.person;
    let sockets = call.desk.rest.census.sockets_of(person).await.ok_or_else(Failure::no_answer)?;
    let connections: Vec<Connection> = sockets.into_iter().map(connection).collect();
    Ok(ok(&Mine { user_id: person.as_str(), count: connections.len(), connections }))
}

async fn test_notification(call: Call) -> Answered {
    let mut fields = call.fields()?;
    let (title, message): (String, String) = (fields.required("title")?, fields.required("message")?);
    let kind = fields.optional("type")?.unwrap_or_else(|| notices::INFO.to_owned());
    let data = fields.optional::<Map<String, Value>>("data")?.map(Value::Object);
    fields.end()?;
    let work = move |tx: &mut Tx<'_>| {
        let person = tx.actor.person.clone();
        notify(tx, NewNotification { person, kind, title, message, link: None, data })
    };
    call.change(StatusCode::OK, work, |notification: &Notification| success(&objects::Notification::of(notification))).await
}

async fn test_trip_update(call: Call) -> Answered {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct PassedOn<'a> {
        trip_id: &'a str,
        changes: &'a Map<String, Value>,
    }
    let mut fields = call.fields()?;
    let given: GivenId = fields.required("tripId")?;
    let command = PassOnToTrip { room: ids::room(Kind::Trip, &given.0)?, more: fields.required("changes")? };
    fields.end()?;
    call.command(StatusCode::OK, command, |told| success(&PassedOn { trip_id: told.room.id(), changes: &told.more })).await
}

async fn broadcast(BackEnd(call): BackEnd) -> Answered {
    let mut fields = call.fields()?;
    let command = Announce {
        event: fields.optional("event")?,
        kind: fields.optional("type")?.unwrap_or_else(|| notices::INFO.to_owned()),
        title: fields.required("title")?,
        message: fields.required("message")?,
        data: fields.optional::<Map<String, Value>>("data")?.map(Value::Object),
    };
    fields.end()?;
    let bus = call.desk.rest.bus.clone();
    let decided = Arc::new(OnceLock::new());
    let new = decided.clone();
    let work = move |tx: &mut Tx<'_>| {
        let announcement = command.decide(tx)?;
        // It is set once: work is done once.
        let _ = new.set(announcement.clone());
        Ok(announcement)
    };
    let answer = call.change(StatusCode::OK, work, |told: &Announcement| success(&Announced::of(told))).await?;
    // A repeated request is answered as before, and nobody hears it twice.
    if let Some(announcement) = decided.get() {
        bus.publish(Notice::Signal(Signal::Announced { announcement: announcement.clone() }.into()));
    }
    Ok(answer)
}

fn ok(data: &impl Serialize) -> Answer {
    Answer { status: StatusCode::OK, body: success(data), replayed: false }
}
