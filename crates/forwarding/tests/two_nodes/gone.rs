//! Nodes that have ended, are cut off, or lose their lease while requests wait for them.

use std::net::SocketAddr;

use socket2::{Domain, SockFilter, SockRef, Socket, Type};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::support::client::{WebSocket, get, is_unknown, session};
use crate::support::cluster::two_nodes;

#[tokio::test]
async fn node_that_has_ended_is_unknown_to_its_clients() {
    let (owner, other) = two_nodes().await;
    let target = session(owner.address).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    other.set_url(&owner, &format!("http://{free}"));
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
    other.set_url(&owner, &format!("http://{silent}"));
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
    other.remove(&owner);
    assert!(is_unknown(&poll.await.unwrap()));
}

/// Has the kernel drop everything that arrives at a socket, so that it acknowledges nothing: the network between both sides is interrupted.
fn cut_off(stream: &TcpStream) {
    // The instruction BPF_RET with 0 bytes.
    SockRef::from(stream).attach_filter(&[SockFilter::new(6, 0, 0, 0)]).unwrap();
}

#[tokio::test]
async fn poll_ends_when_its_node_is_cut_off() {
    let (owner, other) = two_nodes().await;
    let target = session(owner.address).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    other.set_url(&owner, &format!("http://{}", listener.local_addr().unwrap()));
    let address = other.address;
    let poll = tokio::spawn(async move { get(address, &target).await });
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
    }
    cut_off(&stream);
    assert!(is_unknown(&poll.await.unwrap()));
    assert_eq!(other.forwarder.stats().unreachable, 1);
}

#[tokio::test]
async fn websocket_ends_when_its_node_is_gone() {
    let (owner, other) = two_nodes().await;
    let target = session(owner.address).await;
    let mut socket = WebSocket::upgrade(other.address, &target).await.unwrap();
    assert_eq!(socket.receive().await.as_deref(), Some("3probe"));
    other.remove(&owner);
    assert_eq!(socket.receive().await, None);
}
