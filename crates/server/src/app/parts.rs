//! The parts that REST, the live connections and the background tasks share, built in the order of their dependencies.

use std::sync::Arc;

use api::backend_service::BackendService;
use api::health::HealthChecks;
use api::metrics::{ClusterSources, Metrics};
use api::{ApiDeps, LiveStatus};
use auth::{Authenticator, Keys};
use axum::Router;
use config::{Config, KeyChoice};
use console::{Console, ConsoleDeps, StartPage};
use contracts::backend_api::BackendApi;
use contracts::{ContractOptions, ContractRegistry};
use domain::ports::Bus;
use limits::admission::Admission;
use limits::bytes_in_memory::BytesInHand;
use limits::memory_guard;
use limits::rate_limit::RateLimits;
use listener::Proxies;
use realtime::nodes::{ClusterPublisher, NodeHandle};
use realtime::presence::{OnlineUsers, PresenceHistory, RoomPresence};
use realtime::{CommitPublisher, Delivery, Fanout, PresenceAudience, ShardQuery, UnackedDeliveries};
use rest_toolkit::state::RestDeps;
use store::{Database, Readers};

use super::cluster_parts::ClusterParts;
use super::in_process_bus::InProcessBus;
use super::storage::Storage;
use crate::clock;
use crate::codegen::reference::error_meaning;

/// The parts that REST, the live connections and the background tasks share.
pub(super) struct Parts {
    pub contracts: ContractRegistry,
    pub online_users: Arc<OnlineUsers>,
    pub room_presence: Arc<RoomPresence>,
    pub delivery: Delivery,
    /// This server as one of several nodes; `None` if it is the only one.
    pub cluster: Option<ClusterParts>,
    pub storage: Storage,
    pub backend_api: Arc<dyn BackendApi>,
    pub authenticator: Arc<Authenticator>,
    pub rate_limits: Arc<RateLimits>,
    pub proxies: Proxies,
    pub admission: Arc<Admission>,
    pub health: Arc<HealthChecks>,
    pub shard_query: Arc<ShardQuery>,
    pub unacked_deliveries: Arc<UnackedDeliveries>,
    /// How many bytes of memory the server may use; `None`: no limit.
    pub memory_limit: Option<u64>,
    pub bytes_in_hand: Arc<BytesInHand>,
    pub metrics: Arc<Metrics>,
}

impl Parts {
    /// Starts the threads of the database, and builds everything around them.
    pub fn start(config: &Config, keys: &Keys, database: &Database) -> anyhow::Result<Self> {
        let readers = super::storage::start_readers(database)?;
        let epoch = super::storage::epoch(database);
        let contracts = ContractRegistry::new(ContractOptions { close_on_forbidden: config.realtime.ws_close_on_forbidden });
        let node = database.cluster().map(|_| Arc::new(NodeHandle::default()));
        let (online_users, room_presence) = presence(&contracts, node.as_ref());
        let audience = PresenceAudience {
            users: online_users.clone(),
            room_presence: room_presence.clone(),
            everyone_up_to: config.presence.everyone_up_to.limit(),
        };
        let fanout = start_fanout(config, &contracts, readers.0.clone(), &epoch, audience);
        let rate_limits = Arc::new(RateLimits::new(config.limits.rate_limits));
        let cluster = config.cluster().zip(node.clone()).map(|(settings, node)| ClusterParts::new(&settings, node, &fanout));
        if let Some(cluster) = &cluster {
            rate_limits.share_with(cluster.node.clone());
        }
        let bus = bus(cluster.as_ref(), &fanout);
        let delivery = Delivery { bus: bus.clone(), fanout: fanout.clone() };
        let storage = match &cluster {
            Some(ClusterParts { node, .. }) => {
                let publisher = ClusterPublisher::new(node.clone(), fanout.clone(), rate_limits.clone());
                Storage::start(config, database, readers, publisher, epoch)?
            }
            None => Storage::start(config, database, readers, CommitPublisher::new(bus, fanout.clone(), rate_limits.clone()), epoch)?,
        };

        let writer = storage.writer.clone();
        let backend_api: Arc<dyn BackendApi> = Arc::new(BackendService::new(writer.clone(), delivery.bus.clone(), online_users.clone()));
        let (shard_query, unacked_deliveries) = (Arc::new(ShardQuery::default()), Arc::new(UnackedDeliveries::default()));
        let memory_limit = memory_guard::limit(config.ops.memory_limit);
        let bytes_in_hand = Arc::new(BytesInHand::new(memory_guard::shares(config, memory_limit)));
        let admission = Arc::new(Admission::default());
        let health = Arc::new(HealthChecks::new(shard_query.clone(), writer.clone(), admission.clone()));
        let sources = cluster.as_ref().map(|cluster| ClusterSources { node: cluster.node.clone(), forwarder: cluster.forwarder.clone() });
        let metrics = Metrics::new(shard_query.clone(), writer, fanout, unacked_deliveries.clone(), bytes_in_hand.clone(), sources);
        Ok(Self {
            contracts,
            online_users,
            room_presence,
            delivery,
            cluster,
            storage,
            backend_api,
            authenticator: Arc::new(Authenticator::new(keys, config)),
            rate_limits,
            proxies: Proxies::new(&config.server.trusted_proxies),
            admission,
            health,
            shard_query,
            unacked_deliveries,
            memory_limit,
            bytes_in_hand,
            metrics: Arc::new(metrics),
        })
    }

