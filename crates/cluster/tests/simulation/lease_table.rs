//! The leases in Redis, as the script of the lease treats them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cluster::identity::{NodeId, NodeInfo};
use cluster::membership::{LEASE, LeaseState, Listing};

/// The data of Redis.
#[derive(Default)]
pub struct LeaseTable {
    epoch: u32,
    leases: BTreeMap<NodeId, Lease>,
}

struct Lease {
    node: NodeInfo,
    process: u64,
    expires: Instant,
}

impl LeaseTable {
    /// Redis has lost its data.
    pub fn clear(&mut self) {
        self.epoch += 1;
        self.leases.clear();
    }

    /// Whether a process may take an id.
    pub fn is_free(&self, id: &NodeId, now: Instant) -> bool {
        self.leases.get(id).is_none_or(|lease| lease.expires <= now)
    }

    /// Renews a lease.
    pub fn renew(&mut self, node: &NodeInfo, process: u64, now: Instant) -> Listing {
        self.leases.retain(|_, lease| lease.expires > now);
        let lease = match self.leases.get(&node.id) {
            None => LeaseState::Missing,
            Some(held) if held.process != process => {
                LeaseState::Conflict { by: held.node.incarnation, expires_in: held.expires.saturating_duration_since(now) }
            }
            Some(held) if held.node.incarnation == node.incarnation => LeaseState::Renewed,
            Some(_) => LeaseState::Replaced,
        };
        if !matches!(lease, LeaseState::Conflict { .. }) {
            self.leases.insert(node.id.clone(), Lease { node: node.clone(), process, expires: now + LEASE });
        }
        let nodes = self.leases.values().map(|lease| lease.node.clone()).collect();
        Listing { lease, epoch: self.epoch.to_string(), nodes }
    }

    /// When the lease of a node ends; `None` if it has ended.
    pub fn expires_in(&self, id: &NodeId, now: Instant) -> Option<Duration> {
        self.leases.get(id).and_then(|lease| lease.expires.checked_duration_since(now)).filter(|left| !left.is_zero())
    }
}
