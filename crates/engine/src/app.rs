//! The interface between the engine and a program: the calls that the engine makes for events of connections.

use wire::socketio::Args;

use crate::encoding::Namespace;
use crate::handshake_rejection::HandshakeRejection;
use crate::shard::{ConnectionRef, Shard, SocketKey};

/// A program on the engine. One copy runs on each shard, in that shard's thread: its methods must not block, and need no locks.
///
/// A panic in a method ends the process (`abort`): the clients of the shard would hang for as long as the others live, and the supervisor
/// starts the process again. A program that runs code which may panic catches it itself (`std::panic::catch_unwind`).
///
/// # Examples
///
/// Sends the arguments of `say` to a room, and acknowledges the event:
///
/// ```
/// use engine::{App, Broadcast, Connect, Event, OutboundMessage, Shard, SocketKey};
///
/// struct Chat;
///
/// impl App for Chat {
///     type Handshake = ();
///     type Data = ();
///     type Message = ();
///
///     fn connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, _: Connect<'_>) {
///         shard.accept(socket, ());
///         shard.join(socket, "lobby");
///     }
///
///     fn event(&mut self, shard: &mut Shard<Self>, socket: SocketKey, event: Event<'_>) {
///         let ("say", Some(ack)) = (event.name, event.ack) else { return };
///         let Ok(message) = OutboundMessage::event("said", event.args.raw()) else { return };
///         shard.broadcast(Broadcast::to_rooms(["lobby".into()], move |_| vec![message.clone()]));
///         let _ = shard.ack(socket, ack, "true", &[]);
///     }
/// }
/// # engine::Engine::start(engine::Config { shards: 1, ..Default::default() }, |_, _| Ok(()), |_, _| Chat)?.stop();
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait App: Sized + 'static {
    /// The data that the engine keeps of a connection's first request until the connection ends; made by the gate (see
    /// [`crate::Engine::start`]).
    type Handshake: Send + 'static;
    /// The data that the program keeps for each accepted socket.
    type Data: 'static;
    /// The messages that other threads may send to the program on a shard; see [`crate::Handle::send`].
    type Message: Send + 'static;

    /// A client requests a connection to a namespace (or, on a plain endpoint, any service at all). Answer with [`Shard::accept`],
    /// [`Shard::reject`] or [`Shard::close`], now or later. Until then the client's events are a protocol error.
    fn connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, request: Connect<'_>);

    /// A client requests a connection to a namespace that does not exist; the engine rejects it. `handshake` is the data that the gate made
    /// of the connection's first request.
    ///
    /// # Errors
    /// The reason to close the whole connection instead.
    fn connect_unknown(&mut self, handshake: &mut Self::Handshake) -> Result<(), HandshakeRejection> {
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

    /// The client's acknowledgement of an event that [`Shard::emit_with_ack`] sent.
    fn acknowledged(&mut self, shard: &mut Shard<Self>, socket: SocketKey, ack: Acknowledgement<'_>) {
        let _ = (shard, socket, ack);
    }

    /// An accepted socket ends. It is still in its rooms; after this call its key is invalid.
    fn disconnect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, reason: DisconnectReason) {
        let _ = (shard, socket, reason);
    }

    /// Whether the program still has to send a response to an accepted socket. A server that shuts down waits for it.
    fn is_busy(&self, shard: &Shard<Self>, socket: SocketKey) -> bool {
        let _ = (shard, socket);
        false
    }

    /// Reports how many bytes wait in a connection: incomplete input, and output that its client does not read. Called when the number has
    /// changed much, and with 0 when nothing waits any more. False closes the connection.
    fn waiting_bytes_changed(&mut self, shard: &mut Shard<Self>, connection: ConnectionRef, bytes: usize) -> bool {
        let _ = (shard, connection, bytes);
        true
    }

    /// A message from another thread; see [`crate::Handle::send`].
    fn message(&mut self, shard: &mut Shard<Self>, message: Self::Message) {
        let _ = (shard, message);
    }

    /// Called before each turn of the shard, which reads the connections' input, and sends output. A program that must not continue as before, such as one
    /// whose process was paused for too long, ends its connections here; see [`Shard::drop_connections`]. It runs in each turn, so it must cost nothing.
    fn before_turn(&mut self, shard: &mut Shard<Self>) {
        let _ = shard;
    }

    /// The time that was set with [`Shard::wake_at`] is reached.
    fn wake(&mut self, shard: &mut Shard<Self>) {
        let _ = shard;
    }
}

/// A request for a connection to a namespace.
#[derive(Clone, Copy, Debug)]
pub struct Connect<'a> {
    /// The namespace; [`Namespace::PLAIN`] on a plain endpoint.
    pub namespace: Namespace,
    /// The client's auth object as JSON text; `{}` if it sent none.
    pub auth: &'a str,
}

/// An event from a client.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// The event's name.
    pub name: &'a str,
    /// The event's arguments: raw JSON, with placeholders for attachments.
    pub args: Args<'a>,
    /// The binary attachments, in the order of the placeholders' numbers.
    pub attachments: &'a [Vec<u8>],
    /// The id under which the client expects an acknowledgement by [`Shard::ack`], if it does.
    pub ack: Option<u64>,
}

/// A client's acknowledgement of an event that [`Shard::emit_with_ack`] sent.
#[derive(Clone, Debug)]
pub struct Acknowledgement<'a> {
    /// The id that [`Shard::emit_with_ack`] returned.
    pub id: u64,
    /// The acknowledgement's arguments: raw JSON, with placeholders for attachments.
    pub args: Args<'a>,
    /// The binary attachments, in the order of the placeholders' numbers.
    pub attachments: &'a [Vec<u8>],
}

/// Why a socket ended. The texts are those of Socket.IO for Node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DisconnectReason {
    /// The transport failed, or the client broke the Engine.IO protocol.
    TransportError,
    /// The client closed the transport.
    TransportClose,
    /// The server closed the transport.
    ForcedClose,
    /// The client did not answer a heartbeat.
    PingTimeout,
    /// The client sent bytes that are not a packet.
    ParseError,
    /// The server is shutting down.
    ServerShuttingDown,
    /// The client broke the Socket.IO protocol, or the server closed the connection.
    ForcedServerClose,
    /// The client left the namespace.
    ClientNamespaceDisconnect,
    /// The server ended the socket.
    ServerNamespaceDisconnect,
    /// The client resumed the socket on another connection.
    TakenOver,
    /// The client did not read its output in time; see [`crate::Config::outbox_limit`].
    TooSlow,
}

impl DisconnectReason {
    /// Whether the client cannot resume the socket: it has left, or must not return to it.
    pub fn forgets_session(self) -> bool {
        matches!(self, Self::ClientNamespaceDisconnect | Self::ServerNamespaceDisconnect | Self::ForcedServerClose | Self::ParseError)
    }

    /// The reason as text.
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

/// An application that ignores all events, for tests of the code around it.
#[cfg(test)]
pub(crate) struct NoopApp;

#[cfg(test)]
impl App for NoopApp {
    type Handshake = ();
    type Data = ();
    type Message = ();

    fn connect(&mut self, _: &mut Shard<Self>, _: SocketKey, _: Connect<'_>) {}

    fn event(&mut self, _: &mut Shard<Self>, _: SocketKey, _: Event<'_>) {}
}
