//! What is kept with a socket.

use std::time::Instant;

use domain::operation::Actor;
use engine::id::Id;

use super::since::Since;
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
    pub at: Instant,
    /// What its client proves by that it is the same, if it may come back.
    pub(super) secret: Option<Id>,
    /// Up to which offset it has heard everything, as it came.
    pub(super) begun: u64,
    /// What its client has heard, if it keeps count by itself.
    pub(super) since: Option<Box<Since>>,
    /// Requests that are on their way.
    pub(super) in_flight: u16,
    pub(super) paused: bool,
}

impl Session {
    /// A socket that begins now.
    pub(super) fn new(actor: Actor, connection: Connection, at: Instant) -> Self {
        Self { actor, connection, at, secret: None, begun: 0, since: None, in_flight: 0, paused: false }
    }
}
