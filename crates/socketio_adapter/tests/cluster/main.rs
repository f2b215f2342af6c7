//! One cluster of this crate's adapter and of real socket.io servers in Node.js with `@socket.io/redis-adapter`, over a real Redis.
//!
//! Each test starts its own Redis ([`redis_server`]) and its own Node process ([`node_server`]), which has stock clients and an emitter. On
//! the side of Rust the host is a small namespace in memory ([`memory_namespace`]) with sockets that record what they receive. A test waits
//! for conditions, and shows that something does not arrive by waiting for a later event.

// Only test functions themselves are exempt by clippy.toml; their helpers unwrap, too.
#![allow(clippy::unwrap_used)]

mod acknowledgements;
mod broadcasts;
mod emitter;
mod failures;
mod garbage;
mod memory_namespace;
mod node_server;
mod redis_server;
mod server_events;
mod setup;
mod sockets;
mod start;
mod tls;
