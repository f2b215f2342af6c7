//! What is kept with a socket.

use std::time::Instant;

use domain::operation::Actor;

use crate::presence::Connection;

/// How many of a client's requests may be on their way to the writer; beyond that the client is not read.
pub(super) const MOST_IN_FLIGHT: u16 = 256;

/// A person's socket.
#[derive(Debug)]
pub struct Session {
    /// On whose behalf it asks.
    pub actor: Actor,
    /// Its connection.
    pub connection: Connection,
    /// Since when.
    pub since: Instant,
    /// Requests that are on their way.
    pub(super) in_flight: u16,
    pub(super) paused: bool,
}
