//! The ids and leases of nodes.

use std::sync::Arc;

use cluster::membership::MembershipEvent;
use cluster::node::{ClusterConfig, ClusterNode};
use cluster::wire::PresenceKey;

use crate::support::{Observed, RedisServer, TestLog, TestNode, config, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_with_the_same_id_is_refused() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let _first = TestNode::start(redis.url(), "a", &log).await;
    let second = ClusterNode::start(config(redis.url(), "a"), log, Arc::new(Observed::default())).await;
    let error = second.err().expect("the start fails").to_string();
    assert_eq!(
        error,
        "another node with the id a is running at http://a:3000: give each node its own NODE_ID, or each cluster its own REDIS_PREFIX"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_after_a_kill_waits_for_the_lease() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    // The tasks end without releasing the lease, as after a kill.
    drop(TestNode::start(redis.url(), "a", &log).await);
    let rest: i64 = redis.command(&["PTTL", "{roomcast}:node:a"]).await;
    assert!(rest > 0, "the lease of the killed node lasts");
    let restarted = TestNode::start(redis.url(), "a", &log).await;
    restarted.write(1);
    restarted.has_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_node_leaves_at_once_and_a_killed_one_with_its_lease() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let [a, b, c] = [
        TestNode::start(redis.url(), "a", &log).await,
        TestNode::start(redis.url(), "b", &log).await,
        TestNode::start(redis.url(), "c", &log).await,
    ];
    b.set_presence(&PresenceKey::online("ben"), "1".into());
    c.set_presence(&PresenceKey::online("carl"), "1".into());
    wait_until("the users are online", || a.observed.online().len() == 2).await;
    wait_until("a knows both", || a.others().len() == 2).await;

    b.node.stop().await;
    let is_down =
        |id: &'static str| move |event: &MembershipEvent| matches!(event, MembershipEvent::NodeDown(node) if node.id.as_str() == id);
    let keys: i64 = redis.command(&["EXISTS", "{roomcast}:node:b"]).await;
    assert_eq!(keys, 0, "the stopped node has released its lease");
    wait_until("the stopped node is down", || a.observed.has_seen(is_down("b"))).await;
    drop(c.node);
    wait_until("the killed node is down", || a.observed.has_seen(is_down("c"))).await;
    wait_until("the users are offline", || a.observed.online().is_empty()).await;
    assert_eq!(a.observed.changes().len(), 4, "each user went online and offline once");
    assert_eq!(a.others(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_was_deleted_begins_a_new_incarnation() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let [a, b] = [TestNode::start(redis.url(), "a", &log).await, TestNode::start(redis.url(), "b", &log).await];
    a.set_presence(&PresenceKey::online("anna"), "1".into());
    b.knows_others(1).await;
    wait_until("anna is online", || b.observed.online().len() == 1).await;
    let incarnation = a.own().incarnation;
    let _: i64 = redis.command(&["DEL", "{roomcast}:node:a"]).await;
    wait_until("a reports it", || a.observed.has_seen(|event| matches!(event, MembershipEvent::LeaseLost { .. }))).await;
    assert_ne!(a.own().incarnation, incarnation);
    wait_until("b knows the new incarnation", || b.others() == [a.own()] && b.knows_presence()).await;
    // Anna's connections still exist, because this test does not end them.
    let received = b.stats().received;
    wait_until("b receives further heartbeats and presence of a", || b.stats().received > received + 4).await;
    assert_eq!(b.observed.changes().len(), 1, "the entries of the old incarnation continue in the new one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_another_database_is_refused() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let first = TestNode::start(redis.url(), "a", &log).await;
    let other = ClusterConfig { database: "database-2".to_owned(), ..config(redis.url(), "b") };
    let error = ClusterNode::start(other, log.clone(), Arc::new(Observed::default())).await.err().expect("the start fails").to_string();
    assert_eq!(
        error,
        "the node a at http://a:3000 has another database: give each cluster its own REDIS_PREFIX, or all nodes of a cluster the same DATABASE_URL"
    );
    let keys: i64 = redis.command(&["EXISTS", "{roomcast}:node:b"]).await;
    assert_eq!(keys, 0, "the refused node leaves no lease");
    let second = TestNode::start(redis.url(), "b", &log).await;
    first.knows_others(1).await;
    assert_eq!(second.others(), [first.own()]);
}
