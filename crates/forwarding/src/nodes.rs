//! The other nodes to which requests are forwarded, and the end of these requests when a node is gone.
//!
//! A node that is cut off or frozen closes no connection. The list of nodes does not contain it any more, and
//! everything that waits for it ends then.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use config::NodeUrl;
use engine::NodeTag;
use tokio::sync::watch;

/// Another node.
#[derive(Debug)]
pub(crate) struct OtherNode {
    pub url: NodeUrl,
    is_gone: watch::Sender<bool>,
}

impl OtherNode {
    /// Waits until the node is gone.
    pub fn gone(self: &Arc<Self>) -> impl Future<Output = ()> + Send + Sync + use<> {
        let mut is_gone = self.is_gone.subscribe();
        let node = Arc::clone(self);
        async move {
            // An error is impossible: this keeps the node, and with it the sender.
            let _ = is_gone.wait_for(|is_gone| *is_gone).await;
            drop(node);
        }
    }
}

/// The other nodes of the cluster.
#[derive(Default)]
pub(crate) struct Nodes(RwLock<HashMap<NodeTag, Arc<OtherNode>>>);

impl Nodes {
    /// The node with a tag. `None` for this node, and for sessions whose node is gone: this node answers them, because it does not know the session.
    pub fn get(&self, tag: NodeTag) -> Option<Arc<OtherNode>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&tag).cloned()
    }

    /// Adds a node, or changes its address. What waits for the previous address ends.
    pub fn set(&self, tag: NodeTag, url: NodeUrl) {
        let mut nodes = self.nodes();
        if nodes.get(&tag).is_none_or(|node| node.url != url) {
            end(nodes.insert(tag, Arc::new(OtherNode { url, is_gone: watch::Sender::new(false) })));
        }
    }

    /// Removes a node. What waits for it ends.
    pub fn remove(&self, tag: NodeTag) {
        end(self.nodes().remove(&tag));
    }

    fn nodes(&self) -> RwLockWriteGuard<'_, HashMap<NodeTag, Arc<OtherNode>>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn end(previous: Option<Arc<OtherNode>>) {
    if let Some(previous) = previous {
        previous.is_gone.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn waiting_ends_when_the_node_has_moved_or_is_removed() {
        let (nodes, tag) = (Nodes::default(), NodeTag::of("a"));
        let set = |url: &str| {
            nodes.set(tag, NodeUrl::parse(url).unwrap());
            nodes.get(tag).unwrap()
        };
        let first = set("http://a:1");
        let mut gone = pin!(first.gone());
        let mut is_gone = || gone.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        assert!(Arc::ptr_eq(&first, &set("http://a:1")) && !is_gone(), "a node that has missed its lease keeps its connections");
        let second = set("http://a:2");
        assert!(is_gone() && second.url.to_string() == "http://a:2");
        nodes.remove(tag);
        assert!(*second.is_gone.borrow() && nodes.get(tag).is_none());
        nodes.remove(tag);
    }
}
