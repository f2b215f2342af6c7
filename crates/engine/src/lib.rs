//! Live connections: Socket.IO, Engine.IO and plain WebSocket clients on per-core shards.
//!
//! A program on the engine implements [`App`]. The engine runs one copy of it on each shard, passes it the clients' messages, and gives it
//! access to the [`Shard`]: accept, join, emit, broadcast, close. A module uses only modules that stand before it in this list, except that
//! [`app`] and `shard` use each other: the methods of [`App`] receive the [`Shard`], and the [`Shard`] holds the data of the [`App`].
//!
//! Messages and their bytes:
//!
//! - `node_tag`: the tag of a node, which ids contain.
//! - [`id`]: the ids of sessions and sockets, which contain their shard and their slot.
//! - `json`: writes JSON strings.
//! - [`encoding`]: everything besides the content that determines the bytes of a message.
//! - [`message`]: one message, and the source of a broadcast's messages in each namespace.
//! - `position`: the position of a client in the order of the broadcasts.
//! - `encode`: the bytes of one message in one encoding, as WebSocket frames.
//! - [`broadcast`]: a message for many connections, encoded once for each encoding.
//! - `history`: the recent broadcasts, for replay to clients that reconnect.
//! - [`config`]: the settings, and the paths that are served.
//!
//! The parts of a connection:
//!
//! - `outbox`: the bytes that wait for one client.
//! - `rooms`: the rooms of one shard and their members.
//! - `timers`: the deadlines of the connections of one shard.
//! - `stream`: the byte stream of a client, plain or TLS.
//! - `handshake_rejection`: why the gate of a program rejects a handshake.
//! - `http_connection`: detects long-polling responses that did not reach their client.
//! - `repeated_polls`: recognizes a GET that an HTTP library repeats.
//! - `shard_request`: what the HTTP side passes to a shard.
//!
//! The shard and its thread:
//!
//! - [`app`]: the events that a program receives.
//! - `shard`: the connections of one core, and the operations of a program on them.
//! - `mailbox`: how other threads pass work to a shard.
//! - `hub`: the mailboxes of all shards, and the one order of broadcasts for all of them.
//! - `handle`: access to the engine from any thread.
//! - [`http`]: handshakes and long-polling requests, on their way to a shard.
//! - `worker`: the thread of a shard, one epoll loop.
//! - `engine`: starts and stops the threads.

pub mod app;
pub mod broadcast;
pub mod config;
mod encode;
pub mod encoding;
mod engine;
mod handle;
mod handshake_rejection;
mod history;
pub mod http;
mod http_connection;
mod hub;
pub mod id;
mod json;
mod mailbox;
pub mod message;
mod node_tag;
mod outbox;
mod position;
mod repeated_polls;
mod rooms;
mod shard;
mod shard_request;
mod stream;
mod timers;
mod worker;

pub use app::{Acknowledgement, App, Connect, DisconnectReason, Event};
pub use broadcast::Broadcast;
pub use config::{Config, Endpoint, Protocol};
pub use encoding::{Encoding, Format, Namespace};
pub use engine::Engine;
pub use handle::{BatchGuard, Handle};
pub use handshake_rejection::HandshakeRejection;
pub use history::{Archive, FoundEntry, Recovery, ReplayDecoder, Run, Slice};
pub use message::{ConflationKey, MessageSource, OutboundMessage};
pub use node_tag::NodeTag;
pub use position::Position;
pub use shard::{
    AlreadyDelivered, ConnectionInfo, ConnectionRef, CountsByKind, DeliveryLog, DeliveryOutcome, DeliveryStats, DeliveryStep, Shard,
    ShardStats, SocketKey, SocketResume, SocketTrace,
};
pub use wire::socketio::EncodeError;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
