//! The messages of each contract, to the byte, and the requests that it parses, as snapshots. `docs/contributing/testing.md` describes how to
//! review a change.

// Only test functions themselves are exempt by clippy.toml; their helpers unwrap, too.
#![allow(clippy::unwrap_used)]

mod all_contracts;
mod household;
mod messenger;
mod rest_errors;
mod sample_events;
mod sample_objects;
mod studio;
mod transcripts;
mod trip;
mod workspace;
