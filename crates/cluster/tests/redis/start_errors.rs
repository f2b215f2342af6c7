//! What stops a start: each is one line with the remedy, and without the password.

use std::sync::Arc;

use cluster::node::ClusterNode;
use cluster::redis::RedisUrl;

use crate::support::{Observed, RedisServer, TestLog, TestNode, config};

async fn start_error(url: &str) -> String {
    let url = RedisUrl::parse(url).expect("the URL is valid");
    let node = ClusterNode::start(config(url, "a"), TestLog::default(), Arc::new(Observed::default())).await;
    let error = node.err().expect("the start fails").to_string();
    assert!(!error.contains('\n') && !error.contains("secret"), "{error}");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_addresses_and_passwords_name_the_remedy() {
    let redis = RedisServer::start_with(&["--requirepass", "right"], ":right@");
    let port = redis.port();
    for (url, expected) in [
        (format!("redis://127.0.0.1:{port}"), "it needs a password: add it to REDIS_URL as redis://:password@host"),
        (format!("redis://:secret@127.0.0.1:{port}"), "it rejects the user or password: correct REDIS_URL"),
        (format!("redis://anna:secret@127.0.0.1:{port}"), "it rejects the user or password: correct REDIS_URL"),
    ] {
        assert_eq!(start_error(&url).await, format!("Redis at 127.0.0.1:{port}: {expected}"));
    }
    let error = start_error("redis://:secret@127.0.0.1:1").await;
    assert_eq!(error, "Redis at 127.0.0.1:1: it does not accept connections: start it, or correct REDIS_URL");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_the_url_is_used() {
    let redis = RedisServer::start_with(&["--requirepass", "pa@ss"], ":pa%40ss@");
    let node = TestNode::start(redis.url(), "a", &TestLog::default()).await;
    node.write(3);
    node.has_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_few_rights_can_be_used() {
    let redis = RedisServer::start();
    let rights = "on >word resetkeys resetchannels ~{roomcast}:* &{roomcast}:* -@all +eval +evalsha +script|load +get +set +hget +hset +hmget \
                  +pexpire +pttl +sadd +srem +smembers +del +publish +subscribe";
    let mut command = vec!["ACL", "SETUSER", "roomcast"];
    command.extend(rights.split_whitespace());
    let _: String = redis.command(&command).await;
    let log = TestLog::default();
    let url = RedisUrl::parse(&format!("redis://roomcast:word@127.0.0.1:{}", redis.port())).unwrap();
    let [a, b] = [TestNode::start(url.clone(), "a", &log).await, TestNode::start(url, "b", &log).await];
    a.knows_others(1).await;
    a.write(3);
    b.has_all().await;

    let _: String = redis.command(&["ACL", "SETUSER", "roomcast", "-evalsha", "-eval"]).await;
    let error = start_error(&format!("redis://roomcast:word@127.0.0.1:{}", redis.port())).await;
    assert!(error.contains("the user lacks a right"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_names_the_remedy() {
    let redis = RedisServer::start();
    let error = start_error(&format!("rediss://127.0.0.1:{}", redis.port())).await;
    assert_eq!(error, format!("Redis at 127.0.0.1:{}: it does not respond with TLS: use redis:// for a server without TLS", redis.port()));
}
