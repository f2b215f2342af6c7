//! One Redis, one adapter of this crate, and one Node server.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use socketio_adapter::{Adapter, AdapterStats, Namespaces, Peers, Settings};

use super::memory_namespace::{Acknowledges, MemoryNamespace};
use super::node_server::NodeServer;
use super::redis_server::RedisServer;

/// A prefix that is not the default.
pub const PREFIX: &str = "my app";

/// A timeout for requests that is never reached.
pub const LONG: Duration = Duration::from_secs(3600);
const LONG_MS: u32 = 3_600_000;

pub struct Cluster {
    pub redis: RedisServer,
    pub node: NodeServer,
    pub rust: RustServer,
}

/// A server of this crate, with a namespace `/` that has two sockets.
pub struct RustServer {
    pub adapter: Adapter,
    pub local: Arc<MemoryNamespace>,
    pub peers: Peers,
}

impl RustServer {
    /// Starts a server. Its sockets are `<name>1` in the rooms `a` and `both`, and `<name>2` in `both`; both acknowledge with their ids.
    pub async fn start(redis: &RedisServer, name: &str, request_timeout: Duration) -> Self {
        let settings = Settings { prefix: PREFIX.to_owned(), request_timeout, ..Settings::new(redis.url()) };
        let local = Arc::new(MemoryNamespace::new());
        for (number, rooms) in [(1, ["a", "both"].as_slice()), (2, &["both"])] {
            let id = format!("{name}{number}");
            let answer = Acknowledges::With(socketio_adapter::Payload::json(format!("\"{id}\"")));
            local.add_socket(&id, rooms, &format!("{{\"number\":{number}}}"), answer);
        }
        let namespaces = Namespaces::from([("/".to_owned(), local.clone() as _)]);
        let adapter = Adapter::start(&settings, namespaces).await.unwrap();
        let peers = adapter.peers("/").unwrap().clone();
        Self { adapter, local, peers }
    }

    /// Waits until the counters fulfil a condition.
    pub async fn until_stats(&self, condition: impl Fn(&AdapterStats) -> bool) {
        while !condition(&self.adapter.stats()) {
            tokio::task::yield_now().await;
        }
    }
}

impl Cluster {
    /// Starts all. The Node server has the clients `anna` in the rooms `a` and `both`, and `ben` in `both`; both acknowledge with their
    /// names. Requests have no timeout.
    pub async fn start() -> Self {
        Self::start_with_timeouts(LONG, LONG_MS).await
    }

    pub async fn start_with_timeouts(rust: Duration, node_ms: u32) -> Self {
        let redis = RedisServer::start();
        let rust = RustServer::start(&redis, "rust", rust).await;
        let node = NodeServer::start(&redis.url(), PREFIX, node_ms).await;
        node.run(
            "await connect('anna', { rooms: ['a', 'both'], data: { role: 'first' }, answer: 'anna' });
             await connect('ben', { rooms: ['both'], answer: 'ben' });",
        )
        .await;
        // Each server knows the other as soon as Redis has both subscriptions.
        let cluster = Self { redis, node, rust };
        cluster.until_both_are_counted().await;
        cluster
    }

    pub async fn until_both_are_counted(&self) {
        self.node.run("await until(async () => (await io.of('/').adapter.serverCount().catch(() => 0)) === 2)").await;
        while self.rust.peers.server_count().await != Ok(2) {
            tokio::task::yield_now().await;
        }
    }

    /// The events that a client of the Node server has received before one with this name.
    pub async fn events_until(&self, client: &str, last: &str) -> Value {
        self.node.run(&format!("return eventsUntil('{client}', '{last}')")).await
    }
}
