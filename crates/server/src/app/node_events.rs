//! What this server does when the other nodes change.

use std::sync::Arc;
use std::time::Duration;

use cluster::identity::{NodeId, NodeInfo};
use cluster::membership::MembershipEvent;
use cluster::sequencer::LogWentBack;
use cluster::wire::Usage;
use domain::sessions::{EndNodeSessions, ReplaceEpoch};
use engine::NodeTag;
use forwarding::Forwarder;
use limits::rate_limit::RateLimits;
use realtime::Fanout;
use realtime::nodes::{NodeHandle, NodeObserver};
use store::Writer;
use tokio::runtime::Handle;

use super::parts::Parts;
use super::storage::new_epoch;

/// How long a command about a dead node waits until it is repeated.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// The exit code of a process that must not continue; a supervisor starts it again.
const EXIT_FENCED: i32 = 1;

/// What this server does when the nodes change.
pub(super) struct NodeEvents {
    id: NodeId,
    node: Arc<NodeHandle>,
    forwarder: Forwarder,
    fanout: Arc<Fanout>,
    writer: Writer,
    rate_limits: Arc<RateLimits>,
    runtime: Handle,
}

impl NodeEvents {
    /// An observer for the node with this id. Runs in a tokio runtime.
    pub fn new(id: NodeId, parts: &Parts, node: Arc<NodeHandle>, forwarder: Forwarder) -> Self {
        Self {
            id,
            forwarder,
            fanout: parts.delivery.fanout.clone(),
            writer: parts.storage.writer.clone(),
            rate_limits: parts.rate_limits.clone(),
            node,
            runtime: Handle::current(),
        }
    }

    /// Ends the sessions of a node that is down. Every node does it, because any of them may be cut off from the database.
    fn node_down(&self, NodeInfo { id, .. }: NodeInfo) {
        tracing::warn!(node = %id, "a node is down");
        let (node, writer) = (self.node.clone(), self.writer.clone());
        self.runtime.spawn(async move {
            let end = EndNodeSessions { node: id.to_string() };
            // A node that has started again has ended its earlier sessions itself.
            while node.get().is_some_and(|node| node.others().iter().all(|other| other.id != id)) {
                match writer.run_as_server(end.clone()).await {
                    // The process runs, and cannot reach Redis.
                    Some(Ok(false)) => {}
                    Some(Ok(true)) | None => return,
                    Some(Err(error)) => {
                        tracing::warn!(%error, node = %id, "failed to end the sessions of a node that is down; the server will retry");
                    }
                }
                tokio::time::sleep(RETRY_DELAY).await;
            }
        });
    }

    fn lease_lost(&self) {
        self.node.lease_lost();
        // A reply may call the node, whose lock is held here.
        let waiting = self.writer.take_waiting();
        self.runtime.spawn(async move { waiting.reject("this server was paused for longer than its lease") });
        self.fanout.wake_shards();
    }
}

impl NodeObserver for NodeEvents {
    fn nodes_changed(&self, event: MembershipEvent) {
        match event {
            MembershipEvent::NodeUp(node) => {
                tracing::info!(node = %node.id, address = %node.address, "a node has joined");
                self.forwarder.set_node(NodeTag::of(node.id.as_str()), node.address);
            }
            MembershipEvent::NodeRestarted(node) => {
                tracing::info!(node = %node.id, address = %node.address, "a node was restarted");
                self.forwarder.set_node(NodeTag::of(node.id.as_str()), node.address);
            }
            MembershipEvent::NodeDown(node) => {
                self.forwarder.remove_node(NodeTag::of(node.id.as_str()));
                self.node_down(node);
            }
            MembershipEvent::LeaseLost { pause, .. } => {
                tracing::error!(
                    ?pause,
                    "this server was paused for longer than its lease; it ends its connections, whose clients reconnect"
                );
                self.lease_lost();
            }
            MembershipEvent::Rejoined { .. } => tracing::info!("this server has a lease again"),
            MembershipEvent::Replaced { .. } => {
                tracing::error!(node = %self.id, "another process has the NODE_ID of this one; this process ends");
                std::process::exit(EXIT_FENCED);
            }
            MembershipEvent::RedisAway => tracing::error!("Redis cannot be reached; events of other nodes are read from the database"),
            MembershipEvent::RedisBack => tracing::info!("Redis can be reached again"),
        }
    }

    fn log_went_back(&self, fault: LogWentBack) {
        let LogWentBack { head, delivered } = fault;
        tracing::error!(
            head,
            delivered,
            "the database has lost events that clients have received; all servers start again with a new epoch"
        );
        let writer = self.writer.clone();
        self.runtime.spawn(async move {
            if let Some(Err(error)) = writer.run_as_server(ReplaceEpoch { name: new_epoch() }).await {
                tracing::error!(%error, "failed to begin a new epoch");
            }
            std::process::exit(EXIT_FENCED);
        });
    }

    fn charged(&self, charges: Vec<Usage>) {
        for (budget, amount) in charges {
            self.rate_limits.spent_elsewhere(&budget, amount);
        }
    }
}
