//! From the writer to all nodes.

use std::sync::Arc;
use std::time::Instant;

use cluster::OrderedAction;
use cluster::wire::EventFrame;
use domain::command::Actor;
use domain::event::PersistedEvent;
use limits::memory_guard;
use limits::rate_limit::RateLimits;
use store::CommitSink;

use super::NodeHandle;
use super::event_codec::encode;
use crate::Fanout;

/// Publishes committed events to all nodes. Each node delivers them by offset, and a reply runs at its place in this order.
pub struct ClusterPublisher {
    node: Arc<NodeHandle>,
    fanout: Arc<Fanout>,
    limits: Arc<RateLimits>,
    /// The replies of the present batch, each with the offset behind which it runs.
    replies: Vec<(u64, OrderedAction)>,
    events: Vec<EventFrame>,
    /// The last offset that a reply or an event had.
    position: u64,
    lost_leases: u64,
}

impl ClusterPublisher {
    /// A publisher whose replies wait for the events of `node`. The cost of a command is taken from its user's budget in `limits`.
    pub fn new(node: Arc<NodeHandle>, fanout: Arc<Fanout>, limits: Arc<RateLimits>) -> Self {
        Self { node, fanout, limits, replies: Vec::new(), events: Vec::new(), position: 0, lost_leases: 0 }
    }
}

impl CommitSink for ClusterPublisher {
    fn may_write(&mut self) -> Result<(), &'static str> {
        // Commands from before a pause may be among them, which their clients may have sent again, to another node.
        let lost_leases = self.node.lost_leases(Instant::now());
        match std::mem::replace(&mut self.lost_leases, lost_leases) == lost_leases {
            true => Ok(()),
            false => Err("this server was paused for longer than its lease"),
        }
    }

    fn begin(&mut self) {
        self.fanout.wait_for_capacity();
    }

    fn charge(&mut self, actor: &Actor, reach: usize) {
        if *actor != Actor::server() {
            self.limits.charge(&actor.user, reach);
        }
    }

    fn orders_replies(&self) -> bool {
        self.node.get().is_some()
    }

    fn reply(&mut self, position: Option<i64>, reply: OrderedAction) {
        if let Some(position) = position {
            self.position = self.position.max(position.unsigned_abs());
        }
        self.replies.push((self.position, reply));
    }

    fn publish(&mut self, persisted: PersistedEvent) {
        self.position = persisted.offset.unsigned_abs();
        self.events.push(encode(Arc::new(persisted)));
    }

    fn end(&mut self) {
        let (replies, events) = (std::mem::take(&mut self.replies), std::mem::take(&mut self.events));
        // Before the node has started, no command has events.
        if let Some(node) = self.node.get() {
            node.commit(replies, events);
        }
    }

    fn idle(&mut self) {
        memory_guard::release_to_system();
    }
}
