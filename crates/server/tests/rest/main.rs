//! REST over a router and a real database, without a network.

// Only test functions themselves are exempt by clippy.toml; their helpers unwrap, too.
#![allow(clippy::unwrap_used)]

mod back_end;
mod calls;
mod claims;
mod cors;
mod docs;
mod household;
mod idempotency;
mod messenger;
#[path = "../openapi/mod.rs"]
mod openapi;
mod operations;
mod people;
mod permissions;
mod privacy;
mod refusals;
mod support;
mod tasks;
mod trip;
mod workspace;
