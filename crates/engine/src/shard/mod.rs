//! One core's share of the connections: the state, and the operations that an application has on it. The thread of the shard is `worker`.

mod closing;
mod connection;
mod connection_info;
mod delivery;
mod delivery_log;
mod delivery_stats;
mod emit;
mod flush_queue;
mod heartbeat;
mod polling;
mod recovery;
mod replay;
mod rooms;
mod socket;
mod stats;
#[cfg(test)]
mod tests;
mod waiting_bytes;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use rand::SeedableRng;
use rand::rngs::StdRng;
use slab::Slab;
use wire::socketio::{EncodeError, check_value};

use crate::app::{App, DisconnectReason};
use crate::broadcast::Broadcast;
use crate::config::{Config, Protocol};
use crate::encoding::{Encoding, Format, Namespace};
use crate::history::History;
use crate::id::Id;
use crate::outbox::SpareQueues;
use crate::rooms::Rooms;
use crate::timers::Timers;

pub use connection_info::ConnectionInfo;
pub use stats::ShardStats;

pub(crate) use closing::{CloseAction, PendingClose};
pub(crate) use connection::{Connection, NewTransport, PendingAttachments, Phase, Polling, PollingCloseState, Transport, WebSocket};
pub use delivery_log::{DeliveryLog, DeliveryOutcome, DeliveryStep, SocketTrace};
pub(crate) use delivery_stats::Unacked;
pub use delivery_stats::{CountsByKind, DeliveryStats};
pub(crate) use emit::EncodedPacket;
pub(crate) use flush_queue::FlushPriority;
use flush_queue::FlushQueue;
pub use recovery::{AlreadyDelivered, SocketResume};
pub(crate) use replay::{ArchiveRead, ArchiveReadResult, CatchUp};
pub(crate) use socket::Socket;
pub use waiting_bytes::ConnectionRef;
pub(crate) use waiting_bytes::WaitingBytes;

/// The application's key of a socket, which is one connection's presence in one namespace. It is invalid once the socket has ended, and on
/// every other shard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SocketKey {
    /// The shard in the highest byte, the slot in the others; see [`crate::id::MAX_SLOTS`].
    shard_and_slot: u32,
    generation: u32,
}

impl SocketKey {
    pub(crate) fn new(shard: u8, slot: u32, generation: u32) -> Self {
        Self { shard_and_slot: u32::from(shard) << 24 | slot, generation }
    }

    pub(crate) fn slot(self) -> u32 {
        self.shard_and_slot & 0x00FF_FFFF
    }

    /// The index of the socket's shard.
    pub fn shard(self) -> usize {
        (self.shard_and_slot >> 24) as usize
    }
}

/// The key of a connection. It is invalid once the connection has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ConnectionKey {
    pub slot: u32,
    pub generation: u32,
}

/// The connections of one shard, and the operations of a program on them.
///
/// Its methods are in one file for each subject:
///
/// - `mod.rs`: accept and reject, the data of a socket, pause and resume, [`Shard::wake_at`].
/// - `emit.rs`: send an event, an acknowledgement, or a broadcast.
/// - `rooms.rs`: join and leave rooms, and list their members.
/// - `closing.rs`: disconnect a socket, close its connection.
/// - `recovery.rs`: accept a socket that may be resumed, resume it.
/// - `delivery_log.rs`: what happened to recent broadcasts on their way to each socket.
/// - `stats.rs`, `delivery_stats.rs`, `connection_info.rs` and `waiting_bytes.rs`: the counters, and the state and memory of a connection.
///
/// The engine itself uses `connection.rs` (add connections and sockets), `delivery.rs` (put broadcasts into outboxes, write outboxes),
/// `replay.rs` (missed broadcasts), `heartbeat.rs` (deadlines) and `polling.rs` (responses to GETs).
pub struct Shard<A: App> {
    pub(crate) index: u8,
    pub(crate) config: Arc<Config>,
    pub(crate) connections: Slab<Connection<A>>,
    pub(crate) sockets: Slab<Socket<A>>,
    pub(crate) rooms: Rooms,
    pub(crate) timers: Timers,
    pub(crate) spare: SpareQueues,
    /// Connections with something to write.
    pub(crate) flush_queue: FlushQueue,
    /// Connections with something to read, in the order in which their bytes arrived; after them those that have used up their share of a
    /// turn.
    pub(crate) readable: FlushQueue,
    pub(crate) pending_closes: Vec<PendingClose>,
    /// Connections whose waiting bytes are to be counted, because their clients do not read them, or have read them.
    pub(crate) to_count: Vec<ConnectionKey>,
    /// Broadcasts of this turn, not yet published.
    pub(crate) outgoing: Vec<Arc<Broadcast>>,
    pub(crate) random: StdRng,
    pub(crate) now: Instant,
    pub(crate) wake_at: Option<Instant>,
    pub(crate) counts: stats::DeliveryCounts,
    pub(crate) delivery_stats: DeliveryStats,
    pub(crate) delivery_log: DeliveryLog,
    /// The recent broadcasts of all shards.
    pub(crate) history: Option<Arc<History>>,
    /// The number of the last numbered broadcast that was delivered here.
    pub(crate) position: u64,
    /// The slots of the sockets whose ids do not contain their slot: those that were resumed.
    pub(crate) renamed: HashMap<Id, u32>,
    /// The broadcasts to read from the archive at the end of the turn.
    pub(crate) to_read: Vec<ArchiveRead>,
    generations: u32,
    mark: u32,
    ack_ids: u64,
    scratch: Vec<u8>,
}

