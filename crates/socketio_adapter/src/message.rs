//! What servers of a cluster send to each other: events, their receivers, and the description of a socket.

use std::time::Duration;

/// An event with its arguments. They are JSON texts that are forwarded unchanged; binary data are attachments, with a placeholder
/// (`{"_placeholder":true,"num":0}` for the first) in their place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The event's name.
    pub name: String,
    /// The arguments: JSON texts joined by commas, possibly none.
    pub args: String,
    /// The binary data, at most [`wire::socketio::MAX_ATTACHMENTS`].
    pub attachments: Vec<Vec<u8>>,
}

impl Event {
    /// An event without attachments. `args` as in [`Event::args`].
    pub fn new(name: impl Into<String>, args: impl Into<String>) -> Self {
        Self { name: name.into(), args: args.into(), attachments: Vec::new() }
    }
}

/// One value: a JSON text, with placeholders for its attachments as in [`Event`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The JSON text.
    pub json: String,
    /// The binary data, at most [`wire::socketio::MAX_ATTACHMENTS`].
    pub attachments: Vec<Vec<u8>>,
}

impl Payload {
    /// A value without attachments.
    pub fn json(json: impl Into<String>) -> Self {
        Self { json: json.into(), attachments: Vec::new() }
    }
}

/// The sockets that an operation concerns. A socket is in the room with the name of its id, so both lists may contain ids of sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The sockets in at least one of these rooms, each once. Without rooms: all sockets of the namespace.
    pub rooms: Vec<String>,
    /// Except the sockets in one of these rooms.
    pub except: Vec<String>,
}

impl Selection {
    /// All sockets of the namespace.
    pub fn all() -> Self {
        Self::default()
    }

    /// The sockets in one room.
    pub fn room(room: impl Into<String>) -> Self {
        Self { rooms: vec![room.into()], except: Vec::new() }
    }
}

/// The flags of a broadcast, as `io.volatile`, `io.local`, `io.compress()` and `io.timeout()` of Node set them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The broadcast is dropped for a client that cannot receive it at this moment.
    pub volatile: bool,
    /// The broadcast is only for the sockets of the server that sends it, so it never reaches another server.
    pub local: bool,
    /// Whether the transport may compress the broadcast. `None`: the default of the transport.
    pub compress: Option<bool>,
    /// How long the sender waits for the acknowledgements of the clients.
    pub timeout: Option<Duration>,
}

/// An event for the sockets of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Broadcast {
    /// The event.
    pub event: Event,
    /// Its receivers.
    pub to: Selection,
    /// How it is delivered.
    pub flags: Flags,
}

impl Broadcast {
    /// A broadcast without flags.
    pub fn new(event: Event, to: Selection) -> Self {
        Self { event, to, flags: Flags::default() }
    }
}

/// A socket, as `fetchSockets()` of Node returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketDetails {
    /// The id of the socket.
    pub id: String,
    /// The handshake as a JSON object; Node has the members `headers`, `time`, `address`, `xdomain`, `secure`, `issued`, `url`, `query`, and
    /// `auth`.
    pub handshake: String,
    /// The names of its rooms, its id included.
    pub rooms: Vec<String>,
    /// The application's data of the socket as a JSON value.
    pub data: String,
}
