//! Users' live connections: the application that runs on the engine, one instance for each shard.
//!
//! - `handshake`: admission of handshakes, and the data of a handshake that is kept.
//! - `socket_data`: the data of a socket.
//! - `connect`: from a connection request to an accepted socket.
//! - `client_messages`: from a client's message to a request. `requests`: client requests, processed in order. `typing`: typing in rooms. `room_limit`: the limit on rooms of a connection.
//! - `token_expiry`: deadlines of connections that end with their tokens. `auth_refresh`: token refresh, and the end of connections whose token has
//!   expired.
//! - `recovery`: resuming sockets and replaying missed events. `session_locations`: the shards of resumed sockets. `pending_session_ends`: ended sockets whose end
//!   is not stored yet.
//! - `unacked_deliveries`: deliveries that were not confirmed when a socket ended. `client_offsets`: the offsets, by room, of clients that track their own
//!   position.
//! - `calls`: users in calls, and the timeouts of calls.
//! - `disconnect`: disconnects, and the events after the grace period. `startup_presence`: users who were connected before the server started.
//! - `fanout`: broadcasts of events to their audiences. `rendered_event`: encoding of events. `commit_publisher`: from the writer to the bus.
//! - `presence_broadcast`: broadcasts of online and offline events. `missed_events`: the events that a client has missed.
//! - `waiting_bytes`: accounting of the bytes that wait in connections.
//! - `shard_counters`: counters of a shard. `connection_stats`: connections and counters, collected from all shards on request.
//!
//! Code that needs no engine is a method of [`RealtimeState`] or of [`Fanout`]; the methods of [`RealtimeApp`] apply the results to a shard.

mod auth_refresh;
mod calls;
mod client_messages;
mod client_offsets;
mod commit_publisher;
mod connect;
mod connection_stats;
mod disconnect;
mod fanout;
mod handshake;
mod missed_events;
mod pending_session_ends;
mod presence_broadcast;
mod recovery;
mod rendered_event;
mod requests;
mod room_limit;
mod session_locations;
mod shard_counters;
mod socket_data;
mod startup_presence;
mod token_expiry;
mod typing;
mod unacked_deliveries;
mod waiting_bytes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ids::Timestamp;
use domain::ports::Bus;
use engine::{App, Connect, ConnectionRef, DisconnectReason, Event, Handle, HandshakeRejection, Shard, SocketKey};

use crate::auth::Authenticator;
use crate::bytes_in_memory::BytesInHand;
use crate::config::Limit;
use crate::contracts::{ClientMessage, ContractRegistry};
use crate::presence::{CallParticipants, OnlineUsers, RoomPresence, Typing};
use crate::rate_limit::RateLimits;
pub use auth_refresh::AuthRefresh;
use calls::ScheduledTasks;
pub use commit_publisher::CommitPublisher;
pub use connect::{AuthorizedConnect, ConnectRejection};
pub use connection_stats::{ConnectionStats, ShardQuery, SocketInfo};
use disconnect::PendingDepartures;
pub use fanout::{Effect, Fanout, PresenceAudience};
pub use handshake::{Handshake, HandshakeCheck};
pub use missed_events::PageUnavailable;
pub use pending_session_ends::PendingSessionEnds;
pub use recovery::{ClientResume, client_position};
pub use rendered_event::RenderedEvent;
pub use session_locations::SessionLocations;
pub use shard_counters::{CountsByName, ShardCounters};
pub use socket_data::SocketData;
pub use startup_presence::{MIN_RETURN_WINDOW, StartupPresence, expire_disconnected_users};
use token_expiry::TokenExpiryQueue;
pub use unacked_deliveries::UnackedDeliveries;

