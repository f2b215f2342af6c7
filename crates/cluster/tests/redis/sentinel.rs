//! A primary with a replica, and a sentinel that replaces the primary.

use std::fs;
use std::process::{Child, Command, Stdio};

use cluster::membership::MembershipEvent;
use cluster::redis::RedisUrl;
use tempfile::TempDir;

use crate::support::{RedisServer, TestLog, TestNode, wait_until, wait_until_async};

/// A running sentinel, which ends with this value.
struct Sentinel {
    port: u16,
    process: Child,
    _folder: TempDir,
}

impl Sentinel {
    /// Starts a sentinel that watches the service `main`.
    fn start(primary: u16) -> Self {
        let port = test_redis::free_port();
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("sentinel.conf");
        let settings = [
            format!("port {port}"),
            "bind 127.0.0.1".to_owned(),
            format!("dir {}", folder.path().display()),
            format!("sentinel monitor main 127.0.0.1 {primary} 1"),
            "sentinel down-after-milliseconds main 500".to_owned(),
            "sentinel failover-timeout main 2000".to_owned(),
        ];
        fs::write(&file, settings.join("\n")).unwrap();
        let process = Command::new(test_redis::PROGRAM).arg(file).arg("--sentinel").stdout(Stdio::null()).spawn().unwrap();
        Self { port, process, _folder: folder }
    }

    /// The port of the present primary; `None` if the sentinel does not respond.
    async fn primary(&self) -> Option<u16> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.ok()?;
        let query = redis::cmd("SENTINEL").arg("get-master-addr-by-name").arg("main").to_owned();
        let (_, port): (String, String) = query.query_async(&mut connection).await.ok()?;
        port.parse().ok()
    }

    /// How many replicas the sentinel knows.
    async fn replicas(&self) -> usize {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let Ok(mut connection) = client.get_multiplexed_async_connection().await else { return 0 };
        let replicas: redis::RedisResult<Vec<redis::Value>> =
            redis::cmd("SENTINEL").arg("replicas").arg("main").query_async(&mut connection).await;
        replicas.map_or(0, |replicas| replicas.len())
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_follow_the_primary_and_lose_nothing() {
    let mut primary = RedisServer::start();
    let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &primary.port().to_string()], "");
    let sentinel = Sentinel::start(primary.port());
    wait_until_async("the sentinel knows the replica", async || sentinel.replicas().await == 1).await;
    let linked = async || replica.command::<String>(&["INFO", "replication"]).await.contains("master_link_status:up");
    wait_until_async("the replica follows", linked).await;
    let url = RedisUrl::parse(&format!("redis+sentinel://127.0.0.1:{}/main", sentinel.port)).unwrap();
    let log = TestLog::default();
    let [a, b] = [TestNode::start(url.clone(), "a", &log).await, TestNode::start(url, "b", &log).await];
    a.knows_others(1).await;
    b.knows_others(1).await;

    primary.kill();
    wait_until_async("the sentinel has replaced the primary", async || {
        a.write(1);
        sentinel.primary().await == Some(replica.port())
    })
    .await;
    let before = b.stats().received;
    wait_until("the nodes use the new primary", || b.stats().received > before + 3).await;
    a.write(10);
    a.has_all().await;
    b.has_all().await;
    for node in [&a, &b] {
        let is_end = |event: &MembershipEvent| matches!(event, MembershipEvent::NodeDown(_) | MembershipEvent::LeaseLost { .. });
        assert!(!node.observed.has_seen(is_end), "{:?}", node.observed.membership.lock().unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_service_names_the_remedy() {
    let primary = RedisServer::start();
    let sentinel = Sentinel::start(primary.port());
    wait_until_async("the sentinel responds", async || sentinel.primary().await.is_some()).await;
    let url = RedisUrl::parse(&format!("redis+sentinel://127.0.0.1:{}/other", sentinel.port)).unwrap();
    let node = cluster::node::ClusterNode::start(
        crate::support::config(url, "a"),
        TestLog::default(),
        std::sync::Arc::new(crate::support::Observed::default()),
    )
    .await;
    let error = node.err().expect("the start fails").to_string();
    assert!(error.ends_with("the sentinels do not know this service: correct its name in REDIS_URL"), "{error}");
}
