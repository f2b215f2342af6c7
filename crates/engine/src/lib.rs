//! Live connections: Socket.IO, Engine.IO and plain WebSocket clients on per-core shards.
//!
//! A program on the engine implements [`App`]. The engine runs one copy of it on each shard, passes it the clients' messages, and gives it
//! access to the [`Shard`]: accept, join, emit, broadcast, close. Read in this order:
//!
//! - [`config`]: the settings, and the paths that are served.
//! - [`app`]: the events that a program receives.
//! - [`encoding`] and [`broadcast`]: messages for many connections, encoded once for each encoding.
//! - `history`: the recent broadcasts, for replay to clients that reconnect.
//! - `shard`: the state of one core's connections, and the operations of an application on them.
//! - `worker`: the thread of a shard, one epoll loop.
//! - [`hub`]: how other threads send mail to the shards, with one order of broadcasts for all of them.
//! - [`http`]: handshakes and long-polling requests, on their way to a shard.

pub mod app;
pub mod broadcast;
pub mod config;
pub mod encoding;
mod history;
pub mod http;
pub mod hub;
pub mod id;
mod outbox;
mod rooms;
mod shard;
mod stream;
mod timers;
mod worker;

pub use app::{Acknowledgement, App, Connect, DisconnectReason, Event};
pub use broadcast::{Broadcast, ConflationKey, MessageSource, OutboundMessage};
pub use config::{Config, Endpoint, Protocol};
pub use encoding::{Encoding, Format, Namespace};
pub use history::{Archive, FoundEntry, Position, Recovery, ReplayDecoder, Run, Slice};
pub use hub::{BatchGuard, Engine, Handle, HandshakeRejection};
pub use shard::{AlreadyDelivered, ConnectionRef, CountsByKind, DeliveryStats, Shard, ShardStats, SocketKey, SocketResume};
pub use wire::socketio::EncodeError;
