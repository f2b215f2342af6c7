//! The whole server without its listener: storage, bus, live connections and REST. Only this module knows all of them.
//!
//! - `parts`: the parts that the others share.
//! - `storage`: the database and its threads.
//! - `in_process_bus`: the bus of a single server.
//! - `cluster_parts`: the parts of one of several nodes; `cluster`: its start.
//! - `node_events`: what a node does when the others change; `lost_participants`: users in calls whose node has died.
//! - `live_engine`: the engine with the live connections.
//! - `removals`: removes users and spaces in steps.
//! - `background`: the tasks that run for as long as the server does.
//! - `dispatcher`: passes requests to the engine or to REST.

mod background;
mod cluster;
mod cluster_parts;
mod dispatcher;
mod in_process_bus;
mod live_engine;
mod lost_participants;
mod node_events;
mod parts;
mod removals;
mod storage;

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use api::metrics::MetricFamily;
use auth::Keys;
use axum::Router;
use config::{Config, SocketIoAdapter};
use console::Console;
use contracts::backend_api::BackendApi;
use domain::calls::EndStaleCalls;
use domain::command::Actor;
use engine::Engine;
use listener::{Handler, router};
use realtime::{RealtimeApp, expire_disconnected_users, socketio_cluster};
use socketio_adapter::{Adapter, Settings as AdapterSettings};
use store::Database;

use dispatcher::Dispatcher;
pub use in_process_bus::InProcessBus;
use parts::Parts;
use storage::Storage;
pub use storage::{bounds, open_database, quotas};

/// The interval of the rounds in which a draining server closes connections.
const DRAIN_STEP: Duration = Duration::from_millis(50);

/// How long clients may take after the drain for their last responses, over sockets and HTTP.
const DRAIN_GRACE: Duration = Duration::from_secs(2);

/// The running server, without its listener.
pub struct App {
    /// `None` if live connections are switched off, or have ended.
    engine: Option<Engine<RealtimeApp>>,
    parts: Parts,
    router: Router,
    /// `None` if the console is switched off.
    console: Option<Arc<Console>>,
    /// The connection to a cluster of socket.io servers, if this server is in one.
    adapter: Option<Adapter>,
}

impl App {
    /// Starts everything on a database of [`open_database`], and joins the other nodes if there are several. Runs in a tokio runtime.
    ///
    /// # Errors
    /// One line with the reason why the server cannot start.
    pub async fn start(config: &Config, keys: &Keys, database: &Database) -> anyhow::Result<Self> {
        let parts = Parts::start(config, keys, database)?;
        let engine = if config.server.websocket_enabled { Some(live_engine::start(config, &parts)?) } else { None };
        // After the events from before the start were loaded, and before the first command that has events.
        cluster::join(config, database, &parts).await?;
        if engine.is_none() {
            // Without the engine, no user can reconnect.
            expire_disconnected_users(&parts.storage.writer, parts.storage.startup.started);
        }
        if database.cluster().is_none_or(|cluster| cluster.is_first) {
            end_stale_calls(&parts.storage);
        }
        background::start(&parts);
        let console = parts.console(config, keys);
        if let Some(console) = &console {
            tokio::spawn(console.clone().sample_forever());
        }
        let router = api::router(parts.rest(config), parts.api(config), parts.pages(config, keys, console.clone()));
        Ok(Self { engine, router, console, parts, adapter: None })
    }

    /// Joins the cluster of socket.io servers, if the settings name one.
    ///
    /// # Errors
    /// One line with the reason why the server cannot join.
    pub async fn join_socketio_cluster(&mut self, config: &Config) -> anyhow::Result<()> {
        let (Some(engine), Some(settings)) = (&self.engine, adapter_settings(config)?) else { return Ok(()) };
        let joined = socketio_cluster::join(&settings, &engine.handle()).await;
        let (adapter, peers) = joined.map_err(|error| anyhow!("REDIS_URL, SOCKETIO_ADAPTER: {error}"))?;
        self.parts.delivery.fanout.connect_peers(peers);
        self.adapter = Some(adapter);
        Ok(())
    }

    /// Leaves the other nodes, after the events for them are sent. They expect the users of this node to reconnect.
    pub async fn leave_cluster(&self) {
        if let Some(node) = self.parts.cluster.as_ref().and_then(|cluster| cluster.node.get()) {
            node.stop().await;
        }
    }