impl<A: App> Shard<A> {
    pub(crate) fn new(index: u8, config: Arc<Config>, history: Option<Arc<History>>, now: Instant) -> Self {
        let position = config.recovery.as_ref().map_or(0, |recovery| recovery.position);
        let delivery_log = DeliveryLog::new(config.delivery_log_bytes, now);
        Self {
            index,
            config,
            connections: Slab::new(),
            sockets: Slab::new(),
            rooms: Rooms::default(),
            timers: Timers::new(now),
            spare: SpareQueues::default(),
            flush_queue: FlushQueue::default(),
            readable: FlushQueue::default(),
            pending_closes: Vec::new(),
            to_count: Vec::new(),
            outgoing: Vec::new(),
            random: StdRng::from_os_rng(),
            now,
            wake_at: None,
            counts: stats::DeliveryCounts::default(),
            delivery_stats: DeliveryStats::default(),
            delivery_log,
            history,
            position,
            renamed: HashMap::new(),
            to_read: Vec::new(),
            generations: 0,
            mark: 0,
            ack_ids: 0,
            scratch: Vec::new(),
        }
    }

    pub(crate) fn next_generation(&mut self) -> u32 {
        self.generations = self.generations.wrapping_add(1);
        self.generations
    }

    // ---- Answers to a connection request ----

    /// Accepts a socket: its client receives the id. False if the client has disconnected in the meantime.
    pub fn accept(&mut self, key: SocketKey, data: A::Data) -> bool {
        let Some(socket) = self.open(key, data) else { return false };
        if socket.is_socketio() {
            self.send_accepted(key, None);
        }
        true
    }

    /// Marks a socket as accepted; its client is still to be notified. `None` if the client has disconnected, or the socket is accepted
    /// already.
    fn open(&mut self, key: SocketKey, data: A::Data) -> Option<&mut Socket<A>> {
        let position = self.position;
        let socket = self.socket_mut(key).filter(|socket| socket.data.is_none())?;
        socket.data = Some(data);
        socket.accepted_after = position;
        let slot = socket.connection;
        let connection = &mut self.connections[slot as usize];
        connection.accepted = true;
        if connection.phase == Phase::Open {
            connection.end_due = 0;
        }
        self.socket_mut(key)
    }

    /// Rejects a socket: CONNECT_ERROR with this message and, as raw JSON, these data. On a plain endpoint use [`Shard::close`].
    ///
    /// # Errors
    /// If the data are not JSON. Nothing is sent then.
    pub fn reject(&mut self, key: SocketKey, message: &str, data: Option<&str>) -> Result<(), EncodeError> {
        data.map_or(Ok(()), check_value)?;
        let Some(socket) = self.socket(key) else { return Ok(()) };
        let (encoding, slot) = (socket.encoding, socket.connection);
        self.send_connect_error(slot, encoding, message, data);
        self.pending_closes.push(PendingClose::Socket(key, DisconnectReason::ServerNamespaceDisconnect));
        Ok(())
    }

    // ---- Sockets ----

    /// The data that the application keeps for an accepted socket.
    pub fn data(&self, key: SocketKey) -> Option<&A::Data> {
        self.socket(key)?.data.as_ref()
    }

    /// The same data, mutable.
    pub fn data_mut(&mut self, key: SocketKey) -> Option<&mut A::Data> {
        self.socket_mut(key)?.data.as_mut()
    }

    /// The socket's id, which its client knows, and which other clients may know.
    pub fn id(&self, key: SocketKey) -> Option<Id> {
        Some(self.socket(key)?.id)
    }

    /// The accepted socket with this id, if it is on this shard.
    pub fn find(&self, id: &Id) -> Option<SocketKey> {
        let slot = self.slot_of(*id)?;
        let socket = self.sockets.get(slot as usize).filter(|socket| socket.data.is_some())?;
        Some(SocketKey::new(self.index, slot, socket.generation))
    }

    /// The socket's namespace.
    pub fn namespace(&self, key: SocketKey) -> Option<Namespace> {
        Some(self.socket(key)?.encoding.namespace)
    }

    /// The data that the gate made of its connection's first request.
    pub fn handshake(&self, key: SocketKey) -> Option<&A::Handshake> {
        self.connections.get(self.socket(key)?.connection as usize)?.handshake.as_deref()
    }

    /// The same data, mutable (to drop what is not needed any more, for example).
    pub fn handshake_mut(&mut self, key: SocketKey) -> Option<&mut A::Handshake> {
        let slot = self.socket(key)?.connection;
        self.connections.get_mut(slot as usize)?.handshake.as_deref_mut()
    }

