//! Everything of the server's that reads strangers' words, on seeded noise: what the transcripts say, with something changed, and bytes out of nothing.
//! Nothing panics, nothing is the server's fault, and whatever is answered can be read. (The wire's decoders have their own: `crates/wire/tests`.)

// Only test functions themselves are exempt by clippy.toml; their helpers unwrap, too.
#![allow(clippy::unwrap_used)]

mod auth;
mod changes;
mod dialects;
mod examples;
#[path = "../openapi/mod.rs"]
mod openapi;
mod proxies;
mod rest;
#[path = "../rest/support.rs"]
#[expect(dead_code, reason = "most of it is for the tests of REST")]
mod support;
