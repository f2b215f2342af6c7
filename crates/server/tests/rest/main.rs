//! REST over a router and a real database, without a network.

// Only test functions themselves are exempt by clippy.toml; their helpers unwrap, too.
#![allow(clippy::unwrap_used)]

mod backend;
mod calls;
mod claims;
mod cors;
mod docs;
mod errors;
mod household;
mod idempotency;
mod messenger;
#[path = "../openapi/mod.rs"]
mod openapi;
mod ops;
mod permissions;
mod privacy;
mod support;
mod tasks;
mod trip;
mod users;
mod workspace;
