//! Seeded fuzz tests of the code that parses input of clients. The input is mutated messages of the scenarios, and random bytes.
//! No input may cause a panic or an internal error, and every response must be readable. The decoders of `wire` have their own fuzz tests in
//! `crates/wire/tests`.

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
