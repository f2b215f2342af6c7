//! Limits on the bytes of one connection that are handled before other connections have their turn, and of all connections before the shard
//! writes.
//!
//! The unit is a byte of a message, after inflating: a frame of a kilobyte may become a megabyte, and it is the megabyte that costs time.

use std::time::{Duration, Instant};

/// The bytes that a connection may use in one turn. The message that exceeds the share is still handled; then the connection has to wait
/// for the others.
const MAX_CONNECTION_BYTES: usize = 64 * 1024;

/// The bytes that all connections may use in one turn before the rest waits for the next.
const MAX_TURN_BYTES: usize = 512 * 1024;

/// The longest time for which connections are read in one turn before the rest waits for the next.
const MAX_TURN_TIME: Duration = Duration::from_millis(10);

/// The cost of a message besides its bytes, so that many short ones are not free: a short event takes about the time in which this many
/// bytes inflate.
const MESSAGE_COST_BYTES: usize = 256;

/// The bytes that this turn has used, and those of the connection that is being served.
#[derive(Default, Debug)]
pub(super) struct TurnBudget {
    turn: usize,
    connection: usize,
    start: Option<Instant>,
}

impl TurnBudget {
    /// Starts a turn at this time.
    pub fn begin_turn(&mut self, now: Instant) {
        *self = Self { start: Some(now), ..Self::default() };
    }

    /// Starts the share of the next connection.
    pub fn begin_connection(&mut self) {
        self.connection = 0;
    }

    /// Counts a message of this many bytes.
    pub fn spend(&mut self, bytes: usize) {
        self.turn += bytes + MESSAGE_COST_BYTES;
        self.connection += bytes + MESSAGE_COST_BYTES;
    }

    /// Whether the connection has used up its share.
    pub fn is_connection_over(&self) -> bool {
        self.connection >= MAX_CONNECTION_BYTES
    }

    /// Whether no more connections are to be read in this turn.
    pub fn is_turn_over(&self, now: Instant) -> bool {
        self.turn >= MAX_TURN_BYTES || self.start.is_some_and(|start| now.saturating_duration_since(start) >= MAX_TURN_TIME)
    }
}
