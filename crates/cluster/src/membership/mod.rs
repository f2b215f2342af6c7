//! The nodes of the cluster, as this node knows them, and the lease of this node.
//!
//! A state machine: the caller passes the time, new incarnations, and the results of renewing the lease in Redis.

mod lease_guard;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

pub use lease_guard::LeaseGuard;

use crate::identity::{Incarnation, NodeId, NodeInfo};

/// How long a lease lasts in Redis without a renewal.
pub const LEASE: Duration = Duration::from_secs(5);

/// How often a node renews its lease.
pub const RENEW_INTERVAL: Duration = Duration::from_secs(1);

/// A change of the nodes, or of this node's own lease.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MembershipEvent {
    /// Another node has joined.
    NodeUp(NodeInfo),
    /// Another node has begun a new incarnation: it was restarted, or had lost its lease.
    NodeRestarted(NodeInfo),
    /// The lease of another node has ended, or the node has stopped.
    NodeDown(NodeInfo),
    /// This node was paused for longer than its lease, and has begun a new incarnation. Its connections must end before it does anything else, because their
    /// clients may have continued on another node.
    LeaseLost {
        /// How long the pause was, by this node's clock.
        pause: Duration,
        /// The new incarnation.
        incarnation: Incarnation,
    },
    /// This node could not reach Redis for longer than its lease, and has begun a new incarnation. Its connections may stay.
    Rejoined {
        /// The new incarnation.
        incarnation: Incarnation,
    },
    /// Another process has this node's id. This process must exit.
    Replaced {
        /// The incarnation of the other process.
        by: Incarnation,
    },
    /// The lease could not be renewed for the first time. Other nodes count as alive until Redis can be reached again.
    RedisAway,
    /// The lease was renewed again.
    RedisBack,
}

/// What renewing the lease has found in Redis.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listing {
    /// The state of this node's lease.
    pub lease: LeaseState,
    /// Changes when Redis restarts empty, and when a replica becomes the primary: leases may then be missing that have not ended.
    pub epoch: String,
    /// All nodes whose lease lasts, with this one.
    pub nodes: Vec<NodeInfo>,
}

/// The state of a lease when it was renewed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeaseState {
    /// It lasted, and was renewed.
    Renewed,
    /// There was none: it is new, has ended, or Redis has lost its data.
    Missing,
    /// It was held by an earlier incarnation of this node, and belongs to the present one now.
    Replaced,
    /// Another process holds it, and it was not changed.
    Conflict {
        /// The incarnation of the other process.
        by: Incarnation,
        /// When its lease ends if it is not renewed.
        expires_in: Duration,
    },
}

/// The state machine.
#[derive(Debug)]
pub struct Membership {
    own: NodeInfo,
    nodes: BTreeMap<NodeId, NodeInfo>,
    epoch: Option<String>,
    /// Since when Redis can be reached without a pause. `None`: it cannot be reached.
    reachable_since: Option<Instant>,
    /// When the last successful renewal began.
    renewed_at: Option<Instant>,
    /// When this node last did anything.
    stepped_at: Instant,
    is_away: bool,
}

impl Membership {
    /// A node that has no lease yet.
    pub fn new(own: NodeInfo, now: Instant) -> Self {
        let nodes = BTreeMap::new();
        Self { own, nodes, epoch: None, reachable_since: None, renewed_at: None, stepped_at: now, is_away: false }
    }

    /// This node in its present incarnation.
    pub fn own(&self) -> &NodeInfo {
        &self.own
    }

    /// The other nodes that count as alive.
    pub fn others(&self) -> impl Iterator<Item = &NodeInfo> {
        self.nodes.values()
    }

    /// The node with this id, if it counts as alive.
    pub fn other(&self, id: &NodeId) -> Option<&NodeInfo> {
        self.nodes.get(id)
    }

