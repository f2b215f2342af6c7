//! The addresses of the other nodes, by the tags in the ids of their sessions.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use cluster::identity::NodeInfo;
use engine::NodeTag;
use forwarding::{NodeUrl, Owner, Owners};

/// The nodes that count as alive.
pub(super) struct NodeDirectory {
    own: NodeTag,
    others: RwLock<HashMap<NodeTag, NodeUrl>>,
}

impl NodeDirectory {
    /// A directory without other nodes.
    pub fn new(own: NodeTag) -> Self {
        Self { own, others: RwLock::default() }
    }

    /// Adds a node, or changes its address.
    pub fn add(&self, node: &NodeInfo) {
        match NodeUrl::parse(node.address.as_str()) {
            Ok(url) => drop(self.others.write().unwrap_or_else(PoisonError::into_inner).insert(tag(node), url)),
            Err(error) => tracing::error!(%error, node = %node.id, "requests cannot be forwarded to this node"),
        }
    }

    /// Removes a node.
    pub fn remove(&self, node: &NodeInfo) {
        self.others.write().unwrap_or_else(PoisonError::into_inner).remove(&tag(node));
    }
}

fn tag(node: &NodeInfo) -> NodeTag {
    NodeTag::of(node.id.as_str())
}

impl Owners for NodeDirectory {
    fn owner(&self, tag: NodeTag) -> Owner {
        if tag == self.own {
            return Owner::Here;
        }
        let others = self.others.read().unwrap_or_else(PoisonError::into_inner);
        others.get(&tag).map_or(Owner::Gone, |url| Owner::Other(url.clone()))
    }
}

#[cfg(test)]
mod tests {
    use cluster::identity::{Incarnation, NodeAddress, NodeId};

    use super::*;

    #[test]
    fn sessions_belong_to_the_node_of_their_tag() {
        let info = |id: &str, address: &str| NodeInfo {
            id: NodeId::parse(id).unwrap(),
            incarnation: Incarnation(1),
            address: NodeAddress::parse(address).unwrap(),
        };
        let directory = NodeDirectory::new(NodeTag::of("a"));
        let b = info("b", "http://10.0.0.7:3000");
        let owner = || directory.owner(NodeTag::of("b"));
        assert_eq!((directory.owner(NodeTag::of("a")), owner()), (Owner::Here, Owner::Gone));
        directory.add(&b);
        assert_eq!(owner(), Owner::Other(NodeUrl::parse("http://10.0.0.7:3000").unwrap()));
        directory.add(&info("b", "http://10.0.0.8:3000"));
        assert_eq!(owner(), Owner::Other(NodeUrl::parse("http://10.0.0.8:3000").unwrap()));
        directory.remove(&b);
        assert_eq!(owner(), Owner::Gone);
    }
}
