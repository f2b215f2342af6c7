//! What a program is told of its connections.

use wire::socketio::Args;

use crate::hub::Refusal;
use crate::shard::{ConnectionRef, Shard, SocketKey};
use crate::voice::Namespace;

/// A program on the engine. One copy runs on each shard, in that shard's thread: its methods must not block, and need no locks.
///
/// A panic in a method ends the process (`abort`): the clients of the shard would hang for as long as the others live, and the supervisor starts the
/// process again. A program that runs code which may panic catches it itself (`std::panic::catch_unwind`).
pub trait App: Sized + 'static {
    /// What is kept of a connection's first request until the connection ends; made by the gate (see [`crate::Engine::start`]).
    type Handshake: Send + 'static;
    /// What the program keeps with each accepted socket.
    type Data: 'static;
    /// What other threads may tell the program on a shard; see [`crate::Handle::tell`].
    type Message: Send + 'static;

    /// Somebody wants to be connected to a namespace (or, on a plain endpoint, to be served at all). Answer with [`Shard::accept`],
    /// [`Shard::refuse`] or [`Shard::close`], now or later. Until then the client's events are a protocol error.
    fn connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, request: Connect<'_>);

    /// Somebody has asked for a namespace that there is not, and is told so; `handshake` is what the gate kept of the connection.
    ///
    /// # Errors
    /// Why the whole connection is closed instead.
    fn connect_unknown(&mut self, handshake: &mut Self::Handshake) -> Result<(), Refusal> {
        let _ = handshake;
        Ok(())
    }

    /// A Socket.IO event.
    fn event(&mut self, shard: &mut Shard<Self>, socket: SocketKey, event: Event<'_>) {
        let _ = (shard, socket, event);
    }

    /// A text message on a plain endpoint.
    fn text(&mut self, shard: &mut Shard<Self>, socket: SocketKey, text: &str) {
        let _ = (shard, socket, text);
    }

    /// A binary message on a plain endpoint.
    fn binary(&mut self, shard: &mut Shard<Self>, socket: SocketKey, bytes: &[u8]) {
        let _ = (shard, socket, bytes);
    }

    /// The client's answer to [`Shard::emit_with_ack`].
    fn acknowledged(&mut self, shard: &mut Shard<Self>, socket: SocketKey, ack: Acknowledgement<'_>) {
        let _ = (shard, socket, ack);
    }

    /// An accepted socket ends. Its rooms are still full; afterwards its key is void.
    fn disconnect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, reason: Reason) {
        let _ = (shard, socket, reason);
    }

    /// Whether something that an accepted socket asked for is still to be answered: a server that goes down waits for it.
    fn is_busy(&self, shard: &Shard<Self>, socket: SocketKey) -> bool {
        let _ = (shard, socket);
        false
    }

    /// Reports how many bytes wait in a connection: incomplete input, and output that its client does not read. Called when the number has changed
    /// much, and with 0 when nothing waits any more. False closes the connection.
    fn waits(&mut self, shard: &mut Shard<Self>, connection: ConnectionRef, bytes: usize) -> bool {
        let _ = (shard, connection, bytes);
        true
    }

    /// What another thread told this shard.
    fn message(&mut self, shard: &mut Shard<Self>, message: Self::Message) {
        let _ = (shard, message);
    }

    /// The moment asked for by [`Shard::wake_at`] has come.
    fn wake(&mut self, shard: &mut Shard<Self>) {
        let _ = shard;
    }
}

/// A request to be connected.
#[derive(Clone, Copy, Debug)]
pub struct Connect<'a> {
    /// Which namespace; [`Namespace::PLAIN`] on a plain endpoint.
    pub namespace: Namespace,
    /// The client's auth object as JSON text; `{}` if it sent none.
    pub auth: &'a str,
}

/// An event from a client.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its arguments, raw JSON, attachments as placeholders.
    pub args: Args<'a>,
    /// The binary attachments, in the order of the placeholders' numbers.
    pub attachments: &'a [Vec<u8>],
    /// Wants an answer by [`Shard::ack`] under this id.
    pub ack: Option<u64>,
}

/// A client's answer to an event of [`Shard::emit_with_ack`].
#[derive(Clone, Debug)]
pub struct Acknowledgement<'a> {
    /// The id that [`Shard::emit_with_ack`] returned.
    pub id: u64,
    /// Its arguments, raw JSON, attachments as placeholders.
    pub args: Args<'a>,
    /// The binary attachments, in the order of the placeholders' numbers.
    pub attachments: &'a [Vec<u8>],
}

/// Why a socket ended. The texts are those of Socket.IO for Node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The transport failed, or the client broke the Engine.IO protocol.
    TransportError,
    /// The client closed the transport.
    TransportClose,
    /// We closed the transport.
    ForcedClose,
    /// No answer to a heartbeat.
    PingTimeout,
    /// Bytes that are no packet.
    ParseError,
    /// The server is going down.
    ServerShuttingDown,
    /// The client broke the Socket.IO protocol, or we closed the connection.
    ForcedServerClose,
    /// The client left the namespace.
    ClientNamespaceDisconnect,
    /// We ended the socket.
    ServerNamespaceDisconnect,
    /// Its client has come back on another connection.
    TakenOver,
    /// The client did not read what waited for it; see [`crate::Config::outbox_limit`].
    TooSlow,
}

impl Reason {
    /// The reason in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TransportError => "transport error",
            Self::TransportClose => "transport close",
            Self::ForcedClose => "forced close",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ServerShuttingDown => "server shutting down",
            Self::ForcedServerClose => "forced server close",
            Self::ClientNamespaceDisconnect => "client namespace disconnect",
            Self::ServerNamespaceDisconnect => "server namespace disconnect",
            Self::TakenOver => "taken over",
            Self::TooSlow => "too slow",
        }
    }
}

/// An application that hears nothing, for tests of what is around it.
#[cfg(test)]
pub(crate) struct Deaf;

#[cfg(test)]
impl App for Deaf {
    type Handshake = ();
    type Data = ();
    type Message = ();

    fn connect(&mut self, _: &mut Shard<Self>, _: SocketKey, _: Connect<'_>) {}

    fn event(&mut self, _: &mut Shard<Self>, _: SocketKey, _: Event<'_>) {}
}
