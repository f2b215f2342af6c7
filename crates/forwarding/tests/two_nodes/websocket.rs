//! Upgrades that reach the wrong node.

use engine::DisconnectReason;

use crate::support::client::{WebSocket, get, is_unknown, session};
use crate::support::cluster::{Node, two_nodes};

/// A session whose WebSocket is relayed.
async fn relayed(owner: &Node, other: &Node) -> WebSocket {
    let target = session(owner.address).await;
    let mut socket = WebSocket::upgrade(other.address, &target).await.unwrap();
    assert_eq!(socket.receive().await.as_deref(), Some("3probe"));
    socket.send("5").await;
    socket.send("42[\"say\",1]").await;
    assert_eq!(socket.receive().await.as_deref(), Some("42[\"say\",1]"));
    socket
}

/// Waits until a node relays no WebSocket.
async fn no_relays(node: &Node) {
    while node.forwarder.stats().relays > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn websocket_works_through_the_wrong_node() {
    let (owner, other) = two_nodes().await;
    let mut socket = relayed(&owner, &other).await;
    assert_eq!(other.forwarder.stats().relays, 1);
    let large = format!("42[\"{}\"]", "x".repeat(900_000));
    for _ in 0..3 {
        socket.send(&large).await;
        assert_eq!(socket.receive().await.as_deref(), Some(large.as_str()));
    }
}

#[tokio::test]
async fn end_of_the_client_ends_session_and_relay() {
    let (mut owner, other) = two_nodes().await;
    drop(relayed(&owner, &other).await);
    assert_eq!(owner.next_end().await, DisconnectReason::TransportClose);
    no_relays(&other).await;
}

#[tokio::test]
async fn drain_ends_relayed_websockets() {
    let (mut owner, other) = two_nodes().await;
    let mut socket = relayed(&owner, &other).await;
    other.forwarder.close_relays(0.0);
    assert_eq!(socket.receive().await, None);
    owner.next_end().await;
    no_relays(&other).await;
}

#[tokio::test]
async fn end_by_the_owner_reaches_the_client() {
    let (owner, other) = two_nodes().await;
    let mut socket = relayed(&owner, &other).await;
    socket.send("41").await;
    socket.send("1").await;
    while socket.receive().await.is_some() {}
    drop(socket);
    no_relays(&other).await;
}

#[tokio::test]
async fn session_without_a_node_is_unknown_to_an_upgrade() {
    let (owner, other) = two_nodes().await;
    let target = session(owner.address).await;
    other.remove(&owner);
    let response = WebSocket::upgrade(other.address, &target).await.err().unwrap();
    assert!(response.starts_with("HTTP/1.1 400"), "{response}");
    assert!(is_unknown(&get(other.address, &target).await));
}
