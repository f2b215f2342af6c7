//! PostgreSQL that is away, refuses, has another certificate, or ends the connection in the middle of a commit.

#![allow(clippy::unwrap_used, clippy::panic)]

mod lost_connections;
mod proxy;
mod refusals;
mod tls;
