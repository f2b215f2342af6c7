//! Counters of what was forwarded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// The counters, which all requests share.
#[derive(Clone, Default)]
pub(crate) struct SharedStats(Arc<Mutex<ForwardingStats>>);

impl SharedStats {
    /// The counters, for a change or a copy.
    pub fn lock(&self) -> MutexGuard<'_, ForwardingStats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
