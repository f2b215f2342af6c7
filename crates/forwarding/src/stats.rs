//! Counters of what was forwarded.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start, and the WebSockets that are relayed now.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct ForwardingStats {
    /// Requests that were forwarded to another node.
    pub forwarded: u64,
    /// Requests that another node forwarded to this one.
    pub received: u64,
    /// Requests that could not be forwarded, because the other node could not be reached or was gone before its response.
    pub unreachable: u64,
    /// Requests with the header of a forwarded request that was not signed with `CLUSTER_SECRET`.
    pub refused: u64,
    /// Requests that another node refused, because its `CLUSTER_SECRET` differs.
    pub refused_by_others: u64,
    /// Responses of other nodes that did not reach their client.
    pub responses_lost: u64,
    /// WebSockets that are relayed now.
    pub relays: u64,
}

/// The counters.
#[derive(Default)]
pub(crate) struct Counters {
    pub forwarded: AtomicU64,
    pub received: AtomicU64,
    pub unreachable: AtomicU64,
    pub refused: AtomicU64,
    pub refused_by_others: AtomicU64,
    pub responses_lost: AtomicU64,
    pub relays: AtomicU64,
}

impl Counters {
    pub fn snapshot(&self) -> ForwardingStats {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ForwardingStats {
            forwarded: of(&self.forwarded),
            received: of(&self.received),
            unreachable: of(&self.unreachable),
            refused: of(&self.refused),
            refused_by_others: of(&self.refused_by_others),
            responses_lost: of(&self.responses_lost),
            relays: of(&self.relays),
        }
    }
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
