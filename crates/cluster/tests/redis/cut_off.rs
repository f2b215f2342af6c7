//! A node that is cut off from Redis alone: its connections stay open, and nothing comes through.

use cluster::membership::MembershipEvent;
use cluster::wire::PresenceKey;

use crate::support::{Proxy, RedisServer, TestLog, TestNode, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_redis_delivers_from_the_log_and_rejoins() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let proxy = Proxy::start(redis.port()).await;
    let [a, b] = [TestNode::start(redis.url(), "a", &log).await, TestNode::start(proxy.url(), "b", &log).await];
    a.set_presence(&PresenceKey::online("anna"), "1".into());
    b.set_presence(&PresenceKey::online("ben"), "1".into());
    for node in [&a, &b] {
        node.knows_others(1).await;
        wait_until("both users are online", || node.observed.online().len() == 2).await;
    }
    let incarnation = b.own().incarnation;

    proxy.hold();
    a.write(50);
    b.write(50);
    // Before either node has noticed anything, each asks for the head of the log.
    b.has_all().await;
    a.has_all().await;
    wait_until("b notices it", || !b.stats().redis_is_reachable).await;
    wait_until("the lease of b has ended for a", || a.others().is_empty()).await;
    wait_until("ben is offline for a", || a.observed.online().len() == 1).await;
    assert_eq!(b.others().len(), 1, "b cannot reach Redis, so a is not dead for it");
    assert_eq!(b.observed.online().len(), 2);
    a.write(50);
    b.write(50);
    b.has_all().await;
    a.has_all().await;

    proxy.forward();
    wait_until("b has a new incarnation", || b.observed.has_seen(|event| matches!(event, MembershipEvent::Rejoined { .. }))).await;
    assert_ne!(b.own().incarnation, incarnation);
    wait_until("ben is online again for a", || a.observed.online().len() == 2).await;
    assert!(!b.observed.has_seen(|event| matches!(event, MembershipEvent::LeaseLost { .. })), "the connections of b may stay");
    assert_eq!(b.observed.changes().len(), 2, "for b no user was offline");
    a.write(10);
    b.has_all().await;
}
