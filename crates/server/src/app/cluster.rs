//! This server as one of several nodes: the parts that it has then, its start, and what it does when the nodes change.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use cluster::identity::{ClusterPrefix, NodeAddress, NodeId, NodeInfo};
use cluster::membership::MembershipEvent;
use cluster::node::{ClusterConfig, ClusterNode};
use cluster::redis::RedisUrl;
use cluster::sequencer::{LogWentBack, SequencerConfig};
use cluster::wire::Usage;
use config::{ClusterSettings, Config};
use domain::calls::LeaveOpenCalls;
use domain::command::Command;
use domain::ids::UserId;
use domain::sessions::{EndNodeSessions, ReplaceEpoch};
use engine::NodeTag;
use forwarding::{ClusterKey, Forwarder};
use limits::rate_limit::RateLimits;
use realtime::Fanout;
use realtime::nodes::{ClusterBus, ConnectionSink, LogReader, NodeHandle, NodeObserver};
use realtime::presence::OnlineOnNodes;
use store::{ClusterStart, Database, Writer};
use tokio::runtime::Handle;

use super::node_directory::NodeDirectory;
use super::parts::Parts;
use super::storage::new_epoch;

/// How long a start waits until it knows the users who are online on other nodes.
const PRESENCE_WAIT: Duration = Duration::from_secs(1);
const PRESENCE_POLL: Duration = Duration::from_millis(10);

/// How long a failed command about another node waits until it is repeated.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// How long users who go offline are gathered, so that the death of a node with many users is one command.
const COLLECT_INTERVAL: Duration = Duration::from_millis(100);

/// The exit code of a process that must not continue; a supervisor starts it again.
const EXIT_FENCED: i32 = 1;

/// The parts of a server that is one of several nodes.
pub(super) struct ClusterParts {
    pub node: Arc<NodeHandle>,
    pub bus: Arc<ClusterBus>,
    pub forwarder: Forwarder,
    directory: Arc<NodeDirectory>,
}

impl ClusterParts {
    /// The parts around a node that has not started. Runs in a tokio runtime.
    pub fn new(settings: &ClusterSettings, node: Arc<NodeHandle>, fanout: &Arc<Fanout>) -> Self {
        let tag = NodeTag::of(&settings.node_id);
        let directory = Arc::new(NodeDirectory::new(tag));
        let key = ClusterKey::new(settings.secret.expose());
        let forwarder = Forwarder::new(forwarding::Settings { node: tag, key, owners: directory.clone() });
        Self { bus: Arc::new(ClusterBus::new(node.clone(), fanout.clone())), node, forwarder, directory }
    }
}

