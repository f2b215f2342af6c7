//! The answer to the question why a user received an event or not.

use std::time::Duration;

use client_json::timestamps::Milliseconds;
use domain::ids::Timestamp;
use realtime::JoinRefusal;
use realtime::nodes::NodeHandle;
use serde::Serialize;
use utoipa::ToSchema;

use super::outcome::Outcome;

/// Why a user received an event or not.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = explain::Explanation)]
pub(super) struct Explanation {
    /// What became of the event for the user: the best outcome of all connections.
    #[schema(schema_with = Outcome::schema)]
    pub outcome: Outcome,
    /// The answer in a sentence.
    pub summary: String,
    /// The event.
    #[schema(inline)]
    pub event: ExplainedEvent,
    /// The user.
    #[schema(inline)]
    pub user: ExplainedUser,
    /// The rooms that receive the event, and the user's membership of each when the event was stored.
    #[schema(inline)]
    pub membership: Vec<MembershipReport>,
    /// The connections of the user, open and recently ended, the oldest first.
    #[schema(inline)]
    pub connections: Vec<ConnectionReport>,
    /// Recent requests of the user to join one of the rooms that were refused.
    #[schema(inline)]
    pub refusals: Vec<RefusalReport>,
    /// How far back the server knows deliveries.
    #[schema(inline)]
    pub delivery_log: DeliveryLogReach,
    /// The node that answers.
    #[schema(inline)]
    pub node: AskedNode,
}

/// An event, without its content.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExplainedEvent {
    /// Its position; null if the event of a message is no longer in the event log.
    #[schema(required)]
    pub position: Option<String>,
    /// Its kind, as in the metrics; null if it is no longer in the event log.
    #[schema(required)]
    pub kind: Option<&'static str>,
    /// The rooms that receive it, at most 100.
    pub rooms: Vec<String>,
    /// The number of these rooms.
    pub rooms_count: usize,
    /// The user who caused it; null if a back end did, or if the event does not say.
    #[schema(required)]
    pub by: Option<String>,
    /// What caused it: `user`, `back_end` or `unknown`.
    pub source: &'static str,
    /// When it was stored.
    #[schema(required)]
    pub stored_at: Option<Milliseconds>,
    /// When this server delivered it to the first connection of any user; null if to none, or if that is too long ago.
    #[schema(required)]
    pub published_at: Option<Milliseconds>,
    /// Whether the event log still has it.
    pub is_in_log: bool,
}

/// A user.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExplainedUser {
    /// The id.
    pub id: String,
    /// Whether the server has a profile of the user.
    pub is_known: bool,
}

/// A user's membership of a room when the event was stored.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MembershipReport {
    /// The room.
    pub room: String,
    /// Whether the user was entitled to the events of the room.
    pub was_member: bool,
    /// `own_inbox`, `other_inbox`, `everyone`, `member`, `joined_later`, `member_until`, `left_before` or `never`.
    pub membership: &'static str,
    /// The same in a sentence.
    pub text: String,
}

/// A connection of the user, and the event on it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConnectionReport {
    /// The Socket.IO id, which a recovered connection keeps.
    pub id: String,
    /// The namespace; null for the raw WebSocket.
    #[schema(required)]
    pub namespace: Option<String>,
    /// `websocket`, `polling` or `raw`.
    pub transport: &'static str,
    /// What became of the event on this connection.
    #[schema(schema_with = Outcome::schema)]
    pub outcome: Outcome,
    /// The same in a sentence.
    pub summary: String,
    /// When the connection was accepted.
    pub connected_at: Milliseconds,
    /// Whether it continues an earlier connection with the same id.
    pub is_recovered: bool,
    /// When it ended; null if it is open.
    #[schema(required)]
    pub ended_at: Option<Milliseconds>,
    /// Why it ended, as in the metrics.
    #[schema(required)]
    pub end_reason: Option<&'static str>,
    /// Until when its client may return and receives what it missed; null if it is open, or if the client cannot return.
    #[schema(required)]
    pub recoverable_until: Option<Milliseconds>,
    /// Its stays in the rooms of the event.
    #[schema(inline)]
    pub rooms: Vec<RoomStayReport>,
    /// The steps of the event on this connection.
    #[schema(inline)]
    pub steps: Vec<StepReport>,
}

/// A stay of a connection in a room.
#[derive(Serialize, ToSchema)]
pub(super) struct RoomStayReport {
    /// The room.
    pub room: String,
    /// When the connection joined.
    pub since: Milliseconds,
    /// When it left; null if it was in the room until its end, or still is.
    #[schema(required)]
    pub until: Option<Milliseconds>,
}

/// A step of an event on its way to a connection.
#[derive(Serialize, ToSchema)]
pub(super) struct StepReport {
    /// When.
    pub at: Milliseconds,
    /// `queued`, `deferred`, `dropped`, `replayed`, `written`, `replaced` or `confirmed`.
    pub step: &'static str,
    /// The same in a sentence.
    pub text: String,
}

/// A refused request to join a room.
#[derive(Serialize, ToSchema)]
pub(super) struct RefusalReport {
    /// When.
    pub at: Milliseconds,
    /// The room.
    pub room: String,
    /// The name of the request.
    pub request: &'static str,
    /// The error code that the client received.
    pub code: &'static str,
    /// The same in a sentence.
    pub text: String,
}

impl From<&JoinRefusal> for RefusalReport {
    fn from(refusal: &JoinRefusal) -> Self {
        let JoinRefusal { at, room, request, code } = refusal;
        let text = format!("The server refused the request {request} for {room} with the code {code}.");
        Self { at: Milliseconds(*at), room: room.to_string(), request, code, text }
    }
}

/// How far back the server knows deliveries.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeliveryLogReach {
    /// The time of the oldest known delivery; null if there is none.
    #[schema(required)]
    pub reaches_back_to: Option<Milliseconds>,
    /// How many seconds the event log keeps events (`RECOVERY_WINDOW`).
    pub event_log_seconds: u64,
}

impl DeliveryLogReach {
    pub fn new(reaches_back_to: Option<Timestamp>, window: Duration) -> Self {
        Self { reaches_back_to: reaches_back_to.map(Milliseconds), event_log_seconds: window.as_secs() }
    }
}

/// The node that answers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AskedNode {
    /// Its id; null if this server is no node of a cluster.
    #[schema(required)]
    pub id: Option<String>,
    /// The other nodes, whose connections are not in the answer. Ask each of them as well.
    pub others: Vec<String>,
}

impl AskedNode {
    pub fn of(node: Option<&NodeHandle>) -> Self {
        let Some(node) = node.and_then(NodeHandle::get) else { return Self { id: None, others: Vec::new() } };
        let mut others: Vec<String> = node.others().iter().map(|node| node.id.to_string()).collect();
        others.sort();
        Self { id: Some(node.own().id.to_string()), others }
    }

    /// Whether the answer has the connections of the whole server.
    pub fn is_single(&self) -> bool {
        self.others.is_empty()
    }
}
