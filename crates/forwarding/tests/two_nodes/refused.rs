//! Requests that claim to be forwarded, and nodes with different secrets.

use http::Method;

use crate::support::client::{Connection, get, session};
use crate::support::cluster::{Node, SECRET, two_nodes};

#[tokio::test]
async fn client_cannot_claim_to_be_a_node() {
    let (owner, _other) = two_nodes().await;
    let target = session(owner.address).await;
    let handshake = "/socket.io/?EIO=4&transport=polling";
    for target in [target.as_str(), handshake] {
        for forged in ["", "request 192.0.2.1:1 - AAAA", "refused"] {
            let mut connection = Connection::open(owner.address).await;
            let reply = connection.send(Method::GET, target, &[("x-roomcast-forwarded", forged)], "").await;
            assert_eq!(reply.status, 403, "{forged}");
            assert!(reply.body.contains("CLUSTER_SECRET") && reply.body.lines().count() == 1, "{}", reply.body);
        }
    }
    assert_eq!((owner.forwarder.stats().refused, owner.forwarder.stats().received), (6, 0));
}

#[tokio::test]
async fn node_with_another_secret_is_refused() {
    let (owner, other) = (Node::start("owner", SECRET).await, Node::start("other", "another secret of 32 letters ....").await);
    other.set(&owner);
    let target = session(owner.address).await;
    let reply = get(other.address, &target).await;
    assert_eq!((reply.status.as_u16(), reply.headers.get("x-roomcast-forwarded")), (403, None));
    assert!(reply.body.contains("CLUSTER_SECRET"), "{}", reply.body);
    assert_eq!((other.forwarder.stats().refused_by_others, owner.forwarder.stats().refused), (1, 1));
}