    /// Call this before anything else that the node does, and at least every 100 ms. If the node was paused for longer than its lease, it begins the incarnation
    /// `fresh`.
    pub fn step(&mut self, now: Instant, fresh: impl FnOnce() -> Incarnation) -> Option<MembershipEvent> {
        let pause = now.saturating_duration_since(self.stepped_at);
        self.stepped_at = self.stepped_at.max(now);
        if pause < LEASE {
            return None;
        }
        // The other nodes need time to return, as after a failure: this node did not see what they did.
        self.reachable_since = None;
        self.renewed_at = None;
        Some(self.begin_incarnation(|incarnation| MembershipEvent::LeaseLost { pause, incarnation }, fresh()))
    }

    /// The lease could not be renewed.
    pub fn renewal_failed(&mut self) -> Option<MembershipEvent> {
        self.reachable_since = None;
        let was_away = std::mem::replace(&mut self.is_away, true);
        (!was_away).then_some(MembershipEvent::RedisAway)
    }

    /// The lease was renewed; the renewal began at `began`, for the incarnation that [`Membership::own`] had then. The events must be handled in their order.
    pub fn renewed(&mut self, listing: Listing, began: Instant, now: Instant, fresh: impl FnOnce() -> Incarnation) -> Vec<MembershipEvent> {
        let mut events = Vec::new();
        if std::mem::take(&mut self.is_away) {
            events.push(MembershipEvent::RedisBack);
        }
        let is_same_data = self.epoch.as_ref() == Some(&listing.epoch);
        self.epoch = Some(listing.epoch);
        if let LeaseState::Conflict { by, .. } = listing.lease {
            events.push(MembershipEvent::Replaced { by });
            return events;
        }
        if is_same_data {
            events.extend(self.lease_has_ended(listing.lease, began, fresh));
        }
        self.renewed_at = Some(began);
        if !is_same_data {
            self.reachable_since = None;
        }
        let since = *self.reachable_since.get_or_insert(now);
        self.update_nodes(listing.nodes, now.saturating_duration_since(since) >= LEASE, &mut events);
        events
    }

    /// Begins a new incarnation if the lease ended since the last renewal. `lease`: its state in the Redis of the last renewal.
    fn lease_has_ended(&mut self, lease: LeaseState, began: Instant, fresh: impl FnOnce() -> Incarnation) -> Option<MembershipEvent> {
        // The first renewal takes a new lease.
        let pause = began.saturating_duration_since(self.renewed_at?);
        if pause >= LEASE {
            // Also if Redis has a lease: a renewal that the network held back may have taken it again.
            return Some(self.begin_incarnation(|incarnation| MembershipEvent::Rejoined { incarnation }, fresh()));
        }
        // By this node's clock the lease has not ended. So if it is missing, the clock has stood still, as that of a suspended virtual machine.
        let is_missing = lease == LeaseState::Missing;
        is_missing.then(|| self.begin_incarnation(|incarnation| MembershipEvent::LeaseLost { pause, incarnation }, fresh()))
    }

    fn begin_incarnation(&mut self, event: impl FnOnce(Incarnation) -> MembershipEvent, incarnation: Incarnation) -> MembershipEvent {
        self.own.incarnation = incarnation;
        event(incarnation)
    }

    fn update_nodes(&mut self, listed: Vec<NodeInfo>, absent_are_dead: bool, events: &mut Vec<MembershipEvent>) {
        let listed: BTreeMap<NodeId, NodeInfo> =
            listed.into_iter().filter(|node| node.id != self.own.id).map(|node| (node.id.clone(), node)).collect();
        if absent_are_dead {
            let dead = self.nodes.extract_if(.., |id, _| !listed.contains_key(id));
            events.extend(dead.map(|(_, node)| MembershipEvent::NodeDown(node)));
        }
        for (id, node) in listed {
            match self.nodes.insert(id, node.clone()) {
                None => events.push(MembershipEvent::NodeUp(node)),
                Some(known) if known.incarnation != node.incarnation => events.push(MembershipEvent::NodeRestarted(node)),
                Some(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
