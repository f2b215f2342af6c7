//! A connection: one transport and its state.

use bytes::Bytes;
use smallvec::SmallVec;
use wire::engineio::Version;
use wire::websocket::{Reader, Window};

use super::flush_queue::FlushPriority;
use super::{ConnectionKey, Shard, Socket, SocketKey, Unacked, WaitingBytes};
use crate::app::App;
use crate::encoding::Namespace;
use crate::id::Id;
use crate::outbox::Outbox;
use crate::repeated_polls::RequestMarks;
use crate::shard_request::Responder;
use crate::stream::Stream;
use crate::timers::Tick;

/// A WebSocket, with the bytes of a message that is not complete yet.
pub(crate) struct WebSocket {
    pub stream: Stream,
    pub reader: Reader,
    /// Whether the kernel's send buffer is full. An edge of epoll reports when it has room again.
    pub blocked: bool,
}

/// A long-polling session's requests.
#[derive(Default)]
pub(crate) struct Polling {
    /// The GET that waits for messages.
    pub get: Option<Responder>,
    /// Whether a POST's body is being read or handled.
    pub posting: bool,
    /// The rest of a POST's body while the connection is paused or has used up its share, whether it is binary, and the responder for the
    /// POST.
    pub rest: Option<(Bytes, bool, Responder)>,
    /// The marks of the handshake and the GETs so far, which reveal a repeated GET.
    pub marks: RequestMarks,
    /// The WebSocket that this session is upgrading to.
    pub probe: Option<ConnectionKey>,
    /// Whether the client has probed the WebSocket: every GET is answered at once.
    pub probed: bool,
    /// Set when the session has ended. It decides the responses to the client's later requests.
    pub close_state: Option<PollingCloseState>,
    /// The POST in which the client closed the session.
    pub last_post: Option<Responder>,
}

/// How a long-polling session ended, which decides the responses to its client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PollingCloseState {
    /// The server closed it: the client receives the pending messages, and with the next GET a close.
    ByServer,
    /// The client closed it: its GET is answered with an empty packet.
    ByClient,
    /// The server closed it, and the client's GET was answered with that. POSTs that the client sent before it read the close are still
    /// answered.
    Reported,
}

pub(crate) enum Transport {
    WebSocket(WebSocket),
    Polling(Box<Polling>),
}

/// The phase of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Open,
    /// A WebSocket that is to take over this long-polling session.
    Probing(ConnectionKey),
    /// The close frame is being sent, or the client's is awaited: later messages are ignored.
    Closing,
}

/// A binary packet whose attachments are still arriving.
pub(crate) struct PendingAttachments {
    pub text: String,
    pub expected: usize,
    pub attachments: Vec<Vec<u8>>,
}

