//! The state that all shards share.

use std::sync::Arc;
use std::time::Duration;

use auth::Authenticator;
use config::{Audience, Config, Limit, TokenEnd};
use contracts::ContractRegistry;
use domain::ids::Timestamp;
use domain::ports::Bus;
use limits::bytes_in_memory::BytesInHand;
use limits::rate_limit::RateLimits;
use store::{Readers, Writer};

use super::{Fanout, PendingSessionEnds, SessionLocations, StartupPresence, UnackedDeliveries};
use crate::nodes::NodeHandle;
use crate::presence::{CallParticipants, OnlineUsers, RoomPresence, TypingUsers};

/// The state that all shards share. Each lock in it is held only for a look-up.
///
/// Its methods need no engine, so tests call them without connections:
///
/// - `connect.rs`: `identify`, `authorize`, `rooms_to_join`, `greetings`.
/// - `auth_refresh.rs`: `verify_refresh`.
/// - `client_messages.rs`: `parse`; `requests.rs`: the replies to requests.
/// - `recovery.rs`: `resume_request`; `startup_presence.rs`: `expect_users`.
/// - `presence_events.rs`: `publish_presence`, `publish_left`, `remove_member_presence`.
/// - `typing.rs`: `start_typing`, `stop_typing`, `stop_typing_everywhere`.
pub struct RealtimeState {
    /// The contracts.
    pub contracts: ContractRegistry,
    /// The verification of tokens.
    pub tokens: TokenPolicy,
    /// The threads of the database.
    pub store: StoreHandles,
    /// The users who are online, in rooms, typing, and in calls.
    pub presence: PresenceState,
    /// The limits of users and connections.
    pub limits: ConnectionLimits,
    /// The sessions of sockets that clients may resume.
    pub sessions: SessionState,
    /// The way of events to the clients.
    pub delivery: Delivery,
    /// This server as one of several nodes; `None` if it is the only one.
    pub node: Option<Arc<NodeHandle>>,
    /// The current time.
    pub clock: fn() -> Timestamp,
}

impl RealtimeState {
    /// Whether clients can reconnect to another node.
    pub fn has_other_nodes(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.get().is_some_and(|node| !node.others().is_empty()))
    }
}

/// How tokens are verified, and whether they end connections.
pub struct TokenPolicy {
    /// Verifies tokens.
    pub authenticator: Arc<Authenticator>,
    /// Whether a connection ends when its token expires, also if the client never refreshes a token.
    pub closes_at_expiry: bool,
}

impl TokenPolicy {
    /// The policy of `TOKEN_END`.
    pub fn new(config: &Config, authenticator: Arc<Authenticator>) -> Self {
        Self { authenticator, closes_at_expiry: config.auth.token_end == TokenEnd::Close }
    }
}

/// The threads of the database.
pub struct StoreHandles {
    /// Runs commands, in one order.
    pub writer: Writer,
    /// Runs queries.
    pub readers: Readers,
}

/// The users who are online, in rooms, typing, and in calls; and the settings of presence.
pub struct PresenceState {
    /// The users who are online.
    pub online_users: Arc<OnlineUsers>,
    /// The users who have each room open.
    pub room_presence: Arc<RoomPresence>,
    /// The users who are typing, by room.
    pub typing: TypingUsers,
    /// The users in each call, with their connections.
    pub call_participants: CallParticipants,
    /// The presence changes from before the start.
    pub startup: StartupPresence,
    /// How long a user counts as online after a disconnect.
    pub grace: Duration,
    /// Whether the server sends presence events.
    pub is_broadcast: bool,
    /// Whether every user may query whether another user is online. If false, only users who share a space may.
    pub is_public: bool,
}

impl PresenceState {
    /// The state at a start. `startup`: the presence changes from before it.
    pub fn new(
        config: &Config,
        online_users: Arc<OnlineUsers>,
        room_presence: Arc<RoomPresence>,
        call_participants: CallParticipants,
        startup: StartupPresence,
    ) -> Self {
        Self {
            online_users,
            room_presence,
            typing: TypingUsers::default(),
            call_participants,
            startup,
            grace: config.presence.grace,
            is_broadcast: config.presence.audience != Audience::None,
            is_public: config.presence.audience == Audience::Everyone,
        }
    }
}

/// The limits of users and connections.
pub struct ConnectionLimits {
    /// Rate limits and other budgets.
    pub rates: Arc<RateLimits>,
    /// The most Socket.IO connections of a user; `None`: no limit.
    pub socketio_connections: Option<u32>,
    /// The most raw WebSockets of a user; `None`: no limit.
    pub raw_connections: Option<u32>,
    /// The most rooms of a connection, without its user's inbox.
    pub rooms: Limit,
    /// Counts the bytes that wait in connections.
    pub bytes_in_hand: Arc<BytesInHand>,
}

impl ConnectionLimits {
    /// The limits of the settings.
    pub fn new(config: &Config, rates: Arc<RateLimits>, bytes_in_hand: Arc<BytesInHand>) -> Self {
        Self {
            rates,
            socketio_connections: config.limits.socketio_max_connections_per_user.limit(),
            raw_connections: config.limits.max_connections_per_user.limit(),
            rooms: config.limits.max_rooms_per_connection,
            bytes_in_hand,
        }
    }
}

/// The sessions of sockets that clients may resume.
pub struct SessionState {
    /// The shards of resumed sockets.
    pub locations: SessionLocations,
    /// The acknowledged offsets of ended sockets whose end is not stored yet.
    pub pending_ends: PendingSessionEnds,
    /// The unacknowledged deliveries of disconnected clients.
    pub unacked_deliveries: Arc<UnackedDeliveries>,
    /// How long after a disconnect missed events are kept for replay.
    pub recovery_window: Duration,
}

impl SessionState {
    /// The state at a start, which has no sessions.
    pub fn new(recovery_window: Duration, unacked_deliveries: Arc<UnackedDeliveries>) -> Self {
        Self { locations: SessionLocations::default(), pending_ends: PendingSessionEnds::default(), unacked_deliveries, recovery_window }
    }
}

/// The way of events to the clients.
#[derive(Clone)]
pub struct Delivery {
    /// Ephemeral events are published here.
    pub bus: Arc<dyn Bus>,
    /// Broadcasts the events that the bus delivers.
    pub fanout: Arc<Fanout>,
}
