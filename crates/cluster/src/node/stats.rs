//! What a node has counted, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::sequencer::SequencerStats;
use crate::wire::DecodeError;

/// What a node has counted since its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ClusterStats {
    /// The nodes that count as alive, with this one.
    pub nodes: usize,
    /// Whether Redis can be reached.
    pub redis_is_reachable: bool,
    /// Connections to Redis that were opened again.
    pub redis_reconnects: u64,
    /// Messages that were published on Redis.
    pub published: u64,
    /// Messages that were not published, because Redis could not be reached or was too slow. Other nodes read events from the log.
    pub unpublished: u64,
    /// Messages of other nodes.
    pub received: u64,
    /// Messages that are not from a Roomcast node.
    pub skipped_foreign: u64,
    /// Messages of another version of the format, or of an unknown kind.
    pub skipped_unknown: u64,
    /// Damaged messages.
    pub skipped_damaged: u64,
    /// Changes of presence of other nodes that were missed, after which the whole list was read.
    pub missed_presence: u64,
    /// Events.
    pub events: SequencerStats,
}

/// The counters that tasks raise.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub redis_reconnects: AtomicU64,
    pub published: AtomicU64,
    pub unpublished: AtomicU64,
    pub received: AtomicU64,
    pub skipped_foreign: AtomicU64,
    pub skipped_unknown: AtomicU64,
    pub skipped_damaged: AtomicU64,
}

impl Counters {
    /// Counts a message that was skipped.
    pub fn skip(&self, error: DecodeError) {
        let counter = match error {
            DecodeError::Foreign => &self.skipped_foreign,
            DecodeError::Version | DecodeError::Kind => &self.skipped_unknown,
            DecodeError::Malformed => &self.skipped_damaged,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes the counters into `stats`.
    pub fn fill(&self, stats: &mut ClusterStats) {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        stats.redis_reconnects = value(&self.redis_reconnects);
        stats.published = value(&self.published);
        stats.unpublished = value(&self.unpublished);
        stats.received = value(&self.received);
        stats.skipped_foreign = value(&self.skipped_foreign);
        stats.skipped_unknown = value(&self.skipped_unknown);
        stats.skipped_damaged = value(&self.skipped_damaged);
    }
}
