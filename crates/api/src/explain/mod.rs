//! Why a user received an event or not: `GET /api/v1/explain`.
//!
//! - `report`: the answer, as JSON.
//! - `connection`: what became of the event on one connection.
//! - `outcome`: the outcomes, their order, and their texts.
//! - This file: the path, and the answer from what the store and the shards know.

mod connection;
mod outcome;
mod report;

use std::sync::Arc;

use axum::extract::State;
use client_json::json;
use client_json::timestamps::Milliseconds;
use domain::command::Actor;
use domain::error::DomainError;
use domain::event::EventKind;
use domain::explain::{Cause, EventFacts, EventReference, ExplainEvent, Membership};
use domain::ids::{RoomId, Timestamp, UserId, parse_id};
use engine::Position;
use http::StatusCode;
use realtime::{DeliveryFacts, DeliveryQuery, client_position};
use rest_toolkit::request_context::BackendRequest;
use rest_toolkit::response::{RestError, RestResponse, RestResult};
use tokio::sync::oneshot;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{ApiDeps, ApiState};
use connection::{EventOnConnections, explain_connections};
use outcome::Outcome;
use report::{AskedNode, DeliveryLogReach, ExplainedEvent, ExplainedUser, Explanation, MembershipReport, RefusalReport};

/// The most rooms of an event that an answer lists. The others do not change the outcome for a user who is in none of these.
const MAX_LISTED_ROOMS: usize = 100;

/// The error for a position of another event log.
const FOREIGN_POSITION: &str =
    "is not a position of this event log; take it from an event, or from the response of /api/v1/emit, or use the id of a message";

/// The routes.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(explain))
}

/// The query of a request.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it is only a description")]
struct ExplainQuery {
    /// The event: its position, as clients receive it and `POST /api/v1/emit` returns it, or the id of a message.
    #[param(example = "1000000000000001")]
    event: String,
    /// The id of the user.
    #[param(example = "ben")]
    user: String,
}

/// Explains why a user received an event or not: its way from the event log to each of the user's connections. For backends and admins.
#[utoipa::path(
    get,
    path = "/api/v1/explain",
    params(ExplainQuery),
    security(("backEnd" = [])),
    responses((status = 200, body = Explanation), (status = 404))
)]
async fn explain(State(api): State<Arc<ApiDeps>>, BackendRequest(call): BackendRequest) -> RestResult {
    let query = call.query_string().unwrap_or_default().to_owned();
    let of = |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
    let event = reference(&of("event").unwrap_or_default())?;
    let user = of("user").and_then(|user| UserId::parse(&user)).ok_or_else(|| RestError::field("user", "must be the id of a user"))?;
    let (reply, response) = oneshot::channel();
    let readers = &call.state.deps.readers;
    readers.ask(Actor::server(), ExplainEvent { event, user: user.clone() }, move |result| drop(reply.send(result)));
    let facts = response.await.unwrap_or_else(|_| Err(DomainError::Unavailable("the server is stopping".to_owned())))?;
    let facts = facts.ok_or_else(|| RestError::field("event", FOREIGN_POSITION))?;
    // Inboxes of other users may be very many, and no connection of the user is in one of them.
    let own = facts.rooms.iter().filter(|room| room.membership != Membership::OtherInbox);
    let rooms: Vec<RoomId> = own.map(|room| room.room.clone()).collect();
    let question = DeliveryQuery { user: user.clone(), offset: facts.offset.and_then(|offset| u64::try_from(offset).ok()), rooms };
    let delivery = api.shard_query.delivery_facts(question).await.ok_or_else(RestError::not_responding)?;
    let window = api.recovery_window;
    let explanation = answer(&api, &user, &facts, &delivery, call.state.now(), window);
    Ok(RestResponse { status: StatusCode::OK, body: json(&explanation), replayed: false, next: None })
}

/// Reads the name of an event. Errors: 400 with the forms that there are.
fn reference(text: &str) -> Result<EventReference, RestError> {
    let wrong = |reason| RestError::field("event", reason);
    if text == "null" {
        return Err(wrong("null is the position of a volatile event, which is not stored; only stored events can be explained"));
    }
    if let Some(id) = parse_id(text) {
        return Ok(EventReference::Message(id));
    }
    // A position with a part lies within the event behind its offset.
    let behind = |position: Position| Position::from(position.number + u64::from(position.part > 0));
    let position = Position::parse(text).and_then(|(epoch, position)| client_position(epoch, behind(position)));
    position.map(EventReference::Position).ok_or_else(|| wrong("must be a position such as 4jx0Bn1c-1042, or the id of a message"))
}