    /// Leaves the cluster of socket.io servers, after the messages to them are sent.
    pub async fn leave_socketio_cluster(&mut self) {
        if let Some(adapter) = self.adapter.take() {
            adapter.shutdown().await;
        }
    }

    /// The request handler: the engine on its paths, REST on all others.
    pub fn handler(&self) -> impl Handler + use<> {
        Dispatcher {
            engine: self.engine.as_ref().map(Engine::handle),
            forwarding: self.parts.cluster.as_ref().map(|cluster| cluster.forwarder.clone()),
            rest: router(self.router.clone()),
            metrics: self.parts.metrics.clone(),
            bytes_in_hand: self.parts.bytes_in_hand.clone(),
            proxies: self.parts.proxies.clone(),
        }
    }

    /// The router of all paths but those of sockets.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// The path that signs in to the console once, in dev mode.
    pub fn console_sign_in_path(&self) -> Option<String> {
        self.console.as_ref()?.sign_in_path()
    }

    /// The metrics of the server, without their values.
    pub async fn metric_families(&self) -> Option<Vec<MetricFamily>> {
        self.parts.metrics.families().await
    }

    /// A check of whether every shard responds, for the watchdog of the service manager.
    pub fn liveness(&self) -> impl Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync + use<> {
        let health = Arc::clone(&self.parts.health);
        move || {
            let health = Arc::clone(&health);
            Box::pin(async move { health.is_live().await })
        }
    }

    /// The functions for a backend in the same program.
    pub fn backend(&self) -> Arc<dyn BackendApi> {
        self.parts.backend_api.clone()
    }

    /// Admits no more connections, and closes the open ones evenly over this time, each after its pending responses.
    /// HTTP requests are still processed.
    /// Returns the time at which everything must have ended, also HTTP; slow clients have a little more time than `over`.
    pub async fn drain(&self, over: Duration) -> Instant {
        self.parts.admission.stop(over);
        let (started, step) = (Instant::now(), DRAIN_STEP.as_secs_f64());
        let latest = started + over + DRAIN_GRACE;
        let Some(engine) = self.engine.as_ref().map(Engine::handle) else { return latest };
        loop {
            // Connections that are due during this round are closed at its start.
            let elapsed = started.elapsed();
            let remaining = 1.0 - (elapsed.as_secs_f64() + step) / over.as_secs_f64().max(step);
            let relays = self.parts.cluster.as_ref().map_or(0, |cluster| cluster.forwarder.close_relays(remaining.max(0.0)));
            if engine.close_fraction(remaining.max(0.0)).await == 0 && relays == 0 || Instant::now() > latest {
                return latest;
            }
            tokio::time::sleep(DRAIN_STEP).await;
        }
    }

    /// Ends the live connections, which completes pending polls.
    pub fn close_connections(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.stop();
        }
    }

    /// Completes the queued work and closes the database.
    pub fn close(mut self) {
        self.close_connections();
        self.parts.storage.close();
    }
}

/// The settings of the adapter. `None` if it is switched off.
///
/// # Errors
/// If the file of `REDIS_CA` cannot be read.
fn adapter_settings(config: &Config) -> anyhow::Result<Option<AdapterSettings>> {
    let url = config.storage.redis_url.as_ref().filter(|_| config.socketio.adapter == SocketIoAdapter::Redis);
    let Some(url) = url else { return Ok(None) };
    let ca = read_redis_ca(config.storage.redis_ca.as_deref())?;
    let (prefix, request_timeout) = (config.socketio.adapter_prefix.clone(), config.socketio.adapter_timeout);
    Ok(Some(AdapterSettings { ca, prefix, request_timeout, ..AdapterSettings::new(url.expose()) }))
}

/// The certificates of `REDIS_CA`, if it is set.
fn read_redis_ca(path: Option<&Path>) -> anyhow::Result<Option<Vec<u8>>> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| anyhow!("REDIS_CA={}: the file cannot be read ({error})", path.display()));
    path.map(read).transpose()
}

/// Ends the calls from before the start, before users can connect: none of their users is connected any more.
fn end_stale_calls(storage: &Storage) {
    let end = EndStaleCalls { calls: storage.startup.open_calls.iter().map(|(call, _)| *call).collect() };
    storage.writer.run(Actor::server(), end, |ended| {
        if let Err(error) = ended {
            tracing::error!(%error, "failed to end the calls from before the start");
        }
    });
}
