//! Whether the lease of this node is valid, for other threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::LEASE;

/// Answers in a few nanoseconds whether this node was paused for longer than its lease. A shard asks before it reads its connections, and a writer before
/// it commits: after a pause they must wait until the node has ended its connections.
#[derive(Clone, Debug)]
pub struct LeaseGuard {
    start: Instant,
    /// When the node last did anything, in milliseconds after the start.
    beat: Arc<AtomicU64>,
}

impl LeaseGuard {
    /// A guard whose lease is valid now.
    pub fn new(now: Instant) -> Self {
        Self { start: now, beat: Arc::default() }
    }

    /// The node has done something, and has handled a pause before it.
    pub fn beat(&self, now: Instant) {
        self.beat.fetch_max(self.millis(now), Ordering::AcqRel);
    }

    /// The node has stopped, and from now on nothing depends on its lease.
    pub fn stop(&self) {
        self.beat.store(u64::MAX, Ordering::Release);
    }

    /// Whether the node was not paused for longer than its lease.
    pub fn is_valid(&self, now: Instant) -> bool {
        let silence = self.millis(now).saturating_sub(self.beat.load(Ordering::Acquire));
        u128::from(silence) < LEASE.as_millis()
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.start).as_millis()).unwrap_or(u64::MAX)
    }
}
