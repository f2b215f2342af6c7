//! The ways of speaking. What is said to many is encoded once for each voice that somebody present needs.

use wire::engineio::Version;
use wire::websocket::Window;

/// The index of a namespace in [`crate::Config::namespaces`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Namespace(pub u8);

impl Namespace {
    /// The place of connections that know no namespaces: [`crate::Protocol::Raw`] and [`crate::Protocol::EngineIo`].
    pub const PLAIN: Namespace = Namespace(u8::MAX);
}

/// How packets are written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Format {
    /// Socket.IO's own text packets; binaries follow as attachments.
    Json,
    /// Socket.IO packets as msgpack maps, binaries inside.
    MsgPack,
    /// An Engine.IO message without Socket.IO.
    Engine,
    /// A plain WebSocket message.
    Raw,
}

/// Everything on which the bytes of a message depend, besides what it says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Voice {
    /// To whom.
    pub namespace: Namespace,
    /// How.
    pub format: Format,
    /// Engine.IO 3 writes binary messages with a type byte,
    pub version: Version,
    /// or as text, for a client that said that it takes no binary (`b64`).
    pub base64: bool,
    /// The client's window, if the connection has negotiated permessage-deflate.
    pub deflate: Option<Window>,
    /// Whether events carry their [`crate::Position`]; see [`crate::Shard::accept_recoverable`].
    pub positions: bool,
}