/// Takes a lease, and delivers the events of all nodes from now on, if this server is one of several nodes.
///
/// # Errors
/// One line with the reason why the server cannot join.
pub(super) async fn join(config: &Config, database: &Database, parts: &Parts) -> anyhow::Result<()> {
    let Some(ClusterParts { node, bus, directory, .. }) = &parts.cluster else { return Ok(()) };
    let (Some(settings), Some(found)) = (config.cluster(), database.cluster()) else { return Ok(()) };
    let observer = NodeEvents {
        id: settings.node_id.clone(),
        node: node.clone(),
        directory: directory.clone(),
        fanout: parts.delivery.fanout.clone(),
        writer: parts.storage.writer.clone(),
        rate_limits: parts.rate_limits.clone(),
        offline_users: Arc::default(),
        runtime: Handle::current(),
    };
    let sink = ConnectionSink::new(node.clone(), parts.delivery.fanout.clone(), parts.room_presence.clone(), observer);
    let next_offset = parts.storage.startup.position.unsigned_abs() + 1;
    let cluster_config = node_config(&settings, found, config.presence.grace, next_offset)?;
    let log = LogReader::new(parts.storage.readers.clone());
    let started = ClusterNode::start(cluster_config, log, Arc::new(sink)).await.map_err(|error| anyhow!("REDIS_URL: {error}"))?;
    let others = started.others();
    if let Some(other) = NodeTag::holder(&settings.node_id, others.iter().map(|other| other.id.as_str())) {
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
        redis: RedisUrl::parse(&settings.redis_url.0)?,
        ca: super::read_redis_ca(settings.redis_ca.as_deref())?,
        prefix: ClusterPrefix::parse(&settings.redis_prefix)?,
        id: NodeId::parse(&settings.node_id)?,
        address: NodeAddress::parse(&settings.node_url)?,
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

/// What this server does when the nodes change.
struct NodeEvents {
    id: String,
    node: Arc<NodeHandle>,
    directory: Arc<NodeDirectory>,
    fanout: Arc<Fanout>,
    writer: Writer,
    rate_limits: Arc<RateLimits>,
    /// The users who have gone offline just now.
    offline_users: Arc<Mutex<BTreeSet<UserId>>>,
    runtime: Handle,
}

impl NodeObserver for NodeEvents {
    fn nodes_changed(&self, event: MembershipEvent) {
        match event {
            MembershipEvent::NodeUp(node) => {
                tracing::info!(node = %node.id, address = node.address.as_str(), "a node has joined");
                self.directory.add(&node);
            }
            MembershipEvent::NodeRestarted(node) => {
                tracing::info!(node = %node.id, address = node.address.as_str(), "a node was restarted");
                self.directory.add(&node);
            }
            MembershipEvent::NodeDown(node) => {
                self.directory.remove(&node);
                self.node_down(node);
            }
            MembershipEvent::LeaseLost { pause, .. } => {
                tracing::error!(
                    ?pause,
                    "this server was paused for longer than its lease; it ends its connections, whose clients reconnect"
                );
                self.node.lease_lost();
                // A reply may call the node, whose lock is held here.
                let waiting = self.writer.take_waiting();
                self.runtime.spawn(async move { waiting.reject("this server was paused for longer than its lease") });
                self.fanout.wake_shards();
            }
            MembershipEvent::Rejoined { .. } => tracing::info!("this server has a lease again"),
            MembershipEvent::Replaced { .. } => {
                tracing::error!(node = self.id, "another process has the NODE_ID of this one; this process ends");
                std::process::exit(EXIT_FENCED);
            }
            MembershipEvent::RedisAway => tracing::error!("Redis cannot be reached; events of other nodes are read from the database"),
            MembershipEvent::RedisBack => tracing::info!("Redis can be reached again"),
        }
    }

    fn went_offline(&self, user: &UserId) {
        let mut users = locked(&self.offline_users);
        users.insert(user.clone());
        if users.len() == 1 {
            self.remove_offline_users_from_calls();
        }
    }

    fn log_went_back(&self, fault: LogWentBack) {
        let LogWentBack { head, delivered } = fault;
        tracing::error!(
            head,
            delivered,
            "the database has lost events that clients have received; all servers start again with a new epoch"
        );
        let writer = self.writer.clone();
        self.runtime.spawn(async move {
            if let Some(Err(error)) = writer.run_as_server(ReplaceEpoch { name: new_epoch() }).await {
                tracing::error!(%error, "failed to begin a new epoch");
            }
            std::process::exit(EXIT_FENCED);
        });
    }

    fn charged(&self, charges: Vec<Usage>) {
        for (budget, amount) in charges {
            self.rate_limits.spent_elsewhere(&budget, amount);
        }
    }
}

impl NodeEvents {
    /// Ends the sessions of a node that is down.
    fn node_down(&self, down: NodeInfo) {
        tracing::warn!(node = %down.id, "a node is down");
        let end = EndNodeSessions { node: down.id.to_string() };
        // A node that has started again has ended its earlier sessions itself.
        let is_down = move |node: &ClusterNode| node.others().iter().all(|other| other.id != down.id);
        let first = self.first_node();
        self.runtime.spawn(async move { first.run(end, is_down, "failed to end the sessions of a node that is down").await });
    }

    /// Removes the users who go offline within a moment from their calls: the node with their connections may have died, and with it what it knew about
    /// calls.
    fn remove_offline_users_from_calls(&self) {
        let (offline, first) = (self.offline_users.clone(), self.first_node());
        self.runtime.spawn(async move {
            tokio::time::sleep(COLLECT_INTERVAL).await;
            let mut users = std::mem::take(&mut *locked(&offline));
            users.retain(|user| first.node.connection_of(user).is_none());
            first.run(LeaveOpenCalls { users }, |_| true, "failed to remove users from calls").await;
        });
    }

    fn first_node(&self) -> FirstNode {
        FirstNode { node: self.node.clone(), writer: self.writer.clone() }
    }
}

/// Runs commands that concern all nodes on the one with the smallest id.
struct FirstNode {
    node: Arc<NodeHandle>,
    writer: Writer,
}

impl FirstNode {
    /// Runs a command if this node is the first, and repeats it while the database fails and `is_needed`. `failed` is for the log.
    async fn run(&self, command: impl Command<Output = ()>, is_needed: impl Fn(&ClusterNode) -> bool, failed: &'static str) {
        let is_first = |node: &ClusterNode| node.others().iter().all(|other| other.id > node.own().id);
        let is_ours = || self.node.get().is_some_and(|node| is_first(node) && is_needed(node));
        while is_ours()
            && let Some(Err(error)) = self.writer.run_as_server(command.clone()).await
        {
            tracing::warn!(%error, "{failed}; the server will retry");
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The epoch of the event log for a server that starts: the one that all nodes have, or a new one for a server that is alone.
pub(super) fn epoch(database: &Database) -> String {
    database.cluster().map_or_else(new_epoch, |cluster| cluster.epoch.clone())
}
