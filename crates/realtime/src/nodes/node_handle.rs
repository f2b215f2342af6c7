//! This node, for the parts of the server that start before it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use cluster::membership::LeaseGuard;
use cluster::node::ClusterNode;
use cluster::shared_limits::{OpenConnections, excess};
use domain::ids::{EntityId, Timestamp, UserId};
use engine::id::Id;
use limits::rate_limit::UsageReporter;
use store::Histogram;

use super::delivery_delays::DeliveryDelays;
use super::event_codec::{NodeMessage, encode_message};
use super::presence_entries::{call_key, online_key};
use super::user_connections::{UserConnections, connections, transport_number, visible_id, without_resumed};
use crate::presence::{CallsOnNodes, ConnectionId, OnlineOnNodes, OtherConnection, Transport};

/// This node, once it has started. Before that, the server has no connections.
#[derive(Default)]
pub struct NodeHandle {
    node: OnceLock<StartedNode>,
    /// Whether changes of presence are sent to clients. Entries from before that are known to the clients that will reconnect.
    announces_presence: AtomicBool,
    lost_leases: AtomicU64,
    /// No lock is taken while this one is held.
    connections: Mutex<UserConnections>,
    delays: DeliveryDelays,
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

    /// An event of a transaction at `at` is delivered `now`.
    pub(super) fn event_delivered(&self, at: Timestamp, now: Timestamp) {
        self.delays.observe(at, now);
    }

    /// How long events took from their transaction to the delivery here, in seconds.
    pub fn delivery_delays(&self) -> Histogram {
        self.delays.histogram()
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

impl NodeHandle {
    /// Whether a user is in a call on any node, or was until just now.
    pub fn is_in_call(&self, call: EntityId, user: &UserId) -> bool {
        self.get().is_some_and(|node| node.is_present(&call_key(call, user)))
    }

    /// Whether this node has the smallest id of all that count as alive: it does work that one node does for all.
    pub fn is_first(&self) -> bool {
        self.get().is_some_and(|node| {
            let own = node.own().id;
            node.others().iter().all(|other| other.id > own)
        })
    }

    /// The ids of all nodes that count as alive, this one included.
    pub fn node_ids(&self) -> Vec<String> {
        let nodes = self.get().map(|node| node.others().into_iter().chain([node.own()]));
        nodes.into_iter().flatten().map(|node| node.id.to_string()).collect()
    }
}

impl CallsOnNodes for NodeHandle {
    fn set_in_call(&self, call: EntityId, user: &UserId, connection: Option<&str>) {
        if let Some(node) = self.get() {
            node.set_presence(&call_key(call, user), Bytes::copy_from_slice(connection.unwrap_or_default().as_bytes()));
        }
    }

    fn remove_from_call(&self, call: EntityId, user: &UserId) {
        if let Some(node) = self.get() {
            node.remove_presence(&call_key(call, user), true);
        }
    }

    fn connection_elsewhere(&self, call: EntityId, user: &UserId) -> OtherConnection {
        let Some(node) = self.get() else { return OtherConnection::Absent };
        let (own, key) = (node.own().id, call_key(call, user));
        let others: Vec<_> = node.presence_values(&key).into_iter().filter(|(holder, _)| *holder != own).collect();
        match others.iter().find(|(_, connection)| !connection.is_empty()) {
            Some((_, connection)) => OtherConnection::Open(String::from_utf8_lossy(connection).into_owned()),
            // The last node with the entry may have died.
            None if others.is_empty() && !node.is_departing(&key) => OtherConnection::Absent,
            None => OtherConnection::Ended,
        }
    }

    fn sees_other_nodes(&self) -> bool {
        self.get().is_some_and(ClusterNode::sees_other_nodes)
    }
}

impl UsageReporter for NodeHandle {
    fn spent(&self, budget: &str, amount: u32) {
        if let Some(node) = self.get() {
            node.report_usage(budget, amount);
        }
    }
}

impl NodeHandle {
    /// Learns the connections of a user on another node. Returns whether the user has a connection on this one, too.
    pub(super) fn observe(&self, user: &UserId, connections: &OpenConnections) -> bool {
        let mut own = self.connections();
        own.observe(connections);
        own.contains(user)
    }

    /// The connections of a user on this node that exceed a cap over all nodes: the newest of all.
    pub(crate) fn excess(&self, user: &UserId, transport: Transport, cap: Option<u32>) -> Vec<ConnectionId> {
        let (Some(node), Some(cap)) = (self.get(), cap) else { return Vec::new() };
        let mut holders: Vec<_> =
            node.presence_values(&online_key(user)).into_iter().map(|(node, value)| (node, connections(&value))).collect();
        without_resumed(&mut holders);
        let times = excess(&node.own().id, &holders, transport_number(transport), cap as usize);
        self.connections().opened_at(user, &times)
    }

    fn connections(&self) -> MutexGuard<'_, UserConnections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_online(&self, user: &UserId, value: Bytes) {
        if let Some(node) = self.get() {
            node.set_presence(&online_key(user), value);
        }
    }
}

impl OnlineOnNodes for NodeHandle {
    fn connection_opened(&self, user: &UserId, connection: ConnectionId, id: Option<Id>) {
        let value = self.connections().open(user, connection, &id.map(|id| id.text()).unwrap_or_default());
        self.set_online(user, value);
    }

    fn connection_closed(&self, user: &UserId, connection: ConnectionId) {
        let value = self.connections().close(user, connection);
        if let Some(value) = value {
            self.set_online(user, value);
        }
    }

    fn connection_renamed(&self, user: &UserId, connection: ConnectionId, id: Id) {
        let value = self.connections().rename(user, connection, &id.text());
        if let Some(value) = value {
            self.set_online(user, value);
        }
    }

    fn count_elsewhere(&self, user: &UserId, transport: Transport) -> u32 {
        let Some(node) = self.get() else { return 0 };
        let (own, transport) = (node.own().id, transport_number(transport));
        let others = node.presence_values(&online_key(user)).into_iter().filter(|(node, _)| *node != own);
        let count = others.map(|(_, value)| connections(&value).0.iter().filter(|open| open.transport == transport).count());
        u32::try_from(count.sum::<usize>()).unwrap_or(u32::MAX)
    }

    fn connection_of(&self, user: &UserId) -> Option<String> {
        let values = self.get()?.presence_values(&online_key(user));
        values.first().map(|(_, value)| visible_id(&connections(value)))
    }

    fn count(&self) -> usize {
        self.get().map_or(0, |node| node.online_count())
    }
}
