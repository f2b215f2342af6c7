//! Nodes that have ended, are cut off, or lose their lease while requests wait for them.

use std::net::SocketAddr;

use forwarding::{NodeUrl, Owner};
use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;

use crate::support::client::{WebSocket, get, is_unknown, session};
use crate::support::cluster::two_nodes;

fn at(address: SocketAddr) -> Owner {
    Owner::Other(NodeUrl::parse(&format!("http://{address}")).unwrap())
}

#[tokio::test]
async fn node_that_has_ended_is_unknown_to_its_clients() {
    let (owner, other) = two_nodes().await;
    let target = session(owner.address).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    other.directory.set(owner.id, at(free));
    assert!(is_unknown(&get(other.address, &target).await));
    assert!(WebSocket::upgrade(other.address, &target).await.is_err());
    assert_eq!(other.forwarder.stats().unreachable, 2);
}

#[tokio::test]
async fn node_that_answers_no_connection_is_given_up() {
    let (owner, other) = two_nodes().await;
    let target = session(owner.address).await;
    // A queue of one connection that nothing takes out: the kernel ignores further ones, as a network that is cut off does.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let silent = socket.local_addr().unwrap().as_socket().unwrap();
    let _queued = TcpStream::connect(silent).await.unwrap();
    other.directory.set(owner.id, at(silent));
    assert!(is_unknown(&get(other.address, &target).await));
}

#[tokio::test]
async fn poll_ends_when_its_node_is_gone() {
    let (owner, other) = two_nodes().await;
    let target = session(owner.address).await;
    let address = other.address;
    let poll = tokio::spawn(async move { get(address, &target).await });
    while owner.forwarder.stats().received == 0 {
        tokio::task::yield_now().await;
    }
    other.directory.set(owner.id, Owner::Gone);
    assert!(is_unknown(&poll.await.unwrap()));
}

#[tokio::test]
async fn websocket_ends_when_its_node_is_gone() {
    let (owner, other) = two_nodes().await;
    let target = session(owner.address).await;
    let mut socket = WebSocket::upgrade(other.address, &target).await.unwrap();
    assert_eq!(socket.receive().await.as_deref(), Some("3probe"));
    other.directory.set(owner.id, Owner::Gone);
    assert_eq!(socket.receive().await, None);
}
