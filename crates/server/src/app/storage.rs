//! The database: how it is opened, its threads, and the state that a start finds in it.

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use client_json::timestamps::Milliseconds;
use config::{ClusterSettings, Config, Limit, LimitsConfig};
use domain::command::{Actor, MembershipLimits};
use domain::id_generator::IdGenerator;
use domain::quotas::QuotaBounds;
use domain::sessions::{BeginEpoch, ReadEventLog, StartingServer, StartupState};
use realtime::{Fanout, MIN_RETURN_WINDOW};
use store::{CommitSink, Database, NodeOptions, Options, Readers, Writer};

use crate::clock;

/// The number of threads that run queries on SQLite.
const SQLITE_READERS: usize = 2;
/// The number of threads that run queries on PostgreSQL, each with a connection. They wait for the network most of the time.
const POSTGRES_READERS: usize = 8;

/// How many events from before the start are read at a time.
const HISTORY_PAGE: u32 = 1000;

/// Opens the configured database: for this process alone, or as one of several nodes.
///
/// # Errors
/// One line; it names the other process if that one excludes this one from the database.
pub fn open_database(config: &Config) -> anyhow::Result<Database> {
    let uname = rustix::system::uname();
    let host = uname.nodename().to_string_lossy();
    let holder = format!("process {} on {host} since {}", std::process::id(), Milliseconds(clock::now()));
    let database = Database::open(Options {
        holder,
        bounds: bounds(&config.limits),
        quotas: quotas(&config.limits),
        node: config.cluster().map(|cluster| NodeOptions { id: cluster.node_id.to_string(), epoch: new_epoch() }),
        ..Options::new(config.storage.database_url.expose())
    })?;
    if let Some(start) = database.cluster() {
        clock::follow(start.time);
    }
    Ok(database)
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

/// The bounds on the members of a space and the spaces of a user.
pub fn bounds(limits: &LimitsConfig) -> MembershipLimits {
    let most = |cap: Limit| cap.limit().unwrap_or(u32::MAX);
    MembershipLimits { members_per_space: most(limits.max_members_per_space), spaces_per_user: most(limits.max_spaces_per_user) }
}

/// The threads of the database, and the state that the start has found in it.
pub(super) struct Storage {
    pub writer: Writer,
    pub readers: Readers,
    threads: Vec<JoinHandle<()>>,
    /// The name of the epoch, which is a part of every position: the one of this start, or the one that all nodes have.
    pub epoch: String,
    pub retention: Retention,
    pub startup: StartupState,
}

/// The readers, and their threads.
pub(super) type ReaderThreads = (Readers, Vec<JoinHandle<()>>);

/// Starts the threads that run queries.
pub(super) fn start_readers(database: &Database) -> anyhow::Result<ReaderThreads> {
    let threads = if database.path().is_some() { SQLITE_READERS } else { POSTGRES_READERS };
    Ok(Readers::start(database, threads)?)
}

/// A name for a new epoch: 40 random bits.
pub(super) fn new_epoch() -> String {
    format!("{:010x}", random() >> 24)
}

impl Storage {
    /// Starts the writer, whose committed events go to `publisher`, and begins an epoch, or joins that of the other nodes.
    pub fn start(
        config: &Config,
        database: &Database,
        (readers, mut threads): ReaderThreads,
        publisher: impl CommitSink + 'static,
        epoch: String,
    ) -> anyhow::Result<Self> {
        let (writer, thread) = Writer::start(database, clock::now, IdGenerator::new(random), publisher)?;
        threads.push(thread);
        let retention = Retention::new(config);
        let begin = BeginEpoch {
            server: starting_server(config.cluster(), database, epoch.clone()),
            window: retention.event_seconds(),
            disconnected_seconds: retention.session_seconds(),
            grace_micros: i64::try_from(config.presence.grace.as_micros()).unwrap_or(i64::MAX),
        };
        let startup = writer.run_as_server_blocking(begin).context("the writer has ended")??;
        Ok(Self { writer, readers, threads, epoch, retention, startup })
    }

    /// Loads the events from before the start, for clients that have missed them. Memory keeps an entry for each event, and the content of
    /// the newest.
    pub fn restore_history(&self, fanout: &Fanout) -> anyhow::Result<()> {
        let mut after = self.startup.floor;
        loop {
            let (reply, result) = mpsc::channel();
            self.readers.ask(Actor::server(), ReadEventLog { after, limit: HISTORY_PAGE }, move |batch| drop(reply.send(batch)));
            let mut batch = result.recv()??;
            // Other nodes may have written since; their events follow through the cluster.
            batch.events.retain(|persisted| persisted.offset <= self.startup.position);
            if let Some(offset) = batch.unreadable.last() {
                tracing::warn!(offset, "an event from before the start cannot be read; clients that missed it must reload their data");
            }
            let is_full = batch.is_full && batch.complete_through < self.startup.position;
            after = batch.complete_through;
            fanout.restore(batch);
            if !is_full {
                return Ok(());
            }
        }
    }

    /// Completes the queued work and closes the database.
    pub fn close(self) {
        self.writer.close();
        self.readers.close();
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

/// This server for the start of its epoch.
fn starting_server(settings: Option<ClusterSettings>, database: &Database, epoch: String) -> StartingServer {
    match settings.zip(database.cluster()) {
        Some((settings, found)) if found.is_first => StartingServer::FirstNode { id: settings.node_id.to_string() },
        Some((settings, _)) => StartingServer::JoiningNode { id: settings.node_id.to_string() },
        None => StartingServer::Single { epoch },
    }
}

/// The epoch of the event log for a server that starts: the one that all nodes have, or a new one for a single server.
pub(super) fn epoch(database: &Database) -> String {
    database.cluster().map_or_else(new_epoch, |cluster| cluster.epoch.clone())
}

/// How long the server keeps the data of disconnected clients.
#[derive(Clone, Copy)]
pub(super) struct Retention {
    /// How long events are kept for replay.
    pub events: Duration,
    sessions: Duration,
}

impl Retention {
    /// A client that was disconnected for the whole recovery window may have received nothing before it, for as long as a silent connection
    /// stays open. Sessions are kept until the offline events of their users are sent.
    fn new(config: &Config) -> Self {
        let realtime = &config.realtime;
        let silence = realtime.ping_interval.max(realtime.ws_heartbeat_interval) + realtime.ping_timeout;
        let events = config.recovery.recovery_window + silence;
        Self { events, sessions: events + config.presence.grace.max(MIN_RETURN_WINDOW) }
    }

    /// How long events are kept for replay, in seconds.
    pub fn event_seconds(self) -> i64 {
        self.events.as_secs() as i64
    }

    /// How long the sessions of disconnected clients are kept, in seconds.
    pub fn session_seconds(self) -> i64 {
        self.sessions.as_secs() as i64
    }
}

/// 64 random bits from the operating system. Invite codes are as hard to guess as these.
fn random() -> u64 {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the operating system provides randomness");
    u64::from_ne_bytes(bytes)
}