    /// The console, unless `CONSOLE` is off.
    pub fn console(&self, config: &Config, keys: &Keys) -> Option<Arc<Console>> {
        let deps = || ConsoleDeps {
            authenticator: self.authenticator.clone(),
            limits: self.rate_limits.clone(),
            clock: clock::now,
            metrics: self.metrics.clone(),
            shard_query: self.shard_query.clone(),
            online_users: self.online_users.clone(),
            backend: self.backend_api.clone(),
            readers: self.storage.readers.clone(),
            meaning_of: error_meaning,
        };
        config.ops.console.then(|| Arc::new(Console::new(config, keys, deps())))
    }

    /// The pages for browsers.
    pub fn pages(&self, config: &Config, keys: &Keys, console: Option<Arc<Console>>) -> Router {
        let start_page = config.ops.start_page.then(|| StartPage::new(config, keys, self.backend_api.clone(), clock::now));
        console::router(console, start_page)
    }

    /// The dependencies of all REST paths.
    pub fn rest(&self, config: &Config) -> RestDeps {
        let Storage { writer, readers, .. } = &self.storage;
        RestDeps {
            writer: writer.clone(),
            readers: readers.clone(),
            authenticator: self.authenticator.clone(),
            clock: clock::now,
            limits: self.rate_limits.clone(),
            status: Arc::new(LiveStatus::new(self.shard_query.clone(), self.health.clone())),
            bus: self.delivery.bus.clone(),
            max_body: config.realtime.max_payload.0,
            is_node: self.cluster.is_some(),
        }
    }

    /// The dependencies of the REST paths that belong to no contract.
    pub fn api(&self, config: &Config) -> ApiDeps {
        ApiDeps {
            backend: self.backend_api.clone(),
            health: self.health.clone(),
            metrics: self.metrics.clone(),
            metrics_access: config.ops.metrics,
            fanout: self.delivery.fanout.clone(),
            shard_query: self.shard_query.clone(),
            recovery_window: config.recovery.recovery_window,
            is_dev_mode: matches!(config.key_choice(), Ok(KeyChoice::Dev)),
            node: self.cluster.as_ref().map(|cluster| cluster.node.clone()),
        }
    }
}

/// The users who are online and in rooms: those of this node, and of all nodes if there are several.
fn presence(contracts: &ContractRegistry, node: Option<&Arc<NodeHandle>>) -> (Arc<OnlineUsers>, Arc<RoomPresence>) {
    let room_presence = RoomPresence::new(contracts.kinds_without_entries());
    match node {
        Some(node) => (OnlineUsers::on_several_nodes(node.clone()).into(), room_presence.on_several_nodes().into()),
        None => (OnlineUsers::default().into(), room_presence.into()),
    }
}

fn start_fanout(config: &Config, contracts: &ContractRegistry, readers: Readers, epoch: &str, audience: PresenceAudience) -> Arc<Fanout> {
    let silence = config.realtime.ping_interval + config.realtime.ping_timeout;
    let history = PresenceHistory::new(config.recovery.recovery_window, silence);
    Arc::new(Fanout::new(contracts.clone(), config.presence.audience, readers, clock::now, epoch, history, audience))
}

/// The bus of this server, or of several nodes, which delivers to the fan-out.
fn bus(cluster: Option<&ClusterParts>, fanout: &Arc<Fanout>) -> Arc<dyn Bus> {
    match cluster {
        Some(cluster) => cluster.bus.clone(),
        None => {
            let receiver = fanout.clone();
            Arc::new(InProcessBus::new(move |message| receiver.deliver(message)))
        }
    }
}
