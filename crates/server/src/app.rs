//! The whole server: store, bus, live connections and REST. Only this module knows all of them.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use bus::InProcessBus;
use domain::calls::EndStaleCalls;
use domain::command::{Actor, Command, MembershipLimits};
use domain::error::DomainError;
use domain::id_generator::IdGenerator;
use domain::idempotency::PurgeStoredResponses;
use domain::ports::Bus;
use domain::quotas::QuotaBounds;
use domain::sessions::{BeginEpoch, PurgeOldEvents, PurgeOldSessions, ReadEventLog, SaveAckedOffset, StartupState};
use domain::users::PurgeUnseenUsers;
use engine::http::Allowance;
use engine::{Config as EngineConfig, Endpoint, Engine, Format, Handle, Protocol, Recovery};
use http::{Request, Response};
use hyper::body::Incoming;
use store::{Database, Options, Readers, Writer};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::admission::Admission;
use crate::audit;
use crate::auth::{Authenticator, Keys};
use crate::backend_api::{BackendApi, BackendService};
use crate::bytes_in_memory::{ByteAccount, BytesInHand, ConnectionEnd, End};
use crate::clock;
use crate::config::value::SettingValue;
use crate::config::{Audience, Config, Limit, LimitsConfig, SocketParser, TokenEnd};
use crate::contracts::ContractRegistry;
use crate::contracts::timestamps::Milliseconds;
use crate::health::Health;
use crate::listener::{AcceptRejection, Handler, Peer, Proxies, router};
use crate::logging;
use crate::memory_guard;
use crate::metrics::Metrics;
use crate::presence::{CallParticipants, OnlineUsers, PresenceHistory, RoomPresence, Typing};
use crate::rate_limit::RateLimits;
use crate::realtime::{
    CommitPublisher, Fanout, HandshakeCheck, MIN_RETURN_WINDOW, PendingSessionEnds, PresenceAudience, RealtimeApp, RealtimeState,
    SessionLocations, ShardQuery, StartupPresence, UnackedDeliveries, expire_disconnected_users,
};
use crate::removals::continue_removals;
use crate::rest::{self, AppDeps};

/// The number of threads that run queries.
const READER_THREADS: usize = 2;

/// How long a purge waits when it has found nothing to delete.
const PURGE_INTERVAL: Duration = Duration::from_secs(10);

/// For how many seconds events stay in the database after their entries in memory have expired.
const PURGE_DELAY_SECONDS: i64 = 10;

/// How often the offset is stored that all clients have confirmed.
const ACK_SAVE_INTERVAL: Duration = Duration::from_secs(5);

/// The interval of the rounds in which a draining server closes connections.
const DRAIN_STEP: Duration = Duration::from_millis(50);

/// How long clients may take after the drain for their last answers, over sockets and HTTP.
const DRAIN_GRACE: Duration = Duration::from_secs(2);

/// The running server, without its listener.
pub struct App {
    engine: Option<Engine<RealtimeApp>>,
    admission: Arc<Admission>,
    backend_api: Arc<dyn BackendApi>,
    router: Router,
    metrics: Arc<Metrics>,
    in_hand: Arc<BytesInHand>,
    proxies: Proxies,
    writer: Writer,
    readers: Readers,
    threads: Vec<JoinHandle<()>>,
}

/// Opens the configured database for this process alone.
///
/// Errors: one line; it names the other process if one has the database open.
pub fn open_database(config: &Config) -> anyhow::Result<Database> {
    let uname = rustix::system::uname();
    let host = uname.nodename().to_string_lossy();
    let holder = format!("process {} on {host} since {}", std::process::id(), Milliseconds(clock::now()));
    Ok(Database::open(Options {
        holder,
        bounds: bounds(&config.limits),
        quotas: quotas(&config.limits),
        ..Options::new(config.storage.database_url.show())
    })?)
}

/// How much each user may have stored, and how many users each may add. `RATE_LIMITS=off` lifts these bounds, too.
pub fn quotas(limits: &LimitsConfig) -> QuotaBounds {
    if !limits.rate_limits {
        return QuotaBounds::default();
    }
    QuotaBounds {
        objects_per_day: limits.max_objects_per_user_per_day.limit().map(u64::from),
        bytes_per_day: Some(limits.max_bytes_per_user_per_day.0 as u64),
        additions_per_hour: limits.max_additions_per_hour.limit().map(u64::from),
    }
}