    /// The other accepted sockets of the same connection.
    pub fn siblings(&self, key: SocketKey) -> impl Iterator<Item = SocketKey> {
        let connection = self.socket(key).and_then(|socket| self.connections.get(socket.connection as usize));
        let slots = connection.into_iter().flat_map(|connection| connection.sockets.iter().copied());
        slots.filter_map(move |slot| {
            let socket = self.sockets.get(slot as usize)?;
            (slot != key.slot() && socket.data.is_some()).then(|| SocketKey::new(self.index, slot, socket.generation))
        })
    }

    /// The present transport of the connection: `polling` or `websocket`.
    pub fn transport(&self, key: SocketKey) -> &'static str {
        let connection = self.socket(key).and_then(|socket| self.connections.get(socket.connection as usize));
        match connection.map(|connection| &connection.transport) {
            Some(Transport::Polling(_)) => "polling",
            _ => "websocket",
        }
    }

    /// All accepted sockets.
    pub fn sockets(&self) -> impl Iterator<Item = SocketKey> {
        self.sockets
            .iter()
            .filter(|(_, socket)| socket.data.is_some())
            .map(|(slot, socket)| SocketKey::new(self.index, slot as u32, socket.generation))
    }

    // ---- Reading ----

    /// Stops reading from a socket's connection. None of its messages is lost; the client is slowed down. While the connection is paused,
    /// its heartbeat is suspended.
    pub fn pause(&mut self, key: SocketKey) {
        let Some(socket) = self.socket_mut(key) else { return };
        if !std::mem::replace(&mut socket.paused, true) {
            let slot = socket.connection;
            self.connections[slot as usize].pauses += 1;
        }
    }

    /// Resumes reading, unless another socket of the same connection is paused.
    pub fn resume(&mut self, key: SocketKey) {
        let Some(socket) = self.socket_mut(key) else { return };
        if std::mem::take(&mut socket.paused) {
            let slot = socket.connection;
            self.lift_pause(slot);
        }
    }

    pub(crate) fn lift_pause(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        connection.pauses -= 1;
        if connection.pauses == 0 {
            self.mark_readable(slot);
            self.restart_heartbeat(slot);
        }
    }

    // ---- Time and shard ----

    /// The time at which this turn began.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Requests a call of [`App::wake`] at a time. The earliest request counts; after the call it must be renewed.
    pub fn wake_at(&mut self, at: Instant) {
        self.wake_at = Some(self.wake_at.map_or(at, |known| known.min(at)));
    }

    /// The index of this shard.
    pub fn index(&self) -> usize {
        self.index as usize
    }

    // ---- For the engine itself ----

    pub(crate) fn socket(&self, key: SocketKey) -> Option<&Socket<A>> {
        self.sockets.get(key.slot() as usize).filter(|socket| socket.generation == key.generation && key.shard() == usize::from(self.index))
    }

    pub(crate) fn socket_mut(&mut self, key: SocketKey) -> Option<&mut Socket<A>> {
        live(&mut self.sockets, self.index, key)
    }

    pub(crate) fn key_of(&self, slot: u32) -> ConnectionKey {
        ConnectionKey { slot, generation: self.connections[slot as usize].generation }
    }

    pub(crate) fn is_alive(&self, key: ConnectionKey) -> bool {
        self.connections.get(key.slot as usize).is_some_and(|connection| connection.generation == key.generation)
    }

    pub(crate) fn namespace_name(&self, namespace: Namespace) -> &str {
        self.config.namespaces.get(namespace.0 as usize).map_or("/", String::as_str)
    }

    /// The encoding of messages to a connection in a namespace.
    pub(crate) fn encoding(&self, connection: &Connection<A>, namespace: Namespace) -> Encoding {
        let format = match self.config.endpoints[connection.endpoint as usize].protocol {
            Protocol::SocketIo => self.config.parser,
            Protocol::EngineIo => Format::Engine,
            Protocol::Raw => Format::Raw,
        };
        Encoding {
            namespace,
            format,
            version: connection.version,
            base64: connection.base64,
            deflate: connection.deflate,
            positions: false,
        }
    }

    pub(crate) fn mark_readable(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        if connection.readable == FlushPriority::Idle {
            self.readable.soon(slot, &mut connection.readable);
        }
    }

    /// Puts a connection with something to read after the others, because it has used up its share of this turn.
    pub(crate) fn defer_reading(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        self.readable.move_to_later(slot, &mut connection.readable);
    }

    pub(crate) fn mark_for_flush(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        self.flush_queue.soon(slot, &mut connection.queued);
    }
}

/// The socket of a key, if it lives on this shard.
fn live<A: App>(sockets: &mut Slab<Socket<A>>, shard: u8, key: SocketKey) -> Option<&mut Socket<A>> {
    sockets.get_mut(key.slot() as usize).filter(|socket| socket.generation == key.generation && key.shard() == usize::from(shard))
}
