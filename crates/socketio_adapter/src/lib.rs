//! The protocol of `@socket.io/redis-adapter`: a server in Rust forms one cluster with socket.io servers in Node.js, over one Redis.
//!
//! A host implements [`LocalNamespace`] for its own sockets, starts an [`Adapter`], and reaches the sockets of the other servers through
//! [`Peers`]. Emitters, such as `@socket.io/redis-emitter`, reach the host's sockets in the same way as servers do.
//!
//! Messages and their bytes, without I/O:
//!
//! - [`message`]: events, their receivers, and the description of a socket.
//! - [`channels`]: the names of the Redis channels.
//! - [`codec`]: bytes to messages and back.
//!
//! The parts of a running adapter:
//!
//! - `stats`: what the adapter counts.
//! - `settings`: the settings, and why the adapter cannot start.
//! - `ids`: random ids.
//! - `connection`: connections to Redis.
//! - `publisher`: sends messages to Redis.
//! - `replies`: what a host uses to answer.
//! - `local_namespace`: the seam to the host.
//! - `pending`: the requests that wait for responses.
//! - `peers`: the other servers in a namespace.
//! - `subscriber`: receives messages from Redis.
//! - `dispatcher`: passes messages to the host.
//! - `adapter`: starts and stops all of them.

mod adapter;
pub mod channels;
pub mod codec;
mod connection;
mod dispatcher;
mod ids;
mod local_namespace;
pub mod message;
mod peers;
mod pending;
mod publisher;
mod replies;
mod settings;
mod stats;
mod subscriber;

pub use adapter::{Adapter, Namespaces};
pub use codec::{DecodeError, EncodeError};
pub use local_namespace::{Answer, LocalNamespace};
pub use message::{Broadcast, Event, Flags, Payload, Selection, SocketDetails};
pub use peers::{Peers, RequestError, SendError};
pub use pending::Responses;
pub use replies::{AckSink, Reply};
pub use settings::{Settings, StartError};
pub use stats::AdapterStats;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
