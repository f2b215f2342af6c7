//! Live connections: Socket.IO, Engine.IO and plain WebSocket clients on per-core shards.
//!
//! An [`App`] is what a program does with its connections. The engine runs one copy of it on each shard, hands it what clients
//! send, and offers it the [`Shard`]: accept, join, emit, broadcast, close. Read in this order:
//!
//! - [`config`]: what can be set, and which paths are served.
//! - [`app`]: what the program is told.
//! - [`voice`] and [`broadcast`]: how one thing is said to many, encoded once for each way of speaking.
//! - `history`: what was said lately, for those who were away.
//! - `shard`: the state of one core's connections; what an application may do with them.
//! - `worker`: the thread around it, one epoll loop.
//! - [`hub`]: how other threads reach the shards, in one order for everybody.
//! - [`http`]: handshakes and long-polling requests, on their way to a shard.

pub mod app;
pub mod broadcast;
pub mod config;
mod history;
pub mod http;
pub mod hub;
pub mod id;
mod outbox;
mod rooms;
mod shard;
mod stream;
mod timers;
pub mod voice;
mod worker;

pub use app::{Acknowledgement, App, Connect, Event, Reason};
pub use broadcast::{Broadcast, Key, Say, Saying};
pub use config::{Config, Endpoint, Protocol};
pub use history::{Archive, Found, Position, Recovery, Revive, Run, Slice};
pub use hub::{Engine, Handle, Hold, Refusal};
pub use shard::{ConnectionRef, Figures, Kinds, Known, Meter, Recovering, Shard, SocketKey};
pub use voice::{Format, Namespace, Voice};
pub use wire::socketio::EncodeError;