/// The state that all shards share. Each lock in it is held only for a look-up.
pub struct RealtimeState {
    /// The contracts.
    pub contracts: ContractRegistry,
    /// Verifies tokens.
    pub authenticator: Arc<Authenticator>,
    /// Runs commands, in one order.
    pub writer: store::Writer,
    /// Runs queries.
    pub readers: store::Readers,
    /// The users who are online.
    pub online_users: Arc<OnlineUsers>,
    /// The users who have each room open.
    pub room_presence: Arc<RoomPresence>,
    /// The users who are typing, by room.
    pub typing: Typing,
    /// The users in each call, with their connections.
    pub call_participants: CallParticipants,
    /// Rate limits and other budgets.
    pub rate_limits: Arc<RateLimits>,
    /// The most Socket.IO connections of a user; `None`: no limit.
    pub max_socketio_connections: Option<u32>,
    /// The most raw WebSockets of a user; `None`: no limit.
    pub max_raw_connections: Option<u32>,
    /// The most rooms of a connection, without its user's inbox.
    pub room_limit: Limit,
    /// Whether a connection ends when its token expires, also if the client never refreshes a token.
    pub closes_at_token_expiry: bool,
    /// The shards of resumed sockets.
    pub session_locations: SessionLocations,
    /// The confirmed offsets of ended sockets whose end is not stored yet.
    pub pending_session_ends: PendingSessionEnds,
    /// The unconfirmed deliveries of disconnected clients.
    pub unacked_deliveries: Arc<UnackedDeliveries>,
    /// How long after a disconnect missed events are kept for replay.
    pub recovery_window: Duration,
    /// How long a user counts as online after a disconnect.
    pub presence_grace: Duration,
    /// The presence changes from before the start.
    pub startup_presence: StartupPresence,
    /// Whether the server sends presence events.
    pub broadcasts_presence: bool,
    /// Whether every user may query whether another user is online. If false, only users who share a space may.
    pub presence_is_public: bool,
    /// The current time.
    pub clock: fn() -> Timestamp,
    /// Ephemeral events are published here.
    pub bus: Arc<dyn Bus>,
    /// Broadcasts the events that the bus delivers.
    pub fanout: Arc<Fanout>,
    /// Counts the bytes that wait in connections.
    pub bytes_in_hand: Arc<BytesInHand>,
}

/// A task that another thread runs on a shard.
pub type Job = Box<dyn FnOnce(&mut RealtimeApp, &mut Shard<RealtimeApp>) + Send>;

/// The application on one shard.
pub struct RealtimeApp {
    state: Arc<RealtimeState>,
    engine: Handle<RealtimeApp>,
    pending_departures: PendingDepartures,
    /// Users who were connected before the start and may reconnect.
    expected_users: PendingDepartures,
    scheduled: ScheduledTasks,
    /// When the next round of presence events is due.
    presence_due: Option<Instant>,
    /// When the ephemeral events gathered in crowded rooms are due.
    crowds_due: Option<Instant>,
    /// The connections that end with their tokens.
    token_expiry: TokenExpiryQueue<SocketKey>,
    counters: ShardCounters,
}

impl RealtimeApp {
    /// The application for one shard.
    pub fn new(shared: Arc<RealtimeState>, handle: Handle<RealtimeApp>) -> Self {
        let (departures, expected) =
            (PendingDepartures::new(shared.presence_grace), PendingDepartures::new(shared.presence_grace.max(MIN_RETURN_WINDOW)));
        Self {
            state: shared,
            engine: handle,
            pending_departures: departures,
            expected_users: expected,
            scheduled: ScheduledTasks::default(),
            presence_due: None,
            crowds_due: None,
            token_expiry: TokenExpiryQueue::default(),
            counters: ShardCounters::default(),
        }
    }

    /// Returns a function with which another thread runs a job on this shard.
    fn run_on_shard(&self, shard: &Shard<Self>) -> impl Fn(Job) + Send + use<> {
        let (handle, index) = (self.engine.clone(), shard.index());
        move |job| handle.send(index, job)
    }
}

impl App for RealtimeApp {
    type Handshake = Handshake;
    type Data = SocketData;
    type Message = Job;

    fn connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, request: Connect<'_>) {
        self.handle_connect(shard, socket, request);
    }

    fn connect_unknown(&mut self, handshake: &mut Handshake) -> Result<(), HandshakeRejection> {
        self.check_unknown_namespace(handshake)
    }

    fn event(&mut self, shard: &mut Shard<Self>, socket: SocketKey, event: Event<'_>) {
        self.handle_client_message(shard, socket, &ClientMessage::Event { name: event.name, args: &event.args }, event.ack);
    }

    fn text(&mut self, shard: &mut Shard<Self>, socket: SocketKey, text: &str) {
        self.handle_client_message(shard, socket, &ClientMessage::Text(text), None);
    }

    fn binary(&mut self, shard: &mut Shard<Self>, socket: SocketKey, bytes: &[u8]) {
        // The raw contract is JSON text. Some clients send it as bytes; bytes that are not UTF-8 are answered as a bad envelope.
        self.handle_client_message(shard, socket, &ClientMessage::Text(std::str::from_utf8(bytes).unwrap_or_default()), None);
    }

    fn disconnect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, reason: DisconnectReason) {
        self.handle_disconnect(shard, socket, reason);
    }

    fn is_busy(&self, shard: &Shard<Self>, socket: SocketKey) -> bool {
        shard.data(socket).is_some_and(|session| session.in_flight > 0)
    }

    fn waiting_bytes_changed(&mut self, shard: &mut Shard<Self>, connection: ConnectionRef, bytes: usize) -> bool {
        self.count_waiting(shard, connection, bytes)
    }

    fn message(&mut self, shard: &mut Shard<Self>, job: Job) {
        job(self, shard);
    }

    fn wake(&mut self, shard: &mut Shard<Self>) {
        self.run_timers(shard);
    }
}
