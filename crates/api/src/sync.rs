//! Missed events, for clients without a socket, and for clients that check before they open one.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use client_json::json;
use domain::command::Command;
use domain::ids::RoomId;
use domain::sessions::ResolveSync;
use engine::{OutboundMessage, Position};
use http::StatusCode;
use realtime::{PageUnavailable, client_position};
use rest_toolkit::request_context::AuthedRequest;
use rest_toolkit::response::{RestError, RestResponse};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{ApiDeps, ApiState};

/// The most rooms that one request asks about.
const MAX_ROOMS: usize = 200;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(sync))
}

/// The query of a request.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is only a description")]
struct SyncQuery {
    /// The position up to which the client has received all events: an envelope's `id`, the last argument of an event, or the `position` of an
    /// earlier response. Without it, the response has no events and the position at which the client begins.
    #[param(required = false)]
    since: String,
    /// The rooms, separated by commas; without it, all rooms of the user.
    #[param(required = false)]
    rooms: String,
    /// The form of the events: a Socket.IO namespace, or `raw`.
    #[param(required = false, default = "/")]
    namespace: String,
}

/// A page of missed events.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = meta::Missed)]
struct SyncPage {
    /// The position at the end of this page; the next `since`.
    position: String,
    /// Whether there are more missed events. Then the client requests the next page, with `position` as `since`.
    has_more: bool,
    /// Whether the missed events are no longer stored. Then the client fetches its whole state again.
    resync: bool,
    /// The missed events, in order: a page of about 256 KB.
    events: Vec<SyncEvent>,
}

/// An event as a socket receives it.
#[derive(Serialize, ToSchema)]
#[schema(as = meta::Heard)]
struct SyncEvent {
    /// Its position.
    id: String,
    /// Its name; the type of an envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    event: Option<String>,
    /// Its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Vec<serde_json::Value>)]
    args: Option<Box<RawValue>>,
    /// The raw WebSocket's envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Object)]
    envelope: Option<Box<RawValue>>,
}

/// Returns missed events in pages, as a reconnecting socket receives them.
#[utoipa::path(get, path = "/api/v1/sync", params(SyncQuery), responses((status = 200, body = SyncPage)))]
async fn sync(State(api): State<Arc<ApiDeps>>, call: AuthedRequest) -> Result<RestResponse, RestError> {
    let query = call.query_string().unwrap_or_default().to_owned();
    let of = |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
    let since = of("since");
    let rooms = rooms(of("rooms").as_deref().unwrap_or_default())?;
    let name = of("namespace").unwrap_or_else(|| "/".into());
    let fanout = Arc::clone(&api.fanout);
    let namespace = fanout.namespace(&name).ok_or_else(|| RestError::field("namespace", "must be a namespace of the server, or raw"))?;
    let position = since.as_deref().and_then(Position::parse);
    let command = ResolveSync { offered: position.and_then(|(epoch, position)| client_position(epoch, position)), rooms };
    let caught_up = call.run_in_writer(|context| command.execute(context)).await?;
    let page = match (&since, caught_up.since, position) {
        (Some(_), Some(_), Some((_, from))) => match fanout.missed(namespace, &caught_up, from).await {
            Err(PageUnavailable::Unavailable(error)) => return Err(error.into()),
            page => page.ok(),
        },
        _ => None,
    };
    let resync = since.is_some() && page.is_none();
    let reached = page.as_ref().map_or(caught_up.position, |page| page.reached as i64);
    let events = page.map(|page| page.events).unwrap_or_default();
    let missed = SyncPage {
        position: fanout.position(reached),
        has_more: reached < caught_up.position,
        resync,
        events: events.into_iter().map(|(id, message)| sync_event(id, message)).collect(),
    };
    Ok(RestResponse { status: StatusCode::OK, body: json(&missed), replayed: false, next: None })
}

/// Parses the rooms of a query. Errors: 400.
fn rooms(name: &str) -> Result<BTreeSet<RoomId>, RestError> {
    let invalid = || RestError::field("rooms", "must be rooms such as conversation:7, separated by commas, at most 200");
    let name = name.split(',').map(str::trim).filter(|room| !room.is_empty());
    let rooms = name.map(|room| RoomId::parse(room).ok_or_else(invalid)).collect::<Result<BTreeSet<_>, _>>()?;
    if rooms.len() > MAX_ROOMS { Err(invalid()) } else { Ok(rooms) }
}

fn sync_event(id: String, message: OutboundMessage) -> SyncEvent {
    // The messages of the server are JSON.
    let raw = |text: String| RawValue::from_string(text).ok();
    match message {
        OutboundMessage::Event { name, args, .. } => {
            SyncEvent { id, event: Some(name.into_owned()), args: raw(format!("[{args}]")), envelope: None }
        }
        OutboundMessage::Text(text) => SyncEvent { id, event: None, args: None, envelope: raw(text) },
        OutboundMessage::Binary(_) => SyncEvent { id, event: None, args: None, envelope: None },
    }
}
