//! Users' live connections: the application that runs on the engine, one instance for each shard.
//!
//! - `gate`: admission of handshakes, and the data of a handshake that is kept.
//! - `session`: the data of a socket.
//! - `entrance`: from a connection request to an accepted socket.
//! - `understood`: from a client's message to a request. `requests`: client requests, processed in order. `typing`: typing in rooms. `rooms`: the limit on rooms of a connection.
//! - `tenure`: deadlines of connections that end with their tokens. `tokens`: token refresh, and the end of connections whose token has
//!   expired.
//! - `recovery`: resuming sockets and replaying missed events. `moved`: the shards of resumed sockets. `leaving`: ended sockets whose end
//!   is not stored yet.
//! - `losses`: deliveries that were not confirmed when a socket ended. `since`: the offsets, by room, of clients that track their own
//!   position.
//! - `calls`: users in calls, and the timeouts of calls.
//! - `departures`: disconnects, and the events after the grace period. `absent`: users who were connected before the server started.
//! - `fanout`: broadcasts of events to their audiences. `said`: encoding of events. `published`: from the writer to the bus.
//! - `announcements`: broadcasts of online and offline events. `missed`: the events that a client has missed.
//! - `waiting`: accounting of the bytes that wait in connections.
//! - `tally`: counters of a shard. `census`: connections and counters, collected from all shards on request.
//!
//! Code that needs no engine is a method of [`Shared`] or of [`Fanout`]; the methods of [`Live`] apply the results to a shard.

mod absent;
mod announcements;
mod calls;
mod census;
mod departures;
mod entrance;
mod fanout;
mod gate;
mod leaving;
mod losses;
mod missed;
mod moved;
mod published;
mod recovery;
mod requests;
mod rooms;
mod said;
mod session;
mod since;
mod tally;
mod tenure;
mod tokens;
mod typing;
mod understood;
mod waiting;

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ids::Timestamp;
use domain::ports::Bus;
use engine::{App, Connect, ConnectionRef, Event, Handle, DisconnectReason, HandshakeRejection, Shard, SocketKey};

use crate::auth::Authenticator;
use crate::bytes_in_memory::BytesInHand;
use crate::config::Limit;
use crate::contracts::{ContractRegistry, ClientMessage};
use crate::rate_limit::RateLimits;
use crate::presence::{RoomPresence, OnlineUsers, CallParticipants, Typing};
pub use absent::{Before, RETURN, give_up_absent};
use calls::Chores;
pub use census::{Census, Crowd, Here};
use departures::Departures;
pub use entrance::{Entrant, TurnedAway};
pub use fanout::{Effect, Fanout, Who};
pub use gate::{Gate, Handshake};
pub use leaving::Leaving;
pub use losses::Losses;
pub use missed::NoPage;
pub use moved::Moved;
pub use published::Published;
pub use recovery::{Coming, offered};
pub use said::Said;
pub use session::Session;
pub use tally::{Counts, Tally};
use tenure::Tenures;
pub use tokens::Renewal;

