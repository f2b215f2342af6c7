//! The other nodes to which requests are forwarded, and the end of these requests when a node is gone.
//!
//! A node that is cut off or frozen closes no connection. The list of nodes does not contain it any more, and
//! everything that waits for it ends then.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

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

/// How long a request waits for a node that this one has never seen: it may have started a moment ago, and serve clients already.
const NEW_NODE_WAIT: Duration = Duration::from_secs(1);

/// The other nodes of the cluster.
#[derive(Default)]
pub(crate) struct Nodes {
    /// The nodes that this one has seen; `None` for those that are gone.
    seen: RwLock<HashMap<NodeTag, Option<Arc<OtherNode>>>>,
    /// Changes with each node that is added.
    added: watch::Sender<()>,
}

impl Nodes {
    /// The node with a tag. `None` for sessions whose node is gone: this node answers them, because it does not know the session. Waits a moment for a node
    /// that was never seen.
    pub async fn find(&self, tag: NodeTag) -> Option<Arc<OtherNode>> {
        let mut added = self.added.subscribe();
        let found = async {
            loop {
                if let Some(seen) = self.get(tag) {
                    return seen;
                }
                // The sender lives as long as this function.
                let _ = added.changed().await;
            }
        };
        tokio::time::timeout(NEW_NODE_WAIT, found).await.unwrap_or_default()
    }

    fn get(&self, tag: NodeTag) -> Option<Option<Arc<OtherNode>>> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner).get(&tag).cloned()
    }

    /// Adds a node, or changes its address. What waits for the previous address ends.
    pub fn set(&self, tag: NodeTag, url: NodeUrl) {
        let mut nodes = self.nodes();
        let known = nodes.get(&tag).and_then(Option::as_ref);
        if known.is_none_or(|node| node.url != url) {
            end(nodes.insert(tag, Some(Arc::new(OtherNode { url, is_gone: watch::Sender::new(false) }))).flatten());
        }
        drop(nodes);
        self.added.send_replace(());
    }

    /// Removes a node. What waits for it ends.
    pub fn remove(&self, tag: NodeTag) {
        end(self.nodes().insert(tag, None).flatten());
    }

    fn nodes(&self) -> RwLockWriteGuard<'_, HashMap<NodeTag, Option<Arc<OtherNode>>>> {
        self.seen.write().unwrap_or_else(PoisonError::into_inner)
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
            nodes.get(tag).flatten().unwrap()
        };
        let first = set("http://a:1");
        let mut gone = pin!(first.gone());
        let mut is_gone = || gone.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        assert!(Arc::ptr_eq(&first, &set("http://a:1")) && !is_gone(), "a node that has missed its lease keeps its connections");
        let second = set("http://a:2");
        assert!(is_gone() && second.url.to_string() == "http://a:2");
        nodes.remove(tag);
        assert!(*second.is_gone.borrow() && nodes.get(tag).is_some_and(|node| node.is_none()));
        nodes.remove(tag);
    }

    #[tokio::test]
    async fn a_request_waits_for_a_node_that_has_just_started() {
        let (nodes, tag) = (Nodes::default(), NodeTag::of("a"));
        let (found, ()) = tokio::join!(nodes.find(tag), async { nodes.set(tag, NodeUrl::parse("http://a:1").unwrap()) });
        assert!(found.is_some());
        nodes.remove(tag);
        assert!(nodes.find(tag).await.is_none(), "at once, because the node is gone");
    }
}
