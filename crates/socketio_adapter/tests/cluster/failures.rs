//! Redis restarts, and servers that end.

use std::time::Duration;

use serde_json::json;
use socketio_adapter::{Broadcast, Event, RequestError, Selection};

use super::setup::{Cluster, LONG, RustServer};

fn to_all(name: &str) -> Broadcast {
    Broadcast::new(Event::new(name, ""), Selection::all())
}

#[tokio::test]
async fn both_directions_work_again_after_a_restart_of_redis() {
    let mut cluster = Cluster::start().await;
    for round in 1..=2 {
        cluster.redis.kill();
        cluster.rust.until_stats(|stats| !stats.connected).await;
        assert_eq!(cluster.rust.peers.fetch_sockets(Selection::all()).await, Err(RequestError::NotConnected));
        cluster.redis.start_again();
        cluster.rust.until_stats(|stats| stats.connected && stats.reconnects == 2 * round).await;
        cluster.until_both_are_counted().await;

        cluster.node.run("io.to('both').emit('after'); io.emit('end')").await;
        assert_eq!(cluster.rust.local.events_until("rust1", "end").await[0].0, Event::new("after", ""));
        cluster.rust.peers.broadcast(&to_all("end")).unwrap();
        cluster.events_until("anna", "end").await;
        assert_eq!(cluster.node.run("return (await io.fetchSockets()).length").await, 4);
        assert_eq!(cluster.rust.peers.fetch_sockets(Selection::all()).await.unwrap().values.len(), 2);
    }
}

#[tokio::test]
async fn messages_of_rust_wait_while_redis_is_away() {
    let mut cluster = Cluster::start().await;
    cluster.redis.kill();
    cluster.rust.until_stats(|stats| !stats.connected).await;
    for number in 0..300 {
        cluster.rust.peers.broadcast(&to_all(&number.to_string())).unwrap();
    }
    cluster.rust.peers.join(Selection::room("a"), vec!["late".into()]).unwrap();
    cluster.redis.start_again();
    cluster.rust.until_stats(|stats| stats.published >= 301).await;
    cluster.until_both_are_counted().await;
    // Redis keeps no messages, so the Node server receives those that are sent after it has subscribed again.
    cluster.rust.peers.broadcast(&to_all("end")).unwrap();
    cluster.events_until("anna", "end").await;
    let stats = cluster.rust.adapter.stats();
    assert_eq!((stats.uncertain, stats.dropped_outgoing), (0, 0));
}

#[tokio::test]
async fn queue_of_messages_for_redis_has_a_bound() {
    let mut cluster = Cluster::start().await;
    cluster.redis.kill();
    cluster.rust.until_stats(|stats| !stats.connected).await;
    let big = Broadcast::new(Event::new("big", format!("\"{}\"", "x".repeat(1 << 20))), Selection::all());
    let accepted = (0..100).filter(|_| cluster.rust.peers.broadcast(&big).is_ok()).count();
    assert_eq!(accepted, 31, "32 MiB fit, with the names and options of 31 messages");
    assert_eq!(cluster.rust.adapter.stats().dropped_outgoing, 69);
}

#[tokio::test]
async fn servers_that_end_are_not_waited_for() {
    let cluster = Cluster::start().await;
    let second = RustServer::start(&cluster.redis, "second", LONG).await;
    drop(second);
    cluster.until_both_are_counted().await;
    assert_eq!(cluster.node.run("return (await io.fetchSockets()).length").await, json!(4));
    let Cluster { redis: _redis, node, rust } = cluster;
    drop(node);
    while rust.peers.server_count().await != Ok(1) {
        tokio::task::yield_now().await;
    }
    let alone = rust.peers.fetch_sockets(Selection::all()).await.unwrap();
    assert!(alone.is_complete && alone.values.is_empty() && alone.expected_servers == 0);
    assert!(rust.peers.broadcast_with_ack(to_all("question")).await.unwrap().is_complete);
}

#[tokio::test]
async fn frozen_server_makes_the_result_of_a_request_incomplete() {
    let cluster = Cluster::start_with_timeouts(Duration::from_millis(300), 1000).await;
    cluster.node.freeze();
    let found = cluster.rust.peers.fetch_sockets(Selection::all()).await.unwrap();
    assert_eq!((found.servers, found.expected_servers, found.is_complete), (0, 1, false));
}

#[tokio::test]
async fn waiting_messages_are_sent_at_a_shutdown() {
    let Cluster { redis: _redis, node, rust } = Cluster::start().await;
    for number in 0..1000 {
        rust.peers.broadcast(&to_all(&number.to_string())).unwrap();
    }
    rust.adapter.shutdown().await;
    node.run("io.emit('end')").await;
    let events = node.run("await until(() => clients.anna.events.length >= 1000); return (await eventsUntil('anna', '999')).length").await;
    assert_eq!(events, 999);
}
