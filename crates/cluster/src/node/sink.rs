//! What the server does for the cluster.

use bytes::Bytes;

use crate::identity::NodeId;
use crate::membership::MembershipEvent;
use crate::presence::PresenceTransition;
use crate::sequencer::LogWentBack;
use crate::wire::{EphemeralFrame, EventFrame, PresenceKey, Usage};

/// Receives what a node decides. The functions are called one after the other under a lock of the node, in the order of the decisions. They must not block
/// and must not call the node; they put work into the queues of the server.
pub trait ClusterSink: Send + Sync + 'static {
    /// Called before some events and ordered actions, which follow each other without a pause: their work can be collected until
    /// [`ClusterSink::end_events`].
    fn begin_events(&self) {}

    /// Called after the last of these events and actions.
    fn end_events(&self) {}

    /// Delivers an event to the connections of this node. Called for each offset once, in order, with this node's own events.
    fn event(&self, event: &EventFrame);

    /// Delivers an ephemeral event of another node.
    fn ephemeral(&self, from: &NodeId, event: EphemeralFrame);

    /// Announces a change of presence to the clients of this node.
    fn presence(&self, transition: PresenceTransition);

    /// Learns the value of another node's entry about a user who is online: on a change, the connections of this node may exceed a cap over all nodes; see
    /// [`excess`](crate::shared_limits::excess).
    fn other_value(&self, _node: &NodeId, _key: &PresenceKey, _value: &Bytes) {}

    /// Learns what another node has charged to budgets. The same amounts are to be taken from the budgets of this node, which may become negative.
    fn usage(&self, _charges: Vec<Usage>) {}

    /// Learns about a change of the nodes. [`MembershipEvent::LeaseLost`] must end all connections of this node, and [`MembershipEvent::Replaced`] the
    /// process.
    fn membership(&self, event: MembershipEvent);

    /// The database has lost commits that were delivered: the present epoch must not be continued.
    fn log_went_back(&self, fault: LogWentBack);

    /// Whether the connections can take more events. If not, events of other nodes are read from the log later, so that they do not fill the memory.
    fn has_capacity(&self) -> bool {
        true
    }
}