impl App {
    /// Starts everything on a database of [`open_database`]. Runs in a tokio runtime.
    ///
    /// Errors: one line with the reason why the server cannot start.
    pub fn start(config: &Config, keys: &Keys, database: &Database) -> anyhow::Result<Self> {
        let (readers, mut threads) = Readers::start(database, READER_THREADS)?;
        let contracts = ContractRegistry::new(config);
        let epoch = format!("{:010x}", random() >> 24);
        let silence = config.realtime.ping_interval + config.realtime.ping_timeout;
        let told = PresenceHistory::new(config.recovery.recovery_window, silence);
        let users = Arc::new(OnlineUsers::default());
        let room_presence = Arc::new(RoomPresence::default());
        let limits = Arc::new(RateLimits::new(config.limits.rate_limits));
        let everyone_up_to = config.presence.everyone_up_to.limit();
        let who = PresenceAudience { users: users.clone(), room_presence: room_presence.clone(), everyone_up_to };
        let fanout = Arc::new(Fanout::new(contracts.clone(), config.presence.audience, readers.clone(), clock::now, &epoch, told, who));
        let told = fanout.clone();
        let bus: Arc<dyn Bus> = Arc::new(InProcessBus::new(move |notice| told.deliver(notice)));
        let ids = IdGenerator::new(random);
        let (writer, thread) = Writer::start(database, clock::now, ids, CommitPublisher::new(bus.clone(), fanout.clone(), limits.clone()))?;
        threads.push(thread);
        let told_by = retention(config) + config.presence.grace.max(MIN_RETURN_WINDOW);
        let (kept_for, remembered) = (retention(config).as_secs() as i64, told_by.as_secs() as i64);
        let begun = run_now(&writer, BeginEpoch { name: epoch.clone(), window: kept_for, disconnected_seconds: remembered })?;
        let authenticator = Arc::new(Authenticator::new(keys, config));
        let proxies = Proxies::new(&config.server.trusted_proxies);
        let backend: Arc<dyn BackendApi> = Arc::new(BackendService::new(writer.clone(), bus.clone(), users.clone()));
        let shard_query = Arc::new(ShardQuery::default());
        let admission = Arc::new(Admission::default());
        let losses = Arc::new(UnackedDeliveries::default());
        let limit = memory_guard::limit(config.ops.memory_limit);
        let in_hand = Arc::new(BytesInHand::new(memory_guard::shares(config, limit)));
        let metrics = Arc::new(Metrics::new(shard_query.clone(), writer.clone(), fanout.clone(), losses.clone(), in_hand.clone()));
        let rest = AppDeps {
            writer: writer.clone(),
            backend: backend.clone(),
            readers: readers.clone(),
            authenticator: authenticator.clone(),
            limits: limits.clone(),
            clock: clock::now,
            shard_query: shard_query.clone(),
            health: Arc::new(Health::new(shard_query.clone(), writer.clone(), admission.clone())),
            metrics: metrics.clone(),
            metrics_access: config.ops.metrics,
            fanout: fanout.clone(),
            bus: bus.clone(),
            max_body: config.realtime.max_payload.0,
        };
        let engine = if config.server.websocket_enabled {
            let shared = Arc::new(RealtimeState {
                contracts,
                authenticator: authenticator.clone(),
                writer: writer.clone(),
                readers: readers.clone(),
                online_users: users,
                room_presence,
                typing: Typing::default(),
                call_participants: CallParticipants::default(),
                rate_limits: limits.clone(),
                max_socketio_connections: config.limits.socketio_max_connections_per_user.limit(),
                max_raw_connections: config.limits.max_connections_per_user.limit(),
                room_limit: config.limits.max_rooms_per_connection,
                closes_at_token_expiry: config.auth.token_end == TokenEnd::Close,
                session_locations: SessionLocations::default(),
                pending_session_ends: PendingSessionEnds::default(),
                unacked_deliveries: losses.clone(),
                recovery_window: config.recovery.recovery_window,
                presence_grace: config.presence.grace,
                startup_presence: StartupPresence::new(&begun, silence, config.presence.grace, |change| fanout.presence_message(change)),
                broadcasts_presence: config.presence.audience != Audience::None,
                presence_is_public: config.presence.audience == Audience::Everyone,
                clock: clock::now,
                bus,
                fanout: fanout.clone(),
                bytes_in_hand: in_hand.clone(),
            });
            let settings = engine_config(config, &shared.contracts, &authenticator, recovery(config, epoch, &begun, &fanout));
            let most = config.limits.max_connections.limit();
            let expected = shared.expect_users(&begun.disconnected_users);
            let gate = HandshakeCheck::new(authenticator, limits, shard_query.clone(), admission.clone(), proxies.clone(), most);
            let engine = Engine::start(
                settings,
                move |request, peer| gate.admit(request, peer),
                move |_, handle| RealtimeApp::new(shared.clone(), handle),
            )?;
            fanout.connect(engine.handle());
            restore_history(&readers, &fanout, begun.floor)?;
            engine.handle().send(0, Box::new(move |live, shard| live.expect_reconnects(shard, expected)));
            shard_query.connect(engine.handle());
            tokio::spawn(save_acked_offset(writer.clone(), shard_query.clone(), fanout.clone()));
            Some(engine)
        } else {
            // Without the engine, no user can reconnect.
            expire_disconnected_users(&writer, begun.started);
            None
        };
        // No user of a call is connected after a start. The calls end before users can connect.
        writer.run(Actor::server(), EndStaleCalls, |ended| {
            if let Err(error) = ended {
                tracing::error!(%error, "the calls of before the start could not be ended");
            }
        });
        tokio::spawn(logging::report_dropped());
        // Continues removals that the last stop interrupted.
        tokio::spawn(continue_removals(writer.clone()));
        tokio::spawn(purge(writer.clone(), "answers", PurgeStoredResponses));
        tokio::spawn(purge(writer.clone(), "users who never signed in", PurgeUnseenUsers));
        tokio::spawn(purge(writer.clone(), "connections", PurgeOldSessions { window: remembered }));
        tokio::spawn(purge(writer.clone(), "events", PurgeOldEvents { window: kept_for + PURGE_DELAY_SECONDS }));
        tokio::spawn(purge_evicted(writer.clone(), fanout.clone()));
        if let Some(limit) = limit {
            tokio::spawn(memory_guard::watch(limit, admission.clone(), in_hand.clone()));
        }
        Ok(Self {
            engine,
            admission,
            backend_api: backend,
            router: rest::router(rest),
            metrics,
            in_hand,
            proxies,
            writer,
            readers,
            threads,
        })
    }

