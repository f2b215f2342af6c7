//! The parts that only a server that is one of several nodes has.

use std::sync::Arc;

use config::ClusterSettings;
use engine::NodeTag;
use forwarding::{ClusterKey, Forwarder, ForwarderParts};
use realtime::Fanout;
use realtime::nodes::{ClusterBus, NodeHandle};

/// The parts of a server that is one of several nodes.
pub(super) struct ClusterParts {
    pub node: Arc<NodeHandle>,
    pub bus: Arc<ClusterBus>,
    pub forwarder: Forwarder,
}

impl ClusterParts {
    /// The parts around a node that has not started. Runs in a tokio runtime.
    pub fn new(settings: &ClusterSettings, node: Arc<NodeHandle>, fanout: &Arc<Fanout>) -> Self {
        let tag = NodeTag::of(settings.node_id.as_str());
        let forwarder = Forwarder::new(ForwarderParts { node: tag, key: ClusterKey::new(settings.secret.expose()) });
        Self { bus: Arc::new(ClusterBus::new(node.clone(), fanout.clone())), node, forwarder }
    }
}
