//! What stops the start of the adapter.

use std::sync::Arc;

use socketio_adapter::{Adapter, Namespaces, Settings, StartError};

use super::memory_namespace::MemoryNamespace;
use super::redis_server::RedisServer;

async fn start_error(url: String) -> StartError {
    let namespaces = Namespaces::from([("/".to_owned(), Arc::new(MemoryNamespace::new()) as _)]);
    let started = Adapter::start(&Settings::new(url), namespaces).await;
    started.map(|_| ()).expect_err("the adapter has started")
}

#[tokio::test]
async fn wrong_password_stops_the_start_and_is_not_in_the_error() {
    let redis = RedisServer::start_with_password("sesame");
    let wrong = redis.url().replace("sesame", "hunter2");
    for url in [wrong, redis.url().replace(":sesame@", "")] {
        let error = start_error(url).await;
        assert!(matches!(error, StartError::Unauthorized { .. }), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    Adapter::start(&Settings::new(redis.url()), Namespaces::new()).await.unwrap();
}

#[tokio::test]
async fn redis_that_does_not_run_stops_the_start() {
    let port = test_redis::free_port();
    let error = start_error(format!("redis://u:hunter2@127.0.0.1:{port}")).await.to_string();
    assert!(error.starts_with(&format!("cannot connect to Redis at 127.0.0.1:{port}: ")), "{error}");
    assert!(!error.contains("hunter2") && !error.contains('\n'), "{error}");
}

#[tokio::test]
async fn user_without_permission_for_the_channels_stops_the_start() {
    let redis = RedisServer::start();
    redis.command(&[b"ACL", b"SETUSER", b"limited", b"on", b">hunter2", b"+@all", b"&other*"]).await;
    let error = start_error(redis.url().replace("redis://", "redis://limited:hunter2@")).await;
    assert!(matches!(&error, StartError::Forbidden { prefix, .. } if prefix == "socket.io"), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