    /// The request handler: the engine on its paths, REST on all others.
    pub fn handler(&self) -> impl Handler + use<> {
        let engine = self.engine.as_ref().map(Engine::handle);
        Dispatcher {
            engine,
            rest: router(self.router.clone()),
            metrics: self.metrics.clone(),
            in_hand: self.in_hand.clone(),
            proxies: self.proxies.clone(),
        }
    }

    /// The functions for a backend in the same program.
    pub fn backend(&self) -> Arc<dyn BackendApi> {
        self.backend_api.clone()
    }

    /// Admits no more connections, and closes the open ones evenly over this time, each after its pending answers; slow clients have a
    /// little more time. HTTP requests are still answered. Returns the time at which everything must have ended, also HTTP.
    pub async fn drain(&self, over: Duration) -> Instant {
        self.admission.stop(over);
        let (begun, step) = (Instant::now(), DRAIN_STEP.as_secs_f64());
        let latest = begun + over + DRAIN_GRACE;
        let Some(engine) = self.engine.as_ref().map(Engine::handle) else { return latest };
        loop {
            // Connections that are due during this round are closed at its begin.
            let spent = begun.elapsed();
            let left = 1.0 - (spent.as_secs_f64() + step) / over.as_secs_f64().max(step);
            if engine.close_fraction(left.max(0.0)).await == 0 || Instant::now() > latest {
                return latest;
            }
            tokio::time::sleep(DRAIN_STEP).await;
        }
    }

