//! The parts that REST, the live connections and the background tasks share, built in the order of their dependencies.

use std::sync::Arc;

use domain::ports::Bus;
use store::{Database, Readers};

use super::in_process_bus::InProcessBus;
use super::storage::Storage;
use crate::admission::Admission;
use crate::auth::{Authenticator, Keys};
use crate::backend_api::{BackendApi, BackendService};
use crate::bytes_in_memory::BytesInHand;
use crate::clock;
use crate::config::Config;
use crate::contracts::ContractRegistry;
use crate::health::HealthChecks;
use crate::listener::Proxies;
use crate::memory_guard;
use crate::metrics::Metrics;
use crate::presence::{OnlineUsers, PresenceHistory, RoomPresence};
use crate::rate_limit::RateLimits;
use crate::realtime::{CommitPublisher, Delivery, Fanout, PresenceAudience, ShardQuery, UnackedDeliveries};
use crate::rest::AppDeps;

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
        let contracts = ContractRegistry::new(config);
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
            admission: Arc::new(Admission::default()),
            shard_query,
            unacked_deliveries,
            memory_limit,
            bytes_in_hand,
            metrics: Arc::new(metrics),
        })
    }

    /// The dependencies of the REST paths.
    pub fn rest(&self, config: &Config) -> AppDeps {
        let Storage { writer, readers, .. } = &self.storage;
        AppDeps {
            writer: writer.clone(),
            backend: self.backend_api.clone(),
            readers: readers.clone(),
            authenticator: self.authenticator.clone(),
            limits: self.rate_limits.clone(),
            clock: clock::now,
            shard_query: self.shard_query.clone(),
            health: Arc::new(HealthChecks::new(self.shard_query.clone(), writer.clone(), self.admission.clone())),
            metrics: self.metrics.clone(),
            metrics_access: config.ops.metrics,
            fanout: self.delivery.fanout.clone(),
            bus: self.delivery.bus.clone(),
            max_body: config.realtime.max_payload.0,
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
