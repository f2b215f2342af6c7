//! What the adapter counts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tracing::debug;

use crate::codec::{DecodeError, EncodeError};

/// The adapter's counters at one moment, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdapterStats {
    /// Whether both connections to Redis are open.
    pub connected: bool,
    /// Messages that Redis has accepted.
    pub published: u64,
    /// Messages that were dropped because too many wait for Redis.
    pub dropped_outgoing: u64,
    /// Messages that were being sent when the connection ended. Redis may have received them; they are not repeated, because other servers
    /// would deliver them twice.
    pub uncertain: u64,
    /// Messages that have arrived, those of this server included.
    pub received: u64,
    /// Messages that have arrived and were dropped because too many wait for the host, or too many answers are being computed.
    pub dropped_incoming: u64,
    /// Messages that have arrived and are not of the protocol.
    pub garbage: u64,
    /// Answers of the host that are not JSON, or too large.
    pub unencodable: u64,
    /// Answers of the host that took longer than the request timeout.
    pub late_answers: u64,
    /// How often a connection to Redis was made after it had ended.
    pub reconnects: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub publisher_is_connected: AtomicBool,
    pub subscriber_is_connected: AtomicBool,
    pub published: AtomicU64,
    pub dropped_outgoing: AtomicU64,
    pub uncertain: AtomicU64,
    pub received: AtomicU64,
    pub dropped_incoming: AtomicU64,
    garbage: AtomicU64,
    unencodable: AtomicU64,
    pub late_answers: AtomicU64,
    pub reconnects: AtomicU64,
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

impl Counters {
    pub fn count_garbage(&self, channel: &'static str, error: &DecodeError) {
        add(&self.garbage, 1);
        debug!(channel, %error, "skipped a message of another server");
    }

    pub fn count_unencodable(&self, error: &EncodeError) {
        add(&self.unencodable, 1);
        debug!(%error, "cannot send an answer");
    }

    pub fn snapshot(&self) -> AdapterStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        AdapterStats {
            connected: self.publisher_is_connected.load(Ordering::Relaxed) && self.subscriber_is_connected.load(Ordering::Relaxed),
            published: read(&self.published),
            dropped_outgoing: read(&self.dropped_outgoing),
            uncertain: read(&self.uncertain),
            received: read(&self.received),
            dropped_incoming: read(&self.dropped_incoming),
            garbage: read(&self.garbage),
            unencodable: read(&self.unencodable),
            late_answers: read(&self.late_answers),
            reconnects: read(&self.reconnects),
        }
    }
}
