//! The data of a socket.

use std::time::Instant;

use domain::command::Actor;
use engine::id::Id;

use super::client_offsets::ClientOffsets;
use crate::presence::ConnectionId;

/// How many of a client's requests may be on their way to the writer; beyond that the client is not read.
pub(super) const MAX_IN_FLIGHT: u16 = 256;

/// The data of a user's socket.
#[derive(Debug)]
pub struct SocketData {
    /// The user who sends its requests.
    pub actor: Actor,
    /// Its connection.
    pub connection: ConnectionId,
    /// When it was accepted or requested a connection.
    pub at: Instant,
    /// The secret with which its client can resume the session; `None`: it cannot.
    pub(super) secret: Option<Id>,
    /// The offset up to which its client had received all events when it connected.
    pub(super) received_at_connect: u64,
    /// The events that its client has received, if it tracks its own position.
    pub(super) since: Option<Box<ClientOffsets>>,
    /// The number of pending requests.
    pub(super) in_flight: u16,
    pub(super) paused: bool,
}

impl SocketData {
    /// A session that begins at `at`.
    pub(super) fn new(actor: Actor, connection: ConnectionId, at: Instant) -> Self {
        Self { actor, connection, at, secret: None, received_at_connect: 0, since: None, in_flight: 0, paused: false }
    }
}
