//! The parts that REST, the live connections and the background tasks share, built in the order of their dependencies.

use std::sync::Arc;

use api::backend_service::BackendService;
use api::health::HealthChecks;
use api::metrics::Metrics;
use api::{ApiDeps, LiveStatus};
use auth::{Authenticator, Keys};
use config::Config;
use contracts::backend_api::BackendApi;
use contracts::{ContractOptions, ContractRegistry};
use domain::ports::Bus;
use limits::admission::Admission;
use limits::bytes_in_memory::BytesInHand;
use limits::memory_guard;
use limits::rate_limit::RateLimits;
use listener::Proxies;
use realtime::presence::{OnlineUsers, PresenceHistory, RoomPresence};
use realtime::{CommitPublisher, Delivery, Fanout, PresenceAudience, ShardQuery, UnackedDeliveries};
use rest_toolkit::state::RestDeps;
use store::{Database, Readers};

use super::in_process_bus::InProcessBus;
use super::storage::Storage;
use crate::clock;

/// The parts that REST, the live connections and the background tasks share.
pub(super) struct Parts {
    pub contracts: ContractRegistry,
    pub online_users: Arc<OnlineUsers>,
    pub room_presence: Arc<RoomPresence>,
    pub delivery: Delivery,
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
        let epoch = super::storage::new_epoch();
        let contracts = ContractRegistry::new(ContractOptions { close_on_forbidden: config.realtime.ws_close_on_forbidden });
        let online_users = Arc::new(OnlineUsers::default());
        let room_presence = Arc::new(RoomPresence::new(contracts.kinds_without_entries()));
        let audience = PresenceAudience {
            users: online_users.clone(),
            room_presence: room_presence.clone(),
            everyone_up_to: config.presence.everyone_up_to.limit(),
        };
        let delivery = start_delivery(config, &contracts, readers.0.clone(), &epoch, audience);
        let rate_limits = Arc::new(RateLimits::new(config.limits.rate_limits));
        let publisher = CommitPublisher::new(delivery.bus.clone(), delivery.fanout.clone(), rate_limits.clone());
        let storage = Storage::start(config, database, readers, publisher, epoch)?;

        let writer = storage.writer.clone();
        let backend_api: Arc<dyn BackendApi> = Arc::new(BackendService::new(writer.clone(), delivery.bus.clone(), online_users.clone()));
        let (shard_query, unacked_deliveries) = (Arc::new(ShardQuery::default()), Arc::new(UnackedDeliveries::default()));
        let memory_limit = memory_guard::limit(config.ops.memory_limit);
        let bytes_in_hand = Arc::new(BytesInHand::new(memory_guard::shares(config, memory_limit)));
        let fanout = delivery.fanout.clone();
        let admission = Arc::new(Admission::default());
        let health = Arc::new(HealthChecks::new(shard_query.clone(), writer.clone(), admission.clone()));
        let metrics = Metrics::new(shard_query.clone(), writer, fanout, unacked_deliveries.clone(), bytes_in_hand.clone());
        Ok(Self {
            contracts,
            online_users,
            room_presence,
            delivery,
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
        }
    }
}

/// The bus, and the fan-out that it delivers to.
fn start_delivery(config: &Config, contracts: &ContractRegistry, readers: Readers, epoch: &str, audience: PresenceAudience) -> Delivery {
    let silence = config.realtime.ping_interval + config.realtime.ping_timeout;
    let history = PresenceHistory::new(config.recovery.recovery_window, silence);
    let fanout = Arc::new(Fanout::new(contracts.clone(), config.presence.audience, readers, clock::now, epoch, history, audience));
    let receiver = fanout.clone();
    let bus: Arc<dyn Bus> = Arc::new(InProcessBus::new(move |message| receiver.deliver(message)));
    Delivery { bus, fanout }
}
