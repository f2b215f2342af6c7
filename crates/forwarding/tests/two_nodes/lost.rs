//! Clients that disconnect, and responses that do not reach them.

use engine::DisconnectReason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::client::{get, is_unknown, post, session};
use crate::support::cluster::{Node, two_nodes};

/// Sends a poll, and returns its connection when the owner has received it.
async fn send_poll(mut stream: TcpStream, target: &str, owner: &Node) -> TcpStream {
    let before = owner.forwarder.stats().received;
    stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: app.example\r\n\r\n").as_bytes()).await.unwrap();
    while owner.forwarder.stats().received == before {
        tokio::task::yield_now().await;
    }
    stream
}

#[tokio::test]
async fn client_that_drops_a_waiting_poll_ends_its_session() {
    let (mut owner, other) = two_nodes().await;
    let target = session(owner.address).await;
    let stream = TcpStream::connect(other.address).await.unwrap();
    drop(send_poll(stream, &target, &owner).await);
    assert_eq!(owner.next_end().await, DisconnectReason::TransportError);
    assert!(is_unknown(&get(owner.address, &target).await));
}

#[tokio::test]
async fn response_that_does_not_reach_its_client_ends_the_session() {
    let (mut owner, other) = two_nodes().await;
    let target = session(owner.address).await;
    let large = format!("42[\"{}\"]", "x".repeat(900_000));
    assert_eq!(post(owner.address, &target, large).await.body, "ok");
    // The client takes a small part of the response.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(other.address).await.unwrap();
    let mut stream = send_poll(stream, &target, &owner).await;
    stream.read_exact(&mut [0; 1000]).await.unwrap();
    drop(stream);
    assert_eq!(owner.next_end().await, DisconnectReason::TransportError);
    assert!(is_unknown(&get(other.address, &target).await));
    assert_eq!(other.forwarder.stats().responses_lost, 1);
}
