//! PostgreSQL that is away, refuses, has another certificate, ends the connection in the middle of a commit, or has several nodes.

#![allow(clippy::unwrap_used, clippy::panic)]

mod lost_connections;
mod node_locks;
mod node_sessions;
mod nodes;
mod outages;
mod proxy;
mod refusals;
mod server;
mod tls;
