//! This server as one of several nodes: the parts that it has then, and its start.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use cluster::node::{ClusterConfig, ClusterNode};
use cluster::redis::RedisUrl;
use cluster::sequencer::SequencerConfig;
use config::{ClusterSettings, Config};
use engine::NodeTag;
use realtime::nodes::{ConnectionSink, LogReader, NodeHandle};
use store::{ClusterStart, Database, Readers};

use super::cluster_parts::ClusterParts;
use super::node_events::NodeEvents;
use super::parts::Parts;

/// How long a start waits until it knows the users who are online on other nodes.
const PRESENCE_WAIT: Duration = Duration::from_secs(1);
const PRESENCE_POLL: Duration = Duration::from_millis(10);

/// The number of threads that read the event log.
const LOG_READERS: usize = 1;

/// Takes a lease, and delivers the events of all nodes from now on, if this server is one of several nodes.
///
/// # Errors
/// One line with the reason why the server cannot join.
pub(super) async fn join(config: &Config, database: &Database, parts: &Parts) -> anyhow::Result<()> {
    let Some(ClusterParts { node, bus, forwarder }) = &parts.cluster else { return Ok(()) };
    let (Some(settings), Some(found)) = (config.cluster(), database.cluster()) else { return Ok(()) };
    let observer = NodeEvents::new(settings.node_id.clone(), parts, node.clone(), forwarder.clone());
    let sink = ConnectionSink::new(node.clone(), parts.delivery.fanout.clone(), parts.room_presence.clone(), observer);
    let next_offset = parts.storage.startup.position.unsigned_abs() + 1;
    let cluster_config = node_config(&settings, found, config.presence.grace, next_offset)?;
    // Slow queries of clients must not delay the events of other nodes. The thread ends with the node.
    let (reader, _) = Readers::start(database, LOG_READERS)?;
    let log = LogReader::new(reader);
    let started = ClusterNode::start(cluster_config, log, Arc::new(sink)).await.map_err(|error| anyhow!("REDIS_URL: {error}"))?;
    let others = started.others();
    if let Some(other) = NodeTag::holder(settings.node_id.as_str(), others.iter().map(|other| other.id.as_str())) {
        started.stop().await;
        return Err(anyhow!(
            "NODE_ID={}: its tag in the ids of sessions is that of the node {other}; set another NODE_ID",
            settings.node_id
        ));
    }
    node.connect(started);
    bus.node_started(parts.storage.writer.clone());
    wait_for_presence(node).await;
    node.announce_presence();
    Ok(())
}

/// The settings as the cluster has them.
fn node_config(settings: &ClusterSettings, started: &ClusterStart, grace: Duration, next_offset: u64) -> anyhow::Result<ClusterConfig> {
    Ok(ClusterConfig {
        redis: RedisUrl::parse(settings.redis_url.expose())?,
        ca: super::read_redis_ca(settings.redis_ca.as_deref())?,
        prefix: settings.redis_prefix.clone(),
        id: settings.node_id.clone(),
        address: settings.node_url.clone(),
        epoch: started.epoch.clone(),
        database: started.database_id.clone(),
        grace,
        next_offset,
        sequencer: SequencerConfig::default(),
    })
}

/// Waits until the presence of the other nodes is known, so that the first clients receive whole lists of users.
async fn wait_for_presence(node: &NodeHandle) {
    let known = async {
        while !node.get().is_none_or(ClusterNode::knows_presence) {
            tokio::time::sleep(PRESENCE_POLL).await;
        }
    };
    if tokio::time::timeout(PRESENCE_WAIT, known).await.is_err() {
        tracing::warn!("another node has not yet sent its users who are online; lists of users are complete as soon as it does");
    }
}
