//! The other nodes to which requests are forwarded, and the end of these requests when a node is gone.
//!
//! A node that is cut off or frozen closes no connection. The list of nodes does not contain it any more, and
//! everything that waits for it ends then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use engine::NodeTag;
use tokio::sync::watch;

use crate::owners::{NodeUrl, Owner, Owners};

/// How often the nodes that requests are forwarded to are looked up again. What waits for a node that is gone ends at most this much later.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// The way of a request.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    /// This node serves it. It also answers requests of sessions whose node is gone: it does not know the session.
    Here,
    /// It is forwarded to another node.
    Other(Arc<OtherNode>),
}

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

/// The other nodes that requests were forwarded to: at most the nodes of the cluster.
pub(crate) struct Nodes {
    owners: Arc<dyn Owners>,
    used: Mutex<HashMap<NodeTag, Arc<OtherNode>>>,
}

impl Nodes {
    pub fn new(owners: Arc<dyn Owners>) -> Self {
        Self { owners, used: Mutex::default() }
    }

    /// The way of a request of a session whose id has this tag.
    pub fn route(&self, tag: NodeTag) -> Route {
        let Owner::Other(url) = self.owners.owner(tag) else { return Route::Here };
        let mut used = self.used();
        match used.get(&tag) {
            Some(node) if node.url == url => Route::Other(Arc::clone(node)),
            _ => {
                let node = Arc::new(OtherNode { url, is_gone: watch::Sender::new(false) });
                if let Some(former) = used.insert(tag, Arc::clone(&node)) {
                    former.is_gone.send_replace(true);
                }
                Route::Other(node)
            }
        }
    }

    /// Ends what waits for nodes that are gone.
    pub fn check(&self) {
        self.used().retain(|tag, node| {
            let is_there = self.owners.owner(*tag) == Owner::Other(node.url.clone());
            if !is_there {
                node.is_gone.send_replace(true);
            }
            is_there
        });
    }

    /// Checks from time to time, for as long as the nodes are in use.
    pub async fn check_forever(nodes: Weak<Self>) {
        let mut interval = tokio::time::interval(CHECK_INTERVAL);
        loop {
            interval.tick().await;
            match nodes.upgrade() {
                Some(nodes) => nodes.check(),
                None => return,
            }
        }
    }

    fn used(&self) -> MutexGuard<'_, HashMap<NodeTag, Arc<OtherNode>>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    /// A directory that a test changes.
    struct Directory(Mutex<Owner>);

    impl Owners for Directory {
        fn owner(&self, _: NodeTag) -> Owner {
            self.0.lock().unwrap().clone()
        }
    }

    fn other(url: &str) -> Owner {
        Owner::Other(NodeUrl::parse(url).unwrap())
    }

    fn node(route: Route) -> Arc<OtherNode> {
        match route {
            Route::Other(node) => node,
            Route::Here => panic!("the session is on this node"),
        }
    }

    #[test]
    fn waiting_ends_when_the_node_is_gone_or_has_moved() {
        let directory = Arc::new(Directory(Mutex::new(other("http://a:1"))));
        let nodes = Nodes::new(directory.clone());
        let tag = NodeTag::of("a");
        let first = node(nodes.route(tag));
        let mut gone = pin!(first.gone());
        let mut is_gone = || gone.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        nodes.check();
        assert!(!is_gone() && Arc::ptr_eq(&first, &node(nodes.route(tag))));
        *directory.0.lock().unwrap() = other("http://a:2");
        let second = node(nodes.route(tag));
        assert!(is_gone() && !Arc::ptr_eq(&first, &second));
        *directory.0.lock().unwrap() = Owner::Gone;
        assert!(matches!(nodes.route(tag), Route::Here));
        nodes.check();
        assert!(*second.is_gone.borrow() && nodes.used().is_empty());
    }
}
