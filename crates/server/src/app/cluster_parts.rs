//! The parts that only a server that is one of several nodes has.

use std::sync::Arc;

use config::ClusterSettings;
use engine::NodeTag;
use forwarding::{ClusterKey, Forwarder};
use realtime::Fanout;
use realtime::nodes::{ClusterBus, NodeHandle};

use super::node_directory::NodeDirectory;

/// The parts of a server that is one of several nodes.
pub(super) struct ClusterParts {
    pub node: Arc<NodeHandle>,
    pub bus: Arc<ClusterBus>,
    pub forwarder: Forwarder,
    pub directory: Arc<NodeDirectory>,
}

impl ClusterParts {
    /// The parts around a node that has not started. Runs in a tokio runtime.
    pub fn new(settings: &ClusterSettings, node: Arc<NodeHandle>, fanout: &Arc<Fanout>) -> Self {
        let tag = NodeTag::of(&settings.node_id);
        let directory = Arc::new(NodeDirectory::new(tag));
        let key = ClusterKey::new(settings.secret.expose());
        let forwarder = Forwarder::new(forwarding::Settings { node: tag, key, owners: directory.clone() });
        Self { bus: Arc::new(ClusterBus::new(node.clone(), fanout.clone())), node, forwarder, directory }
    }
}
