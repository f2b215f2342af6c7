//! The codec against messages that Node's adapter and emitter have sent ([`recorded`]), those of emitters in other languages, and mutations
//! of all of them.

// Only test functions themselves are exempt by clippy.toml; their helpers unwrap, too.
#![allow(clippy::unwrap_used)]

mod malformed;
mod messages;
mod mutations;
mod recorded;