/// The state that all shards share. Each lock in it is held only for a look-up.
pub struct Shared {
    /// The contracts.
    pub dialects: ContractRegistry,
    /// Verifies tokens.
    pub authenticator: Arc<Authenticator>,
    /// Runs commands, in one order.
    pub writer: store::Writer,
    /// Runs queries.
    pub readers: store::Readers,
    /// The users who are online.
    pub people: Arc<OnlineUsers>,
    /// The users who have each room open.
    pub attendance: Arc<RoomPresence>,
    /// The users who are typing, by room.
    pub typing: Typing,
    /// The users in each call, with their connections.
    pub seats: CallParticipants,
    /// Rate limits and other budgets.
    pub limits: Arc<RateLimits>,
    /// The most Socket.IO connections of a user; `None`: no limit.
    pub most_socketio: Option<u32>,
    /// The most raw WebSockets of a user; `None`: no limit.
    pub most_raw: Option<u32>,
    /// The most rooms of a connection, without its user's inbox.
    pub most_rooms: Limit,
    /// Whether a connection ends when its token expires, also if the client never refreshes a token.
    pub ends_with_token: bool,
    /// The shards of resumed sockets.
    pub moved: Moved,
    /// The confirmed offsets of ended sockets whose end is not stored yet.
    pub leaving: Leaving,
    /// The unconfirmed deliveries of disconnected clients.
    pub losses: Arc<Losses>,
    /// How long after a disconnect missed events are kept for replay.
    pub window: Duration,
    /// How long a user counts as online after a disconnect.
    pub grace: Duration,
    /// The presence changes from before the start.
    pub before: Before,
    /// Whether the server sends presence events.
    pub tells_presence: bool,
    /// Whether every user may query whether another user is online. If false, only users who share a space may.
    pub shows_presence: bool,
    /// The current time.
    pub clock: fn() -> Timestamp,
    /// Ephemeral events are published here.
    pub bus: Arc<dyn Bus>,
    /// Broadcasts the events that the bus delivers.
    pub fanout: Arc<Fanout>,
    /// Counts the bytes that wait in connections.
    pub in_hand: Arc<BytesInHand>,
}

/// A task that another thread runs on a shard.
pub type Job = Box<dyn FnOnce(&mut Live, &mut Shard<Live>) + Send>;

/// The application on one shard.
pub struct Live {
    shared: Arc<Shared>,
    handle: Handle<Live>,
    departures: Departures,
    /// Users who were connected before the start and may reconnect.
    expected: Departures,
    chores: Chores,
    /// When the next round of presence events is due.
    presence_due: Option<Instant>,
    /// When the ephemeral events gathered in crowded rooms are due.
    crowds_due: Option<Instant>,
    /// The connections that end with their tokens.
    tenures: Tenures<SocketKey>,
    tally: Tally,
}

impl Live {
    /// The application for one shard.
    pub fn new(shared: Arc<Shared>, handle: Handle<Live>) -> Self {
        let (departures, expected) = (Departures::new(shared.grace), Departures::new(shared.grace.max(RETURN)));
        Self {
            shared,
            handle,
            departures,
            expected,
            chores: Chores::default(),
            presence_due: None,
            crowds_due: None,
            tenures: Tenures::default(),
            tally: Tally::default(),
        }
    }

    /// Returns a function with which another thread runs a job on this shard.
    fn back(&self, shard: &Shard<Self>) -> impl Fn(Job) + Send + use<> {
        let (handle, index) = (self.handle.clone(), shard.index());
        move |job| handle.send(index, job)
    }
}

impl App for Live {
    type Handshake = Handshake;
    type Data = Session;
    type Message = Job;

    fn connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, request: Connect<'_>) {
        self.ask_in(shard, socket, request);
    }

    fn connect_unknown(&mut self, handshake: &mut Handshake) -> Result<(), HandshakeRejection> {
        self.pass_by(handshake)
    }

    fn event(&mut self, shard: &mut Shard<Self>, socket: SocketKey, event: Event<'_>) {
        self.hear(shard, socket, &ClientMessage::Event { name: event.name, args: &event.args }, event.ack);
    }

    fn text(&mut self, shard: &mut Shard<Self>, socket: SocketKey, text: &str) {
        self.hear(shard, socket, &ClientMessage::Text(text), None);
    }

    fn binary(&mut self, shard: &mut Shard<Self>, socket: SocketKey, bytes: &[u8]) {
        // The raw contract is JSON text. Some clients send it as bytes; bytes that are not UTF-8 are answered as a bad envelope.
        self.hear(shard, socket, &ClientMessage::Text(std::str::from_utf8(bytes).unwrap_or_default()), None);
    }

    fn disconnect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, reason: DisconnectReason) {
        self.depart(shard, socket, reason);
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
        self.expire(shard);
    }
}
