//! Long-polling requests that reach the wrong node.

use engine::http::ForwardedConnection;
use http::Method;

use crate::support::client::{Connection, get, is_unknown, post, session};
use crate::support::cluster::{MAX_PAYLOAD, two_nodes};

#[tokio::test]
async fn requests_of_a_session_reach_its_node_in_order() {
    let (owner, other) = two_nodes().await;
    let target = session(owner.address).await;
    let mut received = String::new();
    for number in 0..100 {
        let (first, second) = if number % 2 == 0 { (&owner, &other) } else { (&other, &owner) };
        assert_eq!(post(first.address, &target, format!("42[\"say\",{number}]")).await.body, "ok");
        received += &get(second.address, &target).await.body;
    }
    let expected: String = (0..100).map(|number| format!("42[\"say\",{number}]")).collect();
    assert_eq!(received, expected);
    assert_eq!((other.forwarder.stats().forwarded, owner.forwarder.stats().received), (100, 100));
}

#[tokio::test]
async fn owner_learns_the_clients_address_and_connection() {
    let (owner, other) = two_nodes().await;
    let target = session(owner.address).await;
    let mut connection = Connection::open(other.address).await;
    for closes in [false, false, true] {
        let headers: &[_] = if closes { &[("connection", "close")] } else { &[] };
        connection.send(Method::POST, &target, headers, "42[\"say\"]").await;
    }
    let seen = owner.seen.lock().unwrap().clone();
    let [(first, Some(ForwardedConnection(Some(number)))), second, (third, Some(ForwardedConnection(None)))] = seen[..] else {
        panic!("{seen:?}")
    };
    assert_eq!(second, (first, Some(ForwardedConnection(Some(number)))));
    assert_eq!(first, third);
    assert!(first.ip().is_loopback() && first.port() != 0);
}

#[tokio::test]
async fn largest_body_is_forwarded_and_a_larger_one_refused() {
    let (owner, other) = two_nodes().await;
    let target = session(owner.address).await;
    let largest = format!("42[\"{}\"]", "x".repeat(MAX_PAYLOAD - 6));
    assert_eq!(post(other.address, &target, largest.clone()).await.body, "ok");
    assert_eq!(get(other.address, &target).await.body, largest);
    assert_eq!(post(other.address, &target, largest + "y").await.status, 413);
    assert_eq!(post(other.address, &target, "42[\"say\"]").await.body, "ok", "the session survives");
}

#[tokio::test]
async fn preflight_and_malformed_requests_are_answered_here() {
    let (owner, other) = two_nodes().await;
    let target = session(owner.address).await;
    Connection::open(other.address).await.send(Method::OPTIONS, &target, &[], "").await;
    assert_eq!(get(other.address, "/socket.io/?EIO=4&transport=polling&sid=short").await.status, 400);
    assert!(is_unknown(&get(other.address, "/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA").await));
    assert_eq!(other.forwarder.stats().forwarded, 0);
}

#[tokio::test]
async fn repeated_poll_is_recognized_over_nodes() {
    let (owner, other) = two_nodes().await;
    for repeats in [true, false] {
        let target = session(owner.address).await;
        let mut connection = Connection::open(other.address).await;
        let poll = format!("{target}&t=p3");
        assert_eq!(post(owner.address, &target, "42[\"a\"]").await.body, "ok");
        assert_eq!(connection.get(&poll).await.body, "42[\"a\"]");
        assert_eq!(post(owner.address, &target, "42[\"b\"]").await.body, "ok");
        if repeats {
            assert!(is_unknown(&get(other.address, &poll).await), "another connection has the same mark");
        } else {
            assert_eq!(connection.get(&poll).await.body, "42[\"b\"]", "the connection did not break");
        }
    }
}

#[tokio::test]
async fn client_that_reuses_marks_keeps_its_session() {
    let (owner, other) = two_nodes().await;
    // A clock in seconds (.NET), a checksum (Rust), and a constant: each request comes on another connection, through any node.
    for mark in ["1764446400", "7", "x"] {
        let opened = get(owner.address, &format!("/socket.io/?EIO=4&transport=polling&t={mark}")).await;
        let sid = opened.body.split('"').nth(3).unwrap();
        let target = format!("/socket.io/?EIO=4&transport=polling&sid={sid}&t={mark}");
        assert_eq!(post(other.address, &target, "40").await.body, "ok");
        assert!(get(owner.address, &target).await.body.starts_with("40"), "{mark}");
        for number in 0..10 {
            let (first, second) = if number % 2 == 0 { (&owner, &other) } else { (&other, &owner) };
            assert_eq!(post(first.address, &target, format!("42[\"say\",{number}]")).await.body, "ok");
            assert_eq!(get(second.address, &target).await.body, format!("42[\"say\",{number}]"), "{mark}");
        }
    }
}
