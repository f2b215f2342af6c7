//! Events and ephemeral events between nodes.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use cluster::OrderedAction;
use cluster::identity::RedisPrefix;
use cluster::wire::EphemeralFrame;

use crate::support::{RedisServer, TestLog, TestNode, config, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn nodes_deliver_the_events_of_all_in_one_order() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let nodes = [
        TestNode::start(redis.url(), "a", &log).await,
        TestNode::start(redis.url(), "b", &log).await,
        TestNode::start(redis.url(), "c", &log).await,
    ];
    // From several threads, so that the order of commits and of publications differs.
    std::thread::scope(|scope| {
        for node in &nodes {
            for _ in 0..2 {
                scope.spawn(|| (0..500).for_each(|number| node.write(1 + number % 3)));
            }
        }
    });
    for node in &nodes {
        node.has_all().await;
        assert_eq!(node.stats().events.rejected, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_delivers_before_the_log_is_asked() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let [a, b] = [TestNode::start(redis.url(), "a", &log).await, TestNode::start(redis.url(), "b", &log).await];
    // The first events may be read from the log, while the subscriptions begin.
    wait_until("the subscription works", || {
        a.write(1);
        b.stats().events.delivered > b.stats().events.read_from_log
    })
    .await;
    b.has_all().await;
    let mut times = Vec::new();
    for _ in 0..200 {
        let (began, expected) = (Instant::now(), log.last() + 1);
        a.write(1);
        while b.observed.delivered() < expected {
            tokio::task::yield_now().await;
        }
        times.push(began.elapsed());
    }
    times.sort();
    println!("from the commit on one node to the delivery on the other: median {:?}, p99 {:?}", times[100], times[197]);
    b.has_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_keep_their_place_between_events() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let a = TestNode::start(redis.url(), "a", &log).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let first = log.commit("b", 1);
    let own = log.commit("a", 1);
    let reply = |offset: u64| {
        let (seen, observed) = (seen.clone(), a.observed.clone());
        let reply: OrderedAction = Box::new(move || seen.lock().unwrap().push((offset, observed.delivered())));
        (offset, reply)
    };
    // The event of the other node never comes over Redis, so it is read from the log.
    a.node.commit(vec![reply(1), reply(2)], own);
    a.has_all().await;
    assert_eq!(first.len(), 1);
    wait_until("both replies ran", || seen.lock().unwrap().len() == 2).await;
    assert_eq!(*seen.lock().unwrap(), [(1, 1), (2, 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ephemeral_events_reach_the_other_nodes_in_order() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let [a, b] = [TestNode::start(redis.url(), "a", &log).await, TestNode::start(redis.url(), "b", &log).await];
    let publish = |text: String| a.publish_ephemeral(EphemeralFrame { body: Bytes::from(text) });
    wait_until("the subscription works", || {
        publish("first".to_owned());
        !b.observed.ephemeral.lock().unwrap().is_empty()
    })
    .await;
    (0..1000).for_each(|number| publish(format!("{number}")));
    wait_until("the last event was received", || b.observed.ephemeral.lock().unwrap().last().is_some_and(|last| last == "a: 999")).await;
    let received: Vec<String> = b.observed.ephemeral.lock().unwrap().iter().filter(|text| *text != "a: first").cloned().collect();
    assert_eq!(received, (0..1000).map(|number| format!("a: {number}")).collect::<Vec<_>>());
    assert!(a.observed.ephemeral.lock().unwrap().is_empty(), "a node does not receive its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_with_other_prefixes_do_not_meet() {
    let redis = RedisServer::start();
    let logs = [TestLog::default(), TestLog::default()];
    let mut nodes = Vec::new();
    for (log, prefix) in logs.iter().zip(["one", "two"]) {
        let config = cluster::node::ClusterConfig { prefix: RedisPrefix::parse(prefix).unwrap(), ..config(redis.url(), "same-id") };
        nodes.push(TestNode::start_with(config, log).await);
    }
    for (number, node) in nodes.iter().enumerate() {
        (0..100).for_each(|_| node.write(1 + number));
    }
    for node in &nodes {
        node.has_all().await;
        assert_eq!((node.others().len(), node.stats().received), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_node_reads_from_the_log_later() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let [a, b] = [TestNode::start(redis.url(), "a", &log).await, TestNode::start(redis.url(), "b", &log).await];
    a.knows_others(1).await;
    b.observed.is_full.store(true, Ordering::Relaxed);
    let before = b.stats().received;
    a.write(1000);
    wait_until("the events have arrived", || b.stats().received > before).await;
    assert_eq!(b.observed.delivered(), 0);
    b.observed.is_full.store(false, Ordering::Relaxed);
    b.has_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_channel_is_counted_and_skipped() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let [a, b] = [TestNode::start(redis.url(), "a", &log).await, TestNode::start(redis.url(), "b", &log).await];
    wait_until("the subscription works", || b.stats().received > 0).await;
    for garbage in ["", "{\"event\":\"message\"}", "\u{c1}R", "socket.io#/#"] {
        let _: i64 = redis.command(&["PUBLISH", "{roomcast}:bus:epoch-1", garbage]).await;
    }
    a.write(10);
    wait_until("all garbage is counted", || b.stats().skipped_foreign == 4).await;
    b.has_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_has_three_connections() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let nodes = [TestNode::start(redis.url(), "a", &log).await, TestNode::start(redis.url(), "b", &log).await];
    for node in &nodes {
        node.write(10);
        node.knows_others(1).await;
        node.has_all().await;
    }
    let clients: String = redis.command(&["CLIENT", "LIST"]).await;
    // The list contains the connection that asks for it.
    assert_eq!(clients.lines().count(), 2 * 3 + 1, "{clients}");
}
