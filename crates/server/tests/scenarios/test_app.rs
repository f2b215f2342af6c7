//! The parts of the server without engine and listener. The clock is fixed, so no grace period ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::backend_service::BackendService;
use api::health::HealthChecks;
use api::metrics::Metrics;
use api::{ApiDeps, LiveStatus, router};
use auth::{Authenticator, Keys};
use axum::Router;
use config::Config;
use contracts::{ContractOptions, ContractRegistry};
use domain::command::{Actor, CommandContext};
use domain::error::DomainError;
use domain::event::PersistedEvent;
use domain::id_generator::IdGenerator;
use domain::ids::Timestamp;
use domain::ports::{Bus, BusMessage};
use jsonwebtoken::{EncodingKey, Header};
use limits::rate_limit::RateLimits;
use realtime::presence::{CallParticipants, OnlineUsers, PresenceHistory, RoomPresence};
use realtime::{
    ConnectionLimits, Delivery, Fanout, PresenceAudience, PresenceState, RealtimeState, SessionState, ShardQuery, StartupPresence,
    StoreHandles, TokenPolicy,
};
use rest_toolkit::state::RestDeps;
use roomcast::app::InProcessBus;
use serde_json::Value;
use store::{Database, Options, Readers, Writer};
use tokio::sync::oneshot;

/// 2025-11-13T12:00:00.123456Z
pub const NOW: Timestamp = Timestamp(1_763_035_200_123_456);
const SECRET: &str = "a secret that only the tests and this server know";

/// A server with a database of its own.
pub struct TestApp {
    pub router: Router,
    pub shared: Arc<RealtimeState>,
    notices: Arc<Mutex<Vec<BusMessage>>>,
}

impl TestApp {
    pub fn new(settings: &BTreeMap<String, String>) -> Self {
        let defaults = [("JWT_SECRET", SECRET), ("RATE_LIMITS", "off"), ("PRESENCE_AUDIENCE", "none")];
        let more = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let config = Config::of_pairs(defaults.into_iter().chain(more)).unwrap();

        let url = test_postgres::selected_database().unwrap_or_else(|| "sqlite::memory:".to_owned());
        let database = Database::open(Options::new(url)).unwrap();
        let notices = Arc::new(Mutex::new(Vec::new()));
        let published_notices = Arc::clone(&notices);
        let bus: Arc<dyn Bus> = Arc::new(InProcessBus::new(move |notice| published_notices.lock().unwrap().push(notice)));
        let published = Arc::clone(&bus);
        let mut random = 0_u64;
        let ids = IdGenerator::new(move || {
            random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
            random
        });
        let (writer, _) = Writer::start(
            &database,
            || NOW,
            ids,
            move |persisted: PersistedEvent| published.publish(BusMessage::Persisted(persisted.into())),
        )
        .unwrap();
        let (readers, _) = Readers::start(&database, 1).unwrap();
        let authenticator = Arc::new(Authenticator::new(&Keys::load(&config).unwrap(), &config));
        let limits = Arc::new(RateLimits::new(config.limits.rate_limits));
        let contracts = ContractRegistry::new(ContractOptions { close_on_forbidden: config.realtime.ws_close_on_forbidden });
        let (users, room_presence) = (Arc::new(OnlineUsers::default()), Arc::new(RoomPresence::new(contracts.kinds_without_entries())));
        let backend = Arc::new(BackendService::new(writer.clone(), Arc::clone(&bus), Arc::clone(&users)));
        let shard_query: Arc<ShardQuery> = Arc::default();
        let fanout = Arc::new(Fanout::new(
            contracts.clone(),
            config.presence.audience,
            readers.clone(),
            || NOW,
            "epoch",
            PresenceHistory::new(config.recovery.recovery_window, config.realtime.ping_timeout),
            PresenceAudience { users: Arc::clone(&users), room_presence: Arc::clone(&room_presence), everyone_up_to: None },
        ));
        let health = Arc::new(HealthChecks::new(shard_query.clone(), writer.clone(), Arc::default()));
        let api = ApiDeps {
            backend,
            health: Arc::clone(&health),
            metrics: Arc::new(Metrics::new(shard_query.clone(), writer.clone(), Arc::clone(&fanout), Arc::default(), Arc::default(), None)),
            metrics_access: config.ops.metrics,
            fanout: Arc::clone(&fanout),
            shard_query: Arc::clone(&shard_query),
            recovery_window: config.recovery.recovery_window,
            is_dev_mode: false,
            node: None,
        };
        let rest = RestDeps {
            writer: writer.clone(),
            readers: readers.clone(),
            authenticator: Arc::clone(&authenticator),
            clock: || NOW,
            limits: Arc::clone(&limits),
            status: Arc::new(LiveStatus::new(shard_query, health)),
            bus: Arc::clone(&bus),
            max_body: config.realtime.max_payload.0,
            is_node: false,
        };
        let shared = RealtimeState {
            contracts,
            tokens: TokenPolicy::new(&config, authenticator),
            store: StoreHandles { writer, readers },
            presence: PresenceState::new(&config, users, room_presence, CallParticipants::default(), StartupPresence::default()),
            limits: ConnectionLimits::new(&config, limits, Arc::default()),
            sessions: SessionState::new(Duration::from_secs(120), Arc::default()),
            delivery: Delivery { bus, fanout },
            node: None,
            clock: || NOW,
        };
        Self { router: router(rest, api, Router::new()), shared: Arc::new(shared), notices }
    }

    /// A token with these claims.
    pub fn token(claims: &Value) -> String {
        jsonwebtoken::encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
    }

    /// Runs some work in the writer's transaction.
    pub async fn decide<T: Send + 'static>(
        &self,
        actor: Actor,
        work: impl FnOnce(&mut CommandContext<'_>) -> Result<T, DomainError> + Clone + Send + 'static,
    ) -> Result<T, DomainError> {
        let (reply, decided) = oneshot::channel();
        self.shared.store.writer.submit(actor, work, move |result| drop(reply.send(result)));
        decided.await.unwrap()
    }

    /// The bus messages since the last call.
    pub async fn take_notices(&self) -> Vec<BusMessage> {
        // The writer responds to a command before it publishes the events. The next entry of its queue runs after both.
        let (reply, published) = oneshot::channel();
        self.shared.store.writer.submit_passthrough(move || reply.send(()).unwrap());
        published.await.unwrap();
        std::mem::take(&mut self.notices.lock().unwrap())
    }
}
