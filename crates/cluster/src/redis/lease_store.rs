//! The leases of all nodes in Redis.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Script};

use crate::identity::{Incarnation, NodeId, NodeInfo, NodeUrl, RedisPrefix};
use crate::membership::{LEASE, LeaseState, Listing};

/// How long a start watches the lease of another process with its id: long enough to see it renewed.
const WATCH_INTERVAL: Duration = Duration::from_millis(1200);

/// Why a start did not get a lease.
#[derive(Debug, thiserror::Error)]
pub enum TakeLeaseError {
    /// Another process has the id, and renews its lease.
    #[error("another node with the id {id} is running at {address}: give each node its own NODE_ID, or each cluster its own REDIS_PREFIX")]
    IdInUse {
        /// The id.
        id: NodeId,
        /// The address of the other process.
        address: String,
    },
    /// A node with the same prefix has another database.
    #[error(
        "the node {id} at {address} has another database: give each cluster its own REDIS_PREFIX, or all nodes of a cluster the same DATABASE_URL"
    )]
    OtherDatabase {
        /// The id of the other node.
        id: NodeId,
        /// Its address.
        address: String,
    },
    /// Redis has failed.
    #[error("{0}")]
    Redis(#[from] redis::RedisError),
}

/// Renews and ends the lease of one process.
pub struct LeaseStore {
    renew: Script,
    release: Script,
    /// A random name of this process. Its incarnations have one lease.
    process: String,
    /// The id of the database with the event log.
    database: String,
    node_key: String,
    nodes_key: String,
    epoch_key: String,
    node_prefix: String,
}

impl LeaseStore {
    /// The lease of a process, which has a random number. `database`: the id of the database with the event log.
    pub fn new(prefix: &RedisPrefix, id: &NodeId, process: u64, database: &str) -> Self {
        Self {
            renew: Script::new(include_str!("lease.lua")),
            release: Script::new(include_str!("release.lua")),
            process: Incarnation(process).to_string(),
            database: database.to_owned(),
            node_key: prefix.key(&format!("node:{id}")),
            nodes_key: prefix.key("nodes"),
            epoch_key: prefix.key("epoch"),
            node_prefix: prefix.key("node:"),
        }
    }

    /// Renews the lease for the present incarnation of the node, or takes it, and lists all nodes. `epoch`: a random number for a Redis without data.
    ///
    /// # Errors
    /// Redis has failed.
    pub async fn renew(&self, connection: &mut MultiplexedConnection, own: &NodeInfo, epoch: u64) -> RedisResult<Listing> {
        self.call(connection, own, epoch).await.map(|(listing, _)| listing)
    }

    /// As [`LeaseStore::renew`], with the nodes that have another database.
    async fn call(&self, connection: &mut MultiplexedConnection, own: &NodeInfo, epoch: u64) -> RedisResult<(Listing, Vec<NodeInfo>)> {
        let mut call = self.renew.key(&self.node_key);
        call.key(&self.nodes_key).key(&self.epoch_key);
        call.arg(own.id.as_str()).arg(&self.process).arg(own.incarnation.to_string()).arg(own.address.to_string());
        call.arg(LEASE.as_millis() as u64).arg(Incarnation(epoch).to_string()).arg(&self.node_prefix).arg(&self.database);
        let (state, epoch, other, rest, nodes): (String, String, String, i64, Vec<String>) = call.invoke_async(connection).await?;
        let lease = match state.as_str() {
            "renewed" => LeaseState::Renewed,
            "replaced" => LeaseState::Replaced,
            "conflict" => LeaseState::Conflict {
                by: Incarnation::parse(&other).unwrap_or(Incarnation(0)),
                expires_in: Duration::from_millis(u64::try_from(rest).unwrap_or(0)),
            },
            _ => LeaseState::Missing,
        };
        let listed = nodes.chunks_exact(4).filter_map(|fields| Some((node(fields)?, &fields[3])));
        let (nodes, foreign): (Vec<_>, Vec<_>) = listed.partition(|(_, database)| **database == self.database);
        let without_database = |nodes: Vec<(NodeInfo, &String)>| nodes.into_iter().map(|(node, _)| node).collect();
        Ok((Listing { lease, epoch, nodes: without_database(nodes) }, without_database(foreign)))
    }

    /// Takes a lease for a start. If another process has the id, it waits for the end of that lease, as after a kill and a quick restart.
    ///
    /// # Errors
    /// The other process renews its lease, a node has another database, or Redis has failed.
    pub async fn take(&self, connection: &mut MultiplexedConnection, own: &NodeInfo, epoch: u64) -> Result<Listing, TakeLeaseError> {
        let mut last: Option<(Incarnation, Duration)> = None;
        loop {
            let (listing, foreign) = self.call(connection, own, epoch).await?;
            if let Some(other) = foreign.into_iter().find(|node| node.id != own.id) {
                self.release(connection, &own.id).await?;
                return Err(TakeLeaseError::OtherDatabase { id: other.id, address: other.address.to_string() });
            }
            let LeaseState::Conflict { by, expires_in } = listing.lease else { return Ok(listing) };
            // Without a renewal the rest of the lease only shrinks.
            if last.is_some_and(|(before, rest)| before != by || expires_in > rest) {
                let other = listing.nodes.into_iter().find(|node| node.id == own.id);
                let address = other.map(|node| node.address.to_string()).unwrap_or_default();
                return Err(TakeLeaseError::IdInUse { id: own.id.clone(), address });
            }
            last = Some((by, expires_in));
            tokio::time::sleep(WATCH_INTERVAL.min(expires_in + Duration::from_millis(10))).await;
        }
    }

    /// Ends the lease, because the node stops.
    ///
    /// # Errors
    /// Redis has failed.
    pub async fn release(&self, connection: &mut MultiplexedConnection, id: &NodeId) -> RedisResult<()> {
        let mut call = self.release.key(&self.node_key);
        call.key(&self.nodes_key).arg(id.as_str()).arg(&self.process);
        call.invoke_async(connection).await
    }
}

/// A node of the list; `None` for an entry that another program has written.
fn node(fields: &[String]) -> Option<NodeInfo> {
    let [id, incarnation, address, _] = fields else { return None };
    Some(NodeInfo { id: NodeId::parse(id)?, incarnation: Incarnation::parse(incarnation)?, address: NodeUrl::parse(address)? })
}
