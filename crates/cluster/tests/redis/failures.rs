//! Redis stops, loses its data, freezes, and cuts connections, while nodes write.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use cluster::membership::{LEASE, MembershipEvent};
use cluster::wire::PresenceKey;

use crate::support::{RedisServer, TestLog, TestNode, wait_until, wait_until_async};

/// Two nodes that know each other, with a user on each.
async fn two_nodes(redis: &RedisServer, log: &TestLog) -> [TestNode; 2] {
    let nodes = [TestNode::start(redis.url(), "a", log).await, TestNode::start(redis.url(), "b", log).await];
    nodes[0].set_presence(&PresenceKey::online("anna"), "1".into());
    nodes[1].set_presence(&PresenceKey::online("ben"), "2".into());
    for node in &nodes {
        node.knows_others(1).await;
        wait_until("both users are online", || node.observed.online().len() == 2).await;
    }
    nodes
}

/// Writes on all nodes while `cause` causes failures, and checks that nothing is lost.
async fn write_during(nodes: &[TestNode], cause: impl AsyncFnOnce()) {
    let stop = AtomicBool::new(false);
    let is_stopped = || stop.load(Ordering::Relaxed);
    let write = async |node: &TestNode, other: &TestNode| {
        while !is_stopped() {
            let before = other.observed.delivered();
            node.write(3);
            // The event may be delivered already, and then the wait does not let the other futures of this task run.
            tokio::task::yield_now().await;
            wait_until("the other node delivers an event", || other.observed.delivered() > before || is_stopped()).await;
        }
    };
    let cause = async {
        cause().await;
        stop.store(true, Ordering::Relaxed);
    };
    tokio::join!(write(&nodes[0], &nodes[1]), write(&nodes[1], &nodes[0]), cause);
    for node in nodes {
        node.has_all().await;
    }
}

fn assert_no_node_ended(nodes: &[TestNode]) {
    for node in nodes {
        let ended = |event: &MembershipEvent| matches!(event, MembershipEvent::NodeDown(_) | MembershipEvent::LeaseLost { .. });
        assert!(!node.observed.has_seen(ended), "{:?}", node.observed.membership.lock().unwrap());
        assert_eq!(node.observed.online().len(), 2, "both users are online");
        assert_eq!(node.observed.changes().len(), 2, "no user was offline in between");
    }
}

/// Waits until a node has received messages again that were not read from the log.
async fn works_again(nodes: &[TestNode]) {
    for node in nodes {
        let before = node.stats().received;
        wait_until("Redis delivers again", || node.stats().received > before + 3 && node.others().len() == 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_redis_loses_nothing_and_ends_no_node() {
    let (mut redis, log) = (RedisServer::start(), TestLog::default());
    let nodes = two_nodes(&redis, &log).await;
    write_during(&nodes, async || {
        for _ in 0..3 {
            redis.kill();
            redis.start_again();
            works_again(&nodes).await;
        }
    })
    .await;
    assert_no_node_ended(&nodes);
    let has_leases = async || redis.command::<Vec<String>>(&["SMEMBERS", "{roomcast}:nodes"]).await.len() == 2;
    wait_until_async("both nodes have their leases again", has_leases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_read_from_the_log_while_redis_is_away() {
    let (mut redis, log) = (RedisServer::start(), TestLog::default());
    let nodes = two_nodes(&redis, &log).await;
    redis.kill();
    let killed = Instant::now();
    write_during(&nodes, async || {
        for node in &nodes {
            wait_until("the node notices it", || !node.stats().redis_is_reachable).await;
            // Longer than a lease, and each node delivers the events of the other in this time.
            let before = node.observed.delivered();
            wait_until("events are delivered", || node.observed.delivered() > before + 100).await;
        }
        // No part of the cluster can observe the end of a lease while Redis is away.
        wait_until("the leases have ended", || killed.elapsed() > LEASE).await;
        redis.start_again();
        works_again(&nodes).await;
    })
    .await;
    assert_no_node_ended(&nodes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_redis_is_noticed_and_loses_nothing() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let nodes = two_nodes(&redis, &log).await;
    write_during(&nodes, async || {
        redis.send_signal("STOP");
        for node in &nodes {
            wait_until("the node notices it", || !node.stats().redis_is_reachable).await;
        }
        redis.send_signal("CONT");
        works_again(&nodes).await;
    })
    .await;
    assert_no_node_ended(&nodes);
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_connections_are_opened_again() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let nodes = two_nodes(&redis, &log).await;
    write_during(&nodes, async || {
        for _ in 0..20 {
            for kind in ["pubsub", "normal"] {
                let _: i64 = redis.command(&["CLIENT", "KILL", "TYPE", kind]).await;
            }
            works_again(&nodes[..1]).await;
        }
    })
    .await;
    assert_no_node_ended(&nodes);
    let stats = nodes[0].stats();
    assert!(stats.redis_reconnects >= 20 && stats.events.read_from_log > 0, "{stats:?}");
}
