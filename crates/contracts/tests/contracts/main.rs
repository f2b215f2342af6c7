//! The messages of each contract, to the byte of their values, and the requests that it parses.

// Only test functions themselves are exempt by clippy.toml; their helpers unwrap, too.
#![allow(clippy::unwrap_used)]

mod all_contracts;
mod household;
mod messenger;
mod rest_errors;
mod studio;
mod support;
mod trip;
mod workspace;
