//! Presence over several nodes.

use cluster::wire::PresenceKey;

use crate::support::{RedisServer, TestLog, TestNode, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_online_while_any_node_has_a_connection() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let [a, b] = [TestNode::start(redis.url(), "a", &log).await, TestNode::start(redis.url(), "b", &log).await];
    a.knows_others(1).await;
    b.knows_others(1).await;
    let anna = PresenceKey::online("anna");
    a.set_presence(&anna, "on a".into());
    wait_until("b knows it", || b.is_present(&anna)).await;
    b.set_presence(&anna, "on b".into());
    wait_until("a knows both", || a.presence_values(&anna).len() == 2).await;
    let values: Vec<_> = b.presence_values(&anna).into_iter().map(|(node, value)| (node.to_string(), value)).collect();
    assert_eq!(values, [("a".to_owned(), "on a".into()), ("b".to_owned(), "on b".into())]);
    a.remove_presence(&anna, false);
    wait_until("b is left", || b.presence_values(&anna).len() == 1).await;
    b.remove_presence(&anna, false);
    for node in [&a, &b] {
        wait_until("anna is offline", || !node.is_present(&anna)).await;
        assert_eq!(node.observed.changes().len(), 2, "anna went online and offline once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_node_learns_the_users_of_large_nodes() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let [a, b] = [TestNode::start(redis.url(), "a", &log).await, TestNode::start(redis.url(), "b", &log).await];
    // More than one part of a list.
    for number in 0..20_000 {
        let node = if number % 2 == 0 { &a } else { &b };
        node.set_presence(&PresenceKey::online(&format!("user-{number}")), "a connection of a user".into());
    }
    a.set_presence(&PresenceKey::in_room("room:1", "anna"), "1".into());
    b.set_presence(&PresenceKey::in_room("room:1", "ben"), "1".into());
    let c = TestNode::start(redis.url(), "c", &log).await;
    for node in [&a, &b, &c] {
        let in_room = |user| node.is_present(&PresenceKey::in_room("room:1", user));
        wait_until("all users are known", || node.online_count() == 20_000 && in_room("anna") && in_room("ben")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_leaves_by_choice_leaves_at_once() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let [a, b] = [TestNode::start(redis.url(), "a", &log).await, TestNode::start(redis.url(), "b", &log).await];
    a.knows_others(1).await;
    b.knows_others(1).await;
    let key = PresenceKey::in_room("room:1", "anna");
    a.set_presence(&key, "1".into());
    wait_until("b knows it", || b.is_present(&key)).await;
    a.remove_presence(&key, true);
    assert!(!a.is_present(&key), "without the time for a move");
    wait_until("b knows it", || !b.is_present(&key)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_alone_announces_changes_at_once() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let a = TestNode::start(redis.url(), "a", &log).await;
    let anna = PresenceKey::online("anna");
    a.set_presence(&anna, "1".into());
    a.remove_presence(&anna, false);
    assert_eq!(a.observed.changes().len(), 2);
}
