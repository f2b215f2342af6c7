//! Limits over several nodes.

use std::time::Instant;

use cluster::shared_limits::{LogicalClock, OpenConnection, OpenConnections, excess};
use cluster::wire::PresenceKey;

use crate::support::{RedisServer, TestLog, TestNode, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn nodes_agree_which_connections_exceed_a_cap() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let nodes = [TestNode::start(redis.url(), "a", &log).await, TestNode::start(redis.url(), "b", &log).await];
    for node in &nodes {
        node.knows_others(1).await;
    }
    // Both nodes open three connections at the same moment, so each sees only its own.
    let anna = PresenceKey::online("anna");
    let began = Instant::now();
    for node in &nodes {
        let mut clock = LogicalClock::default();
        let open = |_| OpenConnection { transport: 0, opened: clock.next_time(), id: "".into() };
        node.set_presence(&anna, OpenConnections((0..3).map(open).collect()).encode());
    }
    for node in &nodes {
        wait_until("the connections of the other node are known", || !node.observed.other_connections.lock().unwrap().is_empty()).await;
    }
    println!("a cap of two nodes holds after {:?}", began.elapsed());
    let closed = nodes.each_ref().map(|node| {
        let holders: Vec<_> = node
            .presence_values(&anna)
            .into_iter()
            .map(|(id, value)| (id, OpenConnections::decode(value).expect("the value is a list of connections")))
            .collect();
        excess(&node.own().id, &holders, 0, 3)
    });
    assert_eq!(closed, [vec![3], vec![2, 3]], "in order: a1 b1 a2 b2 a3 b3");
}

#[tokio::test(flavor = "multi_thread")]
async fn charges_reach_the_other_nodes() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let [a, b] = [TestNode::start(redis.url(), "a", &log).await, TestNode::start(redis.url(), "b", &log).await];
    a.knows_others(1).await;
    b.knows_others(1).await;
    (0..10).for_each(|_| a.report_usage("commands anna", 3));
    let sum = || b.observed.usage.lock().unwrap().iter().map(|(_, amount)| amount).sum::<u32>();
    wait_until("all charges were received", || sum() == 30).await;
    assert!(a.observed.usage.lock().unwrap().is_empty(), "a node does not receive its own");
}
