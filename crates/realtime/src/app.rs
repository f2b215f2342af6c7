//! The application that runs on the engine, one instance for each shard.

use std::sync::Arc;
use std::time::Instant;

use contracts::ClientMessage;
use engine::{Acknowledgement, App, Connect, ConnectionRef, DisconnectReason, Event, Handle, HandshakeRejection, Shard, SocketKey};

use super::explain::RecentConnections;
use super::socketio_cluster::ForwardedAcks;
use super::timers::Timers;
use super::{Handshake, RealtimeState, ShardCounters, SocketData};

/// A task that another thread runs on a shard.
pub type Job = Box<dyn FnOnce(&mut RealtimeApp, &mut Shard<RealtimeApp>) + Send>;

/// The application on one shard.
///
/// The engine calls the methods of the trait [`App`] below. Each of them calls a method in the file of its subject:
///
/// - `connect.rs`: `handle_connect`, from a connection request to an accepted socket; `recovery.rs`: `take_over`, `accept_resumed`, and the
///   replay of missed events; `room_limit.rs`: `auto_join`.
/// - `client_messages.rs`: `handle_client_message`, from a message to a request; `requests.rs`: `execute`, `run_in_writer`, `answer`;
///   `auth_refresh.rs`: `handle_refresh`, `check_expiring`; `typing.rs`: `handle_typing`; `calls.rs`: `join_call`, `leave_calls`.
/// - `disconnect.rs`: `handle_disconnect`, `end_presence`; `startup_presence.rs`: `expect_reconnects`, `replay_startup_presence`.
/// - `timers.rs`: `run_timers`, and the scheduling of timed work.
/// - `fanout.rs`: `remove_from_room`; `waiting_bytes.rs`: `count_waiting`, `count_parsed`.
/// - `socketio_cluster/forwarded_acks.rs`: `ask_sockets`, `forward_ack`.
pub struct RealtimeApp {
    pub(super) state: Arc<RealtimeState>,
    pub(super) engine: Handle<RealtimeApp>,
    pub(super) timers: Timers,
    pub(super) counters: ShardCounters,
    /// The connections that have ended, to explain why a user did not receive an event.
    pub(super) recent_connections: RecentConnections,
    /// The acknowledgements that other servers of a cluster wait for.
    pub(super) forwarded_acks: ForwardedAcks,
    /// How many leases this node had lost when this shard last ended its connections.
    lost_leases: u64,
}

impl RealtimeApp {
    /// The application for one shard.
    pub fn new(state: Arc<RealtimeState>, engine: Handle<RealtimeApp>) -> Self {
        let timers = Timers::new(state.presence.grace);
        Self {
            state,
            engine,
            timers,
            counters: ShardCounters::default(),
            recent_connections: RecentConnections::default(),
            forwarded_acks: ForwardedAcks::default(),
            lost_leases: 0,
        }
    }

    /// Whether this node was paused for longer than its lease after the present turn of the shard began. Its clients may have sent what it reads now to
    /// another node again. The next turn drops the connections.
    pub(super) fn was_paused(&self) -> bool {
        self.state.node.as_ref().is_some_and(|node| node.lost_leases(Instant::now()) != self.lost_leases)
    }

    /// Returns a function with which another thread runs a job on this shard.
    pub(super) fn run_on_shard(&self, shard: &Shard<Self>) -> impl Fn(Job) + Send + use<> {
        let (engine, index) = (self.engine.clone(), shard.index());
        move |job| engine.send(index, job)
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
        // The raw contract is JSON text, which some clients send as bytes. Bytes that are not UTF-8 are rejected as an invalid envelope.
        self.handle_client_message(shard, socket, &ClientMessage::Text(std::str::from_utf8(bytes).unwrap_or_default()), None);
    }

    fn acknowledged(&mut self, _: &mut Shard<Self>, _: SocketKey, ack: Acknowledgement<'_>) {
        self.forward_ack(&ack);
    }

    fn disconnect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, reason: DisconnectReason) {
        self.handle_disconnect(shard, socket, reason);
    }

    fn is_busy(&self, shard: &Shard<Self>, socket: SocketKey) -> bool {
        shard.data(socket).is_some_and(|data| data.in_flight > 0)
    }

    fn waiting_bytes_changed(&mut self, shard: &mut Shard<Self>, connection: ConnectionRef, bytes: usize) -> bool {
        self.count_waiting(shard, connection, bytes)
    }

    fn message(&mut self, shard: &mut Shard<Self>, job: Job) {
        job(self, shard);
    }

    fn before_turn(&mut self, shard: &mut Shard<Self>) {
        let Some(node) = &self.state.node else { return };
        let lost_leases = node.lost_leases(shard.now());
        if std::mem::replace(&mut self.lost_leases, lost_leases) != lost_leases {
            shard.drop_connections();
        }
    }

    fn wake(&mut self, shard: &mut Shard<Self>) {
        self.run_timers(shard);
    }
}
