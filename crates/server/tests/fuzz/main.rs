//! Everything of the server's that reads strangers' words, on seeded noise: what the transcripts say, with something changed, and bytes out of nothing.
//! Nothing panics, nothing is the server's fault, and whatever is answered can be read. (The wire's decoders have their own: `crates/wire/tests`.)

// Only test functions themselves are exempt by clippy.toml; their helpers unwrap, too.
#![allow(clippy::unwrap_used)]

mod auth;
mod contracts;
mod corpus;
mod forwarded;
mod mutations;
#[path = "../openapi/mod.rs"]
mod openapi;
mod rest;
#[path = "../rest/support.rs"]
#[expect(dead_code, reason = "most of it is for the tests of REST")]
mod support;
