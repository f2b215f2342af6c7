//! A running node.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::JoinSet;

use super::core::NodeCore;
use super::shared::Shared;
use super::sink::ClusterSink;
use super::stats::ClusterStats;
use super::{lease_task, log_task, publish_task, subscribe_task};
use crate::event_log::EventLogReader;
use crate::event_stream::{EventSink, EventStream, OrderedAction};
use crate::identity::{Incarnation, NodeId, NodeInfo, NodeUrl, RedisPrefix};
use crate::membership::LeaseGuard;
use crate::redis::{LeaseStore, RedisConnector, RedisUrl, TakeLeaseError};
use crate::sequencer::SequencerConfig;
use crate::wire::{EphemeralFrame, EventFrame, PresenceKey};

/// How long a stop waits for Redis.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// The settings of a node.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// Where Redis is.
    pub redis: RedisUrl,
    /// The certificates, in PEM, of the authorities that Redis' certificate may have; `None`: those of the system.
    pub ca: Option<Vec<u8>>,
    /// The prefix of the cluster.
    pub prefix: RedisPrefix,
    /// The id of this node.
    pub id: NodeId,
    /// The address of this node for the others.
    pub address: NodeUrl,
    /// The epoch of the event log. Nodes with another epoch do not receive the messages of this one.
    pub epoch: String,
    /// A random id of the database with the event log, which the database keeps: all nodes of a cluster have the same database.
    pub database: String,
    /// How long the users of a dead node stay online.
    pub grace: Duration,
    /// The first offset to deliver: one more than the last that the server has read from the log.
    pub next_offset: u64,
    /// The times and bounds of the delivery.
    pub sequencer: SequencerConfig,
}

/// Why a node does not start, as one line with the remedy.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ClusterError(pub String);

/// A running node. Its functions can be called from any thread, and do not block. Dropping it ends its tasks without releasing the lease.
pub struct ClusterNode {
    shared: Arc<Shared>,
    connector: RedisConnector,
    leases: Arc<LeaseStore>,
    tasks: Mutex<JoinSet<()>>,
    publisher: Mutex<JoinSet<()>>,
}

impl ClusterNode {
    /// Takes a lease, and starts the tasks on the present tokio runtime.
    ///
    /// # Errors
    /// Redis cannot be reached, refuses the user, is too old, another node has the id, or a node of the cluster has another database.
    pub async fn start(config: ClusterConfig, log: impl EventLogReader, sink: Arc<dyn ClusterSink>) -> Result<Self, ClusterError> {
        let connector = RedisConnector::new(&config.redis, config.ca.as_deref()).map_err(ClusterError)?;
        let failed = |error: redis::RedisError| ClusterError(connector.describe(&error));
        let mut connection = connector.commands().await.map_err(failed)?;
        connector.check_version(&mut connection).await.map_err(ClusterError)?;
        let own = NodeInfo { id: config.id.clone(), incarnation: Incarnation(rand::random()), address: config.address };
        let leases = Arc::new(LeaseStore::new(&config.prefix, &config.id, rand::random(), &config.database));
        let listing = leases.take(&mut connection, &own, rand::random()).await.map_err(|error| match error {
            TakeLeaseError::Redis(error) => failed(error),
            TakeLeaseError::IdInUse { .. } | TakeLeaseError::OtherDatabase { .. } => ClusterError(error.to_string()),
        })?;

        let now = Instant::now();
        let core = NodeCore::new(own, config.grace, now, Box::new(|| Incarnation(rand::random())));
        let stream = EventStream::new(config.sequencer, config.next_offset, now, Box::new(StreamSink(sink.clone())));
        let (queue, items) = publish_task::publish_queue();
        let shared = Arc::new(Shared::new(core, stream, sink, queue, now));
        shared.with_core(|core, now| core.renewed(listing, now, now));
        // A copy of the database that another cluster uses has the same id, but another epoch.
        let channel = config.prefix.key(&format!("bus:{}", config.epoch));
        let (mut tasks, mut publisher) = (JoinSet::new(), JoinSet::new());
        publisher.spawn(publish_task::run(shared.clone(), connector.clone(), channel.clone(), items));
        tasks.spawn(subscribe_task::run(shared.clone(), connector.clone(), channel));
        tasks.spawn(lease_task::run(shared.clone(), connector.clone(), leases.clone(), connection));
        tasks.spawn(lease_task::step(shared.clone()));
        tasks.spawn(log_task::run(shared.clone(), log));
        Ok(Self { shared, connector, leases, tasks: Mutex::new(tasks), publisher: Mutex::new(publisher) })
    }

