//! Nodes with a real Redis server, which each test starts on a port of its own.

#![allow(clippy::unwrap_used)]

mod cut_off;
mod delivery;
mod failures;
mod frozen_node;
mod identity;
mod presence;
mod sentinel;
mod shared_limits;
mod start_errors;
mod support;
mod tls;