    /// Ends the live connections, which answers pending polls.
    pub fn close_connections(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.stop();
        }
    }

    /// Completes the queued work and closes the database.
    pub fn close(mut self) {
        self.close_connections();
        self.writer.close();
        self.readers.close();
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

/// The engine on its paths, REST on all others.
#[derive(Clone)]
struct Dispatcher<R> {
    engine: Option<Handle<RealtimeApp>>,
    rest: R,
    metrics: Arc<Metrics>,
    in_hand: Arc<BytesInHand>,
    proxies: Proxies,
}

impl<R: Handler> Handler for Dispatcher<R> {
    async fn handle(&self, mut request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let address = self.proxies.sender(peer.address, request.headers());
        let end = request.extensions_mut().remove().map_or_else(|| Arc::new(|| {}) as End, |ConnectionEnd(end)| end);
        let account = ByteAccount::new(Arc::clone(&self.in_hand), address.ip(), end);
        match self.engine.as_ref().filter(|engine| engine.serves(request.uri().path())) {
            Some(engine) => {
                let counted = account.clone();
                request.extensions_mut().insert(Allowance(Arc::new(move || Box::new(counted.holder()))));
                // The engine's gate finds the client's address itself, as it does without this handler.
                let answer = engine.serve(request, peer.address).await.map(Body::new);
                // Messages of a session must not be lost silently.
                account.count_or_end(answer)
            }
            None => {
                request.extensions_mut().insert(account.clone());
                let reads = request.method().is_safe();
                let answer = self.rest.handle(request, Peer { address, ..peer }).await;
                // The answer to a change that was made must not ask the client to try again.
                if reads || !answer.status().is_success() { account.count(answer) } else { account.count_or_end(answer) }
            }
        }
    }

    async fn take(&self, stream: TcpStream, peer: Peer) -> Option<TcpStream> {
        match &self.engine {
            Some(engine) => engine.take(stream, peer.address).await,
            None => Some(stream),
        }
    }

    fn is_health_check(&self, path: &str) -> bool {
        rest::is_health_check(path)
    }

    fn connection_rejected(&self, reason: AcceptRejection, peer: Peer) {
        self.metrics.http_refused(reason.code());
        audit::rejected(None, peer.address, "http", reason.code());
    }
}

/// Purges old entries for as long as the server runs: a part at a time, so that other commands do not wait long.
async fn purge(writer: Writer, what: &'static str, command: impl Command<Output = bool> + Clone) {
    loop {
        match ask(&writer, command.clone()).await {
            Some(Ok(true)) => {}
            Some(Ok(false)) => tokio::time::sleep(PURGE_INTERVAL).await,
            Some(Err(error)) => {
                tracing::warn!(%error, "old {what} could not be forgotten");
                tokio::time::sleep(PURGE_INTERVAL).await;
            }
            None => return,
        }
    }
}

/// Stores the offset that all clients have confirmed, for as long as the server runs, so that a start after a kill does not replay these
/// events.
async fn save_acked_offset(writer: Writer, shard_query: Arc<ShardQuery>, fanout: Arc<Fanout>) {
    let mut last = 0;
    loop {
        tokio::time::sleep(ACK_SAVE_INTERVAL).await;
        fanout.expire_old();
        let Some(confirmed) = shard_query.acked_by_all().await else { continue };
        let offset = confirmed as i64;
        if offset <= last {
            continue;
        }
        match ask(&writer, SaveAckedOffset { offset }).await {
            Some(Ok(())) => last = offset,
            Some(Err(error)) => tracing::warn!(%error, "what everybody has heard could not be written down"),
            None => return,
        }
    }
}

/// Runs a command as the server. `None` if the writer has ended.
async fn ask<C: Command>(writer: &Writer, command: C) -> Option<Result<C::Output, DomainError>> {
    let (reply, answer) = oneshot::channel();
    writer.run(Actor::server(), command, move |result| drop(reply.send(result)));
    answer.await.ok()
}

/// Runs a command as the server and waits for its answer.
fn run_now<C: Command>(writer: &Writer, command: C) -> anyhow::Result<C::Output> {
    let (reply, answer) = mpsc::channel();
    writer.run(Actor::server(), command, move |result| drop(reply.send(result)));
    Ok(answer.recv()??)
}

/// Deletes evicted events, for as long as the server runs; see `JOURNAL_KEEP`.
async fn purge_evicted(writer: Writer, fanout: Arc<Fanout>) {
    loop {
        let Some(evicted) = fanout.take_evicted() else {
            tokio::time::sleep(PURGE_INTERVAL).await;
            continue;
        };
        loop {
            match ask(&writer, evicted.clone()).await {
                Some(Ok(())) => break,
                Some(Err(error)) => {
                    tracing::warn!(%error, "evicted events could not be deleted");
                    tokio::time::sleep(PURGE_INTERVAL).await;
                }
                None => return,
            }
        }
    }
}

/// Reads the events from before the start, for clients that have missed them. Memory keeps an entry for each event, and the content of the newest.
fn restore_history(readers: &Readers, fanout: &Fanout, floor: i64) -> anyhow::Result<()> {
    let mut after = floor;
    loop {
        let (reply, answer) = mpsc::channel();
        readers.ask(Actor::server(), ReadEventLog { after }, move |stretch| drop(reply.send(stretch)));
        let stretch = answer.recv()??;
        let Some(end) = stretch.end else { return Ok(()) };
        if let Some(offset) = stretch.unreadable {
            tracing::warn!(offset, "an event from before the start cannot be read; clients that missed it must reload their data");
        }
        after = end;
        fanout.restore(stretch);
    }
}

/// How long events are kept. A client that was disconnected for the whole window may have received nothing before it, for as long as a
/// silent connection stays open.
fn retention(config: &Config) -> Duration {
    let realtime = &config.realtime;
    config.recovery.recovery_window + realtime.ping_interval.max(realtime.ws_heartbeat_interval) + realtime.ping_timeout
}

/// The engine's settings for keeping events for disconnected clients. `begun` is the state found at the start.
fn recovery(config: &Config, epoch: String, begun: &StartupState, fanout: &Fanout) -> Recovery {
    let stored = fanout.stored();
    let decoder = stored.decoder();
    Recovery {
        epoch,
        position: begun.position as u64,
        floor: begun.floor as u64,
        holes: begun.gaps.iter().map(|(room, until)| (room.as_str().into(), *until as u64)).collect(),
        keep: config.recovery.journal_keep as usize,
        window: retention(config),
        bytes: config.recovery.journal_memory.0,
        decoder: Some(decoder),
        archive: Some(Arc::new(stored)),
    }
}

/// The bounds on the members of a space and the spaces of a user.
pub fn bounds(limits: &LimitsConfig) -> MembershipLimits {
    let most = |cap: Limit| cap.limit().unwrap_or(u32::MAX);
    MembershipLimits { members_per_space: most(limits.max_members_per_space), spaces_per_user: most(limits.max_spaces_per_user) }
}

fn engine_config(config: &Config, contracts: &ContractRegistry, authenticator: &Authenticator, recovery: Recovery) -> EngineConfig {
    let realtime = &config.realtime;
    let endpoint = |path: &str, protocol, ping_interval| Endpoint { path: path.into(), protocol, ping_interval };
    let defaults = EngineConfig::default();
    EngineConfig {
        shards: if realtime.shards == 0 { defaults.shards } else { realtime.shards.into() },
        endpoints: vec![
            endpoint("/socket.io", Protocol::SocketIo, realtime.ping_interval),
            endpoint("/api/v1/ws/connect", Protocol::Raw, realtime.ws_heartbeat_interval),
        ],
        namespaces: contracts.namespaces(),
        parser: match realtime.socket_parser {
            SocketParser::Json => Format::Json,
            SocketParser::Msgpack => Format::MsgPack,
        },
        ping_timeout: realtime.ping_timeout,
        connect_timeout: realtime.connect_timeout,
        max_payload: realtime.max_payload.0,
        allow_eio3: realtime.allow_eio3,
        deflate: realtime.ws_compression,
        outbox_limit: realtime.outbox_limit.0,
        cors: Some(rest::cors::cors_policy(authenticator.origins().clone())),
        recovery: Some(recovery),
        ..defaults
    }
}

/// Sixty-four bits from the operating system: invite codes are as hard to guess as these.
fn random() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    u64::from_ne_bytes(bytes)
}
