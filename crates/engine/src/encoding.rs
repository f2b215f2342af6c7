//! Encodings ([`Encoding`]). A broadcast is encoded once for each encoding that one of its receivers needs.

use wire::engineio::Version;
use wire::websocket::Window;

/// The index of a namespace in [`crate::Config::namespaces`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Namespace(pub u8);

impl Namespace {
    /// The namespace of connections without namespaces: [`crate::Protocol::Raw`] and [`crate::Protocol::EngineIo`].
    pub const PLAIN: Namespace = Namespace(u8::MAX);
}

/// The format of packets.
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

/// An encoding: everything besides the content that determines the bytes of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Encoding {
    /// The namespace of the receiving socket.
    pub namespace: Namespace,
    /// The format of its packets.
    pub format: Format,
    /// The version of Engine.IO. Version 3 has a type byte in binary messages.
    pub version: Version,
    /// Whether binary messages are written as text, for a client of version 3 that cannot receive binary messages (`b64`).
    pub base64: bool,
    /// The client's window, if the connection has negotiated permessage-deflate.
    pub deflate: Option<Window>,
    /// Whether events carry their [`crate::Position`]; see [`crate::Shard::accept_recoverable`].
    pub positions: bool,
}