    /// Takes committed events of this node, by ascending offset: delivers each as soon as all earlier offsets are delivered, and publishes them for the
    /// other nodes. Call it after the commit. `ordered`: the replies to the commands, each with the offset behind which it runs.
    pub fn commit(&self, ordered: Vec<(u64, OrderedAction)>, events: Vec<EventFrame>) {
        self.shared.commit(ordered, events);
    }

    /// Publishes an ephemeral event for the other nodes. The caller delivers it to the connections of this node.
    pub fn publish_ephemeral(&self, event: EphemeralFrame) {
        self.shared.with_core(|core, now| core.publish_ephemeral(event, now));
    }

    /// Reports a charge to a budget, such as `commands anna`, to the other nodes.
    pub fn report_usage(&self, budget: &str, amount: u32) {
        self.shared.with_core(|core, now| core.report_usage(budget, amount, now));
    }

    /// Sets an entry of this node. If no node had it, the sink is called before this returns.
    pub fn set_presence(&self, key: &PresenceKey, value: Bytes) {
        self.shared.with_core(|core, now| core.set_presence(key, value, now));
    }

    /// Removes an entry of this node. `left`: the user left by choice or was removed, so the entry ends at once if no other node has it.
    pub fn remove_presence(&self, key: &PresenceKey, left: bool) {
        self.shared.with_core(|core, now| core.remove_presence(key, left, now));
    }

    /// Whether any node has the entry.
    pub fn is_present(&self, key: &PresenceKey) -> bool {
        self.shared.read_core(|core| core.presence().contains(key))
    }

    /// The value of an entry on each node that has it; the node that has it for the longest time is the first.
    pub fn presence_values(&self, key: &PresenceKey) -> Vec<(NodeId, Bytes)> {
        self.shared.read_core(|core| core.presence().values(key).map(|(node, value)| (node.clone(), value.clone())).collect())
    }

    /// Whether no node has an entry any more, and it has not ended yet: the node that had it may have died.
    pub fn is_departing(&self, key: &PresenceKey) -> bool {
        self.shared.read_core(|core| core.presence().is_departing(key))
    }

    /// The number of users who are online on any node.
    pub fn online_count(&self) -> usize {
        self.shared.read_core(|core| core.presence().online_count())
    }

    /// Whether the presence of all known nodes is known. A server that starts waits for it, for a second at most, before it accepts connections.
    pub fn knows_presence(&self) -> bool {
        self.shared.read_core(NodeCore::is_complete)
    }

    /// Whether Redis can be reached and the presence of all known nodes is known.
    pub fn sees_other_nodes(&self) -> bool {
        self.shared.is_reachable.load(Ordering::Relaxed) && self.knows_presence()
    }

    /// This node in its present incarnation.
    pub fn own(&self) -> NodeInfo {
        self.shared.read_core(|core| core.membership().own().clone())
    }

    /// The other nodes that count as alive.
    pub fn others(&self) -> Vec<NodeInfo> {
        self.shared.read_core(|core| core.membership().others().cloned().collect())
    }

    /// Answers whether this node was paused for longer than its lease.
    pub fn lease_guard(&self) -> LeaseGuard {
        self.shared.guard.clone()
    }

    /// Handles a pause of this node that no task has noticed yet: the sink learns about it before this returns.
    pub fn notice_pause(&self) {
        self.shared.notice_pause();
    }

    /// What was counted since the start.
    pub fn stats(&self) -> ClusterStats {
        self.shared.stats()
    }

    /// Publishes what waits and ends the lease, so that the other nodes need not wait for its end. The node does nothing after that, and
    /// delivers no further event. Call it when no connection is open.
    pub async fn stop(&self) {
        // The lease must not be renewed after its end.
        take(&self.tasks).shutdown().await;
        self.shared.with_core(|core, now| core.flush(now));
        let release = async {
            self.shared.queue.flush().await;
            let id = self.shared.read_core(|core| core.membership().own().id.clone());
            // Without Redis the lease ends by itself.
            if let Ok(mut connection) = self.connector.commands().await
                && let Err(error) = self.leases.release(&mut connection, &id).await
            {
                tracing::warn!("{}; the lease of this node ends by itself", self.connector.describe(&error));
            }
        };
        let _ = tokio::time::timeout(STOP_TIMEOUT, release).await;
        take(&self.publisher).shutdown().await;
        self.shared.guard.stop();
        self.shared.stream.close();
    }
}

fn take(tasks: &Mutex<JoinSet<()>>) -> JoinSet<()> {
    std::mem::take(&mut *tasks.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Passes the events of the stream to the sink of the node.
struct StreamSink(Arc<dyn ClusterSink>);

impl EventSink for StreamSink {
    fn begin(&self) {
        self.0.begin_events();
    }

    fn event(&self, event: &EventFrame) {
        self.0.event(event);
    }

    fn end(&self) {
        self.0.end_events();
    }
}
