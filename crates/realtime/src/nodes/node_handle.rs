//! This node, for the parts of the server that start before it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use cluster::membership::LeaseGuard;
use cluster::node::ClusterNode;
use domain::ids::UserId;
use limits::rate_limit::UsageReporter;

use super::cluster_bus::online_key;
use super::event_codec::{NodeMessage, encode_message};
use crate::presence::OnlineOnNodes;

/// This node, once it has started. Before that, the server has no connections.
#[derive(Default)]
pub struct NodeHandle {
    node: OnceLock<StartedNode>,
    /// Whether changes of presence are sent to clients. Entries from before that are known to the clients that will reconnect.
    announces_presence: AtomicBool,
    lost_leases: AtomicU64,
}

struct StartedNode {
    node: ClusterNode,
    guard: LeaseGuard,
}

impl NodeHandle {
    /// Sets the node, once.
    pub fn connect(&self, node: ClusterNode) {
        let guard = node.lease_guard();
        // A second call would be a bug; the first node stays.
        let _ = self.node.set(StartedNode { node, guard });
    }

    /// The node, once it has started.
    pub fn get(&self) -> Option<&ClusterNode> {
        self.node.get().map(|started| &started.node)
    }

    /// From now on changes of presence are sent to clients.
    pub fn announce_presence(&self) {
        self.announces_presence.store(true, Ordering::Release);
    }

    pub(super) fn announces_presence(&self) -> bool {
        self.announces_presence.load(Ordering::Acquire)
    }

    /// This node was paused for longer than its lease: connections and commands from before the pause must end.
    pub fn lease_lost(&self) {
        self.lost_leases.fetch_add(1, Ordering::AcqRel);
    }

    /// How often this node was paused for longer than its lease. The caller ends what is from before the last pause. A pause that no other thread has
    /// noticed yet counts, too.
    pub fn lost_leases(&self, now: Instant) -> u64 {
        if let Some(StartedNode { node, guard }) = self.node.get()
            && !guard.is_valid(now)
        {
            node.notice_pause();
        }
        self.lost_leases.load(Ordering::Acquire)
    }
}

impl NodeHandle {
    /// A client has resumed a session here. A node on which its old connection still seems to be open ends that one.
    pub(crate) fn session_resumed(&self, user: &UserId, id: &str) {
        let message = NodeMessage::SessionResumed { user: user.clone(), id: id.to_owned() };
        if let (Some(node), Some(frame)) = (self.get(), encode_message(&message)) {
            node.publish_ephemeral(frame);
        }
    }
}

impl UsageReporter for NodeHandle {
    fn spent(&self, budget: &str, amount: u32) {
        if let Some(node) = self.get() {
            node.report_usage(budget, amount);
        }
    }
}

impl OnlineOnNodes for NodeHandle {
    fn connection_of(&self, user: &UserId) -> Option<String> {
        let (_, value) = self.get()?.presence_values(&online_key(user)).into_iter().next()?;
        Some(String::from_utf8_lossy(&value).into_owned())
    }

    fn count(&self) -> usize {
        self.get().map_or(0, |node| node.users_in("", 0).1)
    }
}
