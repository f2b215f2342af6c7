//! Limits on the bytes of one connection that are handled before other connections have their turn, and of all connections before the shard
//! writes.
//!
//! The unit is a byte of a message, after inflating: a frame of a kilobyte may become a megabyte, and it is the megabyte that costs time.

use std::time::{Duration, Instant};

/// The bytes that a connection may use in one turn. The message that exceeds the share is still handled; then the connection has to wait
/// for the others.
const SHARE: usize = 64 * 1024;

/// The bytes that all connections may use in one turn before the rest waits for the next.
const TURN: usize = 512 * 1024;

/// The longest time for which connections are read in one turn before the rest waits for the next.
const TIME: Duration = Duration::from_millis(10);

/// The cost of a message besides its bytes, so that many short ones are not free: a short event takes about the time in which this many bytes
/// inflate.
const MESSAGE: usize = 256;

/// The bytes that this turn has used, and those of the connection that is being served.
#[derive(Default, Debug)]
pub(super) struct Shares {
    turn: usize,
    connection: usize,
    begun: Option<Instant>,
}

impl Shares {
    /// Starts a turn at this time.
    pub fn begin_turn(&mut self, now: Instant) {
        *self = Self { begun: Some(now), ..Self::default() };
    }

    /// Starts the share of the next connection.
    pub fn begin_connection(&mut self) {
        self.connection = 0;
    }

    /// Counts a message of this many bytes.
    pub fn spend(&mut self, bytes: usize) {
        self.turn += bytes + MESSAGE;
        self.connection += bytes + MESSAGE;
    }

    /// Whether the connection has used up its share.
    pub fn is_connection_over(&self) -> bool {
        self.connection >= SHARE
    }

    /// Whether no more connections are to be read in this turn.
    pub fn is_turn_over(&self, now: Instant) -> bool {
        self.turn >= TURN || self.begun.is_some_and(|begun| now.saturating_duration_since(begun) >= TIME)
    }
}