/// The answer.
fn answer(
    api: &ApiDeps,
    user: &UserId,
    facts: &EventFacts,
    delivery: &DeliveryFacts,
    now: Timestamp,
    window: std::time::Duration,
) -> Explanation {
    let stored_at = facts.event.as_ref().map(|event| event.at).or(facts.message.as_ref().map(|message| message.at));
    let on_connections = EventOnConnections {
        event: facts.event.as_ref().map(|event| &event.event),
        user,
        at: delivery.published_at.or(stored_at),
        reaches_back_to: delivery.reaches_back_to,
        now,
    };
    let connections = explain_connections(&on_connections, &delivery.connections);
    let membership: Vec<MembershipReport> =
        facts.rooms.iter().take(MAX_LISTED_ROOMS).map(|room| membership(user, &room.room, room.membership)).collect();
    let best = connections.iter().map(|connection| connection.outcome).min();
    let is_entitled = facts.rooms.is_empty() || facts.rooms.iter().any(|room| room.membership.was_member());
    let outcome = match best {
        Some(best) if best.was_sent() => best,
        _ if on_connections.at.is_none() => Outcome::NoLongerKnown,
        _ if !is_entitled => Outcome::NotAMember,
        Some(Outcome::OpenedLater | Outcome::EndedBefore | Outcome::Continued) | None if !on_connections.is_all_known() => {
            Outcome::NoLongerKnown
        }
        Some(Outcome::OpenedLater | Outcome::EndedBefore) | None => Outcome::Offline,
        Some(best) => best,
    };
    let decisive = connections.iter().find(|connection| connection.outcome == outcome);
    let nodes = AskedNode::of(api.node.as_deref());
    Explanation {
        outcome,
        summary: outcome.summary(user, decisive.map(|connection| connection.id.as_str()), nodes.is_single()),
        event: event(api, facts, delivery, stored_at),
        user: ExplainedUser { id: user.to_string(), is_known: facts.user.is_some() },
        membership,
        connections,
        refusals: delivery.refusals.iter().map(RefusalReport::from).collect(),
        delivery_log: DeliveryLogReach::new(delivery.reaches_back_to, window),
        node: nodes,
    }
}

fn event(api: &ApiDeps, facts: &EventFacts, delivery: &DeliveryFacts, stored_at: Option<Timestamp>) -> ExplainedEvent {
    let cause = match (&facts.event, &facts.message) {
        (Some(event), _) => Cause::of(&event.event),
        (None, Some(message)) => Cause::User(message.sender.clone()),
        (None, None) => Cause::Unknown,
    };
    ExplainedEvent {
        position: facts.offset.map(|offset| api.fanout.position(offset)),
        kind: facts.event.as_ref().map(|event| EventKind::from(&event.event).name()),
        rooms: facts.rooms.iter().take(MAX_LISTED_ROOMS).map(|room| room.room.to_string()).collect(),
        rooms_count: facts.rooms.len(),
        by: match &cause {
            Cause::User(user) => Some(user.to_string()),
            Cause::BackEnd | Cause::Unknown => None,
        },
        source: match cause {
            Cause::User(_) => "user",
            Cause::BackEnd => "back_end",
            Cause::Unknown => "unknown",
        },
        stored_at: stored_at.map(Milliseconds),
        published_at: delivery.published_at.map(Milliseconds),
        is_in_log: facts.event.is_some(),
    }
}

fn membership(user: &UserId, room: &RoomId, membership: Membership) -> MembershipReport {
    let (code, text) = match membership {
        Membership::OwnInbox => ("own_inbox", format!("{room} is the inbox of {user}.")),
        Membership::OtherInbox => ("other_inbox", format!("{room} is the inbox of another user.")),
        Membership::Everyone => ("everyone", "All connected users receive the event.".to_owned()),
        Membership::Member => ("member", format!("{user} was a member of {room} when the event was stored, and is one now.")),
        Membership::JoinedLater(_) => ("joined_later", format!("{user} became a member of {room} only after the event.")),
        Membership::MemberUntil(at) => {
            ("member_until", format!("{user} is no longer a member of {room} since {}, after the event.", Milliseconds(at)))
        }
        Membership::LeftBefore(at) => {
            ("left_before", format!("{user} is no longer a member of {room} since {}, before the event.", Milliseconds(at)))
        }
        Membership::Never => ("never", format!("{user} is not a member of {room}.")),
    };
    MembershipReport { room: room.to_string(), was_member: membership.was_member(), membership: code, text }
}
