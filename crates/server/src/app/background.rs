//! The tasks that run in the background for as long as the server does: purges, removals, the saved offset, and the memory guard.

use std::sync::Arc;
use std::time::Duration;

use domain::command::Command;
use domain::idempotency::PurgeStoredResponses;
use domain::sessions::{PurgeOldEvents, PurgeOldSessions, SaveAckedOffset};
use domain::users::PurgeUnseenUsers;
use limits::memory_guard;
use logging;
use realtime::nodes::NodeHandle;
use realtime::{Fanout, ShardQuery};
use store::Writer;

use super::cluster_parts::ClusterParts;
use super::lost_participants::remove_lost_participants;
use super::parts::Parts;
use super::removals::continue_removals;

/// How long a purge waits when there is nothing to delete.
const PURGE_INTERVAL: Duration = Duration::from_secs(10);

/// How many seconds events stay in the database after their entries in memory have expired.
const PURGE_DELAY_SECONDS: i64 = 10;

/// How old an evicted event is at least, in seconds, when one of several nodes deletes it: by then all nodes have read it.
const MIN_AGE_SECONDS_ON_NODES: i64 = 60;

/// How often the server stores the offset that all clients have acknowledged.
const ACK_SAVE_INTERVAL: Duration = Duration::from_secs(5);

/// Starts all background tasks. Those that depend on connections start only if there are any.
pub(super) fn start(parts: &Parts) {
    let (writer, retention) = (|| parts.storage.writer.clone(), parts.storage.retention);
    let purge_loop = || PurgeLoop { writer: writer(), node: parts.cluster.as_ref().map(|cluster| cluster.node.clone()) };
    let event_seconds = retention.event_seconds();
    tokio::spawn(logging::report_dropped());
    // Continues removals that the last stop interrupted.
    tokio::spawn(continue_removals(writer()));
    tokio::spawn(purge_loop().run("stored responses", PurgeStoredResponses));
    tokio::spawn(purge_loop().run("users who never signed in", PurgeUnseenUsers));
    tokio::spawn(purge_loop().run("sessions", PurgeOldSessions { window: retention.session_seconds() }));
    tokio::spawn(purge_loop().run("events", PurgeOldEvents { window: event_seconds + PURGE_DELAY_SECONDS }));
    tokio::spawn(purge_loop().run_for_evicted(parts.delivery.fanout.clone()));
    if let Some(ClusterParts { node, .. }) = &parts.cluster {
        tokio::spawn(remove_lost_participants(node.clone(), parts.storage.readers.clone(), writer()));
    }
    if let Some(limit) = parts.memory_limit {
        tokio::spawn(memory_guard::watch(limit, parts.admission.clone(), parts.bytes_in_hand.clone()));
    }
}

/// Deletes old entries, a part at a time, so that other commands do not wait long.
struct PurgeLoop {
    writer: Writer,
    node: Option<Arc<NodeHandle>>,
}

impl PurgeLoop {
    async fn run(self, entries: &'static str, command: impl Command<Output = bool>) {
        loop {
            match self.writer.run_as_server(command.clone()).await {
                Some(Ok(true)) => {}
                Some(Ok(false)) => tokio::time::sleep(self.pause()).await,
                Some(Err(error)) => {
                    tracing::warn!(%error, "failed to delete old {entries}; the server will retry");
                    tokio::time::sleep(self.pause()).await;
                }
                None => return,
            }
        }
    }

    /// All nodes together purge as often as a single server.
    fn pause(&self) -> Duration {
        let others = self.node.as_ref().and_then(|node| node.get()).map_or(0, |node| node.others().len());
        PURGE_INTERVAL.saturating_mul(u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// Deletes evicted events; see `JOURNAL_KEEP`. All nodes evict the same events from their memory, and the first one deletes them.
    async fn run_for_evicted(self, fanout: Arc<Fanout>) {
        let min_age = if self.node.is_some() { MIN_AGE_SECONDS_ON_NODES } else { 0 };
        loop {
            let Some(evicted) = fanout.take_evicted(min_age) else {
                tokio::time::sleep(PURGE_INTERVAL).await;
                continue;
            };
            while self.node.as_ref().is_none_or(|node| node.is_first()) {
                match self.writer.run_as_server(evicted.clone()).await {
                    Some(Ok(())) => break,
                    Some(Err(error)) => {
                        tracing::warn!(%error, "failed to delete evicted events; the server will retry");
                        tokio::time::sleep(PURGE_INTERVAL).await;
                    }
                    None => return,
                }
            }
        }
    }
}

/// Stores the offset that all clients have acknowledged, so that a start after a kill does not replay older events.
pub(super) async fn save_acked_offset(writer: Writer, shard_query: Arc<ShardQuery>, fanout: Arc<Fanout>) {
    let mut last = 0;
    loop {
        tokio::time::sleep(ACK_SAVE_INTERVAL).await;
        fanout.expire_old();
        let Some(acked) = shard_query.acked_by_all().await else { continue };
        let offset = acked as i64;
        if offset <= last {
            continue;
        }
        match writer.run_as_server(SaveAckedOffset { offset }).await {
            Some(Ok(())) => last = offset,
            Some(Err(error)) => {
                tracing::warn!(%error, "failed to store the offset that all clients have acknowledged; the server will retry")
            }
            None => return,
        }
    }
}