pub(crate) struct Connection<A: App> {
    pub generation: u32,
    pub id: Id,
    pub endpoint: u8,
    pub version: Version,
    /// Whether the client cannot receive binary messages (`b64`).
    pub base64: bool,
    /// The client's window, if permessage-deflate was negotiated.
    pub deflate: Option<Window>,
    pub phase: Phase,
    pub transport: Transport,
    pub outbox: Outbox,
    pub sockets: SmallVec<[u32; 2]>,
    /// Whether the application has accepted one of its sockets, which may have ended since.
    pub accepted: bool,
    /// The data that the gate kept; `None` while the connection is only a probe.
    pub handshake: Option<Box<A::Handshake>>,
    pub pending_attachments: Option<Box<PendingAttachments>>,
    /// The last counts of the bytes that wait in it, if any waited then.
    pub waiting: Option<Box<WaitingBytes>>,
    /// The row in which it waits among the connections with something to write.
    pub queued: FlushPriority,
    /// The row in which it waits among the connections with something to read.
    pub readable: FlushPriority,
    /// The number of reasons not to read the connection: its sockets that the application has paused, and a gradual shutdown.
    pub pauses: u8,
    /// The number of its sockets that catch up.
    pub catching_up: u8,
    /// Whether it is closed as soon as none of its requests waits for a response any more.
    pub draining: bool,
    /// Whether the client has closed its side; the end of the stream is still to be read.
    pub hung_up: bool,
    pub awaiting_pong: bool,
    /// Whether the last attempt to write the outbox left bytes in it.
    pub outbox_blocked: bool,
    /// The number up to which all broadcasts to the connection were written when its outbox was last empty.
    pub written_up_to: u64,
    /// Broadcasts that were put into the outbox and are not confirmed.
    pub unacked: Option<Box<Unacked>>,
    /// The number of pings that are not answered yet, mostly at most one. It can be more, because the shard stops waiting for a pong while
    /// it does not read; that pong may then arrive after the next ping.
    pub pings: u32,
    /// The number up to which all broadcasts to the connection were in its outbox when the last ping was sent.
    pub last_ping: u64,
    /// The number up to which all broadcasts to this connection have certainly arrived.
    pub last_received: u64,
    /// When the next ping is due, or the pong for the last one.
    pub heartbeat_due: Tick,
    /// When the connection is ended because it has not joined a namespace, or is dropped because it is closing or probing.
    pub end_due: Tick,
    /// The tick of its entry in the timers.
    pub scheduled: Tick,
}

/// A new connection's transport, with all that its connection needs to know besides.
pub(crate) struct NewTransport {
    /// The index of the endpoint in [`crate::Config::endpoints`].
    pub endpoint: u8,
    pub version: Version,
    /// The client's window, if permessage-deflate was negotiated.
    pub deflate: Option<Window>,
    pub phase: Phase,
    pub transport: Transport,
}

impl NewTransport {
    /// A WebSocket that is only opened to be closed with a reason.
    pub fn closing(transport: Transport) -> Self {
        Self { endpoint: 0, version: Version::V4, deflate: None, phase: Phase::Closing, transport }
    }
}

impl<A: App> Shard<A> {
    /// Adds a connection without sockets. The caller checks that the shard has less than [`crate::id::MAX_SLOTS`] connections.
    pub(crate) fn insert_connection(&mut self, new: NewTransport) -> ConnectionKey {
        let NewTransport { endpoint, version, deflate, phase, transport } = new;
        let generation = self.next_generation();
        let slot = self.connections.vacant_key() as u32;
        let id = Id::on_node(self.config.node, self.index, slot, &mut self.random);
        self.connections.insert(Connection {
            generation,
            id,
            endpoint,
            version,
            base64: false,
            deflate,
            phase,
            transport,
            outbox: Outbox::default(),
            sockets: SmallVec::new(),
            accepted: false,
            handshake: None,
            pending_attachments: None,
            waiting: None,
            queued: FlushPriority::Idle,
            readable: FlushPriority::Idle,
            pauses: 0,
            catching_up: 0,
            draining: false,
            hung_up: false,
            awaiting_pong: false,
            outbox_blocked: false,
            written_up_to: self.position,
            unacked: None,
            pings: 0,
            // The client cannot have missed a broadcast from before its connection.
            last_ping: self.position,
            last_received: self.position,
            heartbeat_due: 0,
            end_due: 0,
            scheduled: 0,
        });
        ConnectionKey { slot, generation }
    }

    /// Adds a socket that the application has still to accept. `id` is `None` for a new id, which contains the socket's slot.
    pub(crate) fn insert_socket(&mut self, connection: u32, namespace: Namespace, id: Option<Id>) -> SocketKey {
        let generation = self.next_generation();
        let slot = self.sockets.vacant_key() as u32;
        let id = id.unwrap_or_else(|| Id::on_node(self.config.node, self.index, slot, &mut self.random));
        let encoding = self.encoding(&self.connections[connection as usize], namespace);
        self.sockets.insert(Socket::new(generation, connection, encoding, id));
        self.connections[connection as usize].sockets.push(slot);
        SocketKey::new(self.index, slot, generation)
    }
}
