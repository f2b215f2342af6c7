//! The open connections and the health of the server, for the paths of contracts.

use std::sync::Arc;
use std::time::Duration;

use domain::ids::UserId;
use realtime::{ShardCounters, ShardQuery};
use server_status::{ConnectionCounters, ConnectionStats, ServerStatus, SocketInfo, StatusFuture};

use crate::health::HealthChecks;

/// Answers from the shards and the health checks of this server.
pub struct LiveStatus {
    shard_query: Arc<ShardQuery>,
    health: Arc<HealthChecks>,
}

impl LiveStatus {
    /// The inputs are the query of the shards, and the health checks.
    pub fn new(shard_query: Arc<ShardQuery>, health: Arc<HealthChecks>) -> Self {
        Self { shard_query, health }
    }
}

impl ServerStatus for LiveStatus {
    fn uptime(&self) -> Duration {
        self.shard_query.uptime()
    }

    fn healthy_counters(&self) -> StatusFuture<'_, ConnectionCounters> {
        Box::pin(async move {
            let (counters, writes) = tokio::join!(self.shard_query.counters(), self.health.can_write());
            counters.filter(|_| writes).as_ref().map(by_name)
        })
    }

    fn counters(&self) -> StatusFuture<'_, ConnectionCounters> {
        Box::pin(async move { self.shard_query.counters().await.as_ref().map(by_name) })
    }

    fn connections(&self) -> StatusFuture<'_, ConnectionStats> {
        Box::pin(self.shard_query.connection_stats())
    }

    fn sockets_of<'a>(&'a self, user: &'a UserId) -> StatusFuture<'a, Vec<SocketInfo>> {
        Box::pin(self.shard_query.sockets_of(user))
    }
}

fn by_name(counters: &ShardCounters) -> ConnectionCounters {
    ConnectionCounters {
        sockets: counters.connections(),
        total_sockets: counters.connected,
        disconnected: counters.disconnected.by_name(),
        lasted: counters.lasted,
        longest: counters.longest,
        rejected: counters.rejected.by_name(),
        requests: counters.request.by_name(),
        failed_requests: counters.request_failed.by_name(),
    }
}
