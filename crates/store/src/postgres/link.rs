//! A session that is replaced after it was lost, with the checks of the server and the lock of the database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ports::{StoreError, StoreResult};
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::driver::Row;
use crate::postgres::problem::{OLDEST_VERSION, PostgresProblem};
use crate::postgres::session::{Failure, Reply, Request, Session};
use crate::postgres::url::Target;

/// The first number of all advisory locks of Roomcast: "room" in ASCII. The second number tells the lock from the others.
pub(crate) const LOCKS: i32 = 0x726f_6f6d;
/// The lock of the server that writes to the database.
const SERVER_LOCK: i32 = 1;

/// How long a start waits for the lock: the sessions of a killed server end after a moment.
const LOCK_WAIT: Duration = Duration::from_secs(2);
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// The pauses between attempts to connect again: from the first to the last, each twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// What a session is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// The writer of a server: its session holds the lock of the database.
    Writer,
    /// Queries, and tools that run beside no server.
    Other,
}

/// A session, or the state between two sessions. It belongs to one thread.
pub(crate) struct Link {
    /// Drives the session while a thread waits for a reply. `None` only while the link is dropped.
    runtime: Option<Runtime>,
    target: Arc<Target>,
    purpose: Purpose,
    /// The name of this process in PostgreSQL's list of sessions.
    name: String,
    session: Option<Session>,
    /// The process of the server that serves the last session, and when it started.
    backend: Option<Backend>,
    /// How many sessions there were.
    sessions: u64,
    pause: Duration,
    next_attempt: Option<Instant>,
    last_problem: String,
}

struct Backend {
    pid: i64,
    started: String,
}

impl Link {
    /// Connects for the first time.
    ///
    /// # Errors
    /// Why the database cannot be used.
    pub(crate) fn open(target: &Arc<Target>, purpose: Purpose, holder: &str) -> Result<Self, PostgresProblem> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| PostgresProblem::Failed { server: target.server.clone(), reason: error.to_string() })?;
        let name = format!("roomcast {holder}");
        let mut link = Self {
            runtime: Some(runtime),
            target: Arc::clone(target),
            purpose,
            name,
            session: None,
            backend: None,
            sessions: 0,
            pause: FIRST_PAUSE,
            next_attempt: None,
            last_problem: String::new(),
        };
        link.connect()?;
        Ok(link)
    }

    /// How many sessions there were: it grows with each reconnect.
    pub(crate) fn sessions(&self) -> u64 {
        self.sessions
    }

    /// The address and the name of the database.
    pub(crate) fn server(&self) -> &str {
        &self.target.server
    }

    /// Whether there is a session, which may have been lost since its last use.
    pub(crate) fn is_connected(&self) -> bool {
        self.session.is_some()
    }

    /// Whether there is a session, or an attempt to connect is due.
    pub(crate) fn may_connect(&self) -> bool {
        self.session.is_some() || self.next_attempt.is_none_or(|at| Instant::now() >= at)
    }

    /// Connects again if the session was lost. Between two attempts it fails at once.
    pub(crate) fn ensure(&mut self) -> StoreResult<()> {
        if self.session.is_some() {
            return Ok(());
        }
        if self.next_attempt.is_some_and(|at| Instant::now() < at) {
            return Err(StoreError::Unavailable(self.last_problem.clone()));
        }
        match self.connect() {
            Ok(()) => {
                tracing::info!(server = self.server(), "connected to PostgreSQL again");
                Ok(())
            }
            Err(problem) => {
                let line = problem.to_string();
                if line != self.last_problem {
                    tracing::error!(problem = line, "PostgreSQL cannot be used; the server tries again");
                }
                self.last_problem.clone_from(&line);
                self.next_attempt = Some(Instant::now() + self.pause);
                self.pause = (self.pause * 2).min(LAST_PAUSE);
                Err(StoreError::Unavailable(line))
            }
        }
    }

    /// Connects again, however long that takes.
    pub(crate) fn reconnect(&mut self) {
        while self.ensure().is_err() {
            if let Some(at) = self.next_attempt {
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
            }
        }
    }

    /// Gives up the session, whose transaction then ends.
    pub(crate) fn drop_session(&mut self) {
        self.session = None;
    }

    /// Sends requests as [`Session::exchange`] does. A lost session is given up.
    pub(crate) fn exchange(&mut self, requests: &[Request]) -> Vec<Result<Reply, Failure>> {
        let Some(session) = &mut self.session else { return vec![Err(Failure::Lost("not connected".to_owned()))] };
        let Some(runtime) = &self.runtime else { return Vec::new() };
        let replies = runtime.block_on(session.exchange(requests));
        if let Some(Err(Failure::Lost(reason))) = replies.iter().find(|reply| matches!(reply, Err(Failure::Lost(_)))) {
            tracing::warn!(server = self.target.server, reason, "the connection to PostgreSQL was lost");
            self.session = None;
        }
        replies
    }

    /// The types of a statement's parameters; `None` if the server rejects it.
    pub(crate) fn types(&mut self, sql: &'static str) -> Option<Vec<Type>> {
        let (runtime, session) = self.runtime.as_ref().zip(self.session.as_mut())?;
        runtime.block_on(session.types(sql)).ok()
    }

    /// Runs one statement that is not prepared, such as a migration of several statements.
    pub(crate) fn run_text(&mut self, sql: &str) -> Result<(), PostgresProblem> {
        let server = self.target.server.clone();
        let lost = || PostgresProblem::Failed { server: server.clone(), reason: "the connection was lost".to_owned() };
        let (runtime, session) = self.runtime.as_ref().zip(self.session.as_mut()).ok_or_else(lost)?;
        runtime.block_on(session.client().batch_execute(sql)).map_err(|error| PostgresProblem::failed(&server, &error))
    }

    /// How many round trips the present session has made.
    pub(crate) fn round_trips(&self) -> u64 {
        self.session.as_ref().map_or(0, |session| session.round_trips)
    }

    fn connect(&mut self) -> Result<(), PostgresProblem> {
        let connecting = connect(&self.target, self.purpose, &self.name, self.backend.as_ref());
        let stopped = || PostgresProblem::Failed { server: self.target.server.clone(), reason: "the link is closed".to_owned() };
        let (client, backend) = self.runtime.as_ref().ok_or_else(stopped)?.block_on(connecting)?;
        self.session = Some(Session::new(client));
        self.backend = Some(backend);
        self.sessions += 1;
        self.pause = FIRST_PAUSE;
        self.next_attempt = None;
        self.last_problem.clear();
        Ok(())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // The last handle of a database may be dropped by a task, where a runtime must not wait for its end.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn connect(target: &Target, purpose: Purpose, name: &str, former: Option<&Backend>) -> Result<(Client, Backend), PostgresProblem> {
    let mut config = target.config.clone();
    if config.get_application_name().is_none() {
        config.application_name(name);
    }
    let connected = config.connect(target.tls.connector()).await;
    let (client, connection) = connected.map_err(|error| PostgresProblem::of_connecting(&target.server, &target.database, &error))?;
    // The task ends with the session; its error is also the result of the statement that was running.
    tokio::spawn(async move { drop(connection.await) });
    let backend = check(&client, target).await?;
    if purpose == Purpose::Writer {
        lock(&client, target, former).await?;
    }
    Ok((client, backend))
}

/// Checks that the server and the database can be used, and sets what a session needs: a commit is on the disk when it returns, and the server
/// notices within half a minute when this process or its machine is gone.
async fn check(client: &Client, target: &Target) -> Result<Backend, PostgresProblem> {
    let sql = "SELECT current_setting('server_version_num')::BIGINT, current_setting('server_version'),
            current_setting('server_encoding'), pg_is_in_recovery(), pid::BIGINT, backend_start::TEXT,
            set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                ELSE current_setting('synchronous_commit') END, false),
            set_config('idle_in_transaction_session_timeout', '0', false), set_config('tcp_keepalives_idle', '10', false),
            set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '3', false)
        FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    let server = || target.server.clone();
    let row = client.query_one(sql, &[]).await.map_err(|error| PostgresProblem::failed(&target.server, &error))?;
    let (number, version, encoding): (i64, String, String) = (row.get(0), row.get(1), row.get(2));
    if number < i64::from(OLDEST_VERSION) * 10_000 {
        return Err(PostgresProblem::TooOld { server: server(), version });
    }
    if encoding != "UTF8" {
        return Err(PostgresProblem::Encoding { server: server(), encoding });
    }
    if row.get(3) {
        return Err(PostgresProblem::Standby { server: server() });
    }
    Ok(Backend { pid: row.get(4), started: row.get(5) })
}

/// Takes the lock of the database for as long as the session lasts. The former session of this link is ended first: its transaction is then over.
async fn lock(client: &Client, target: &Target, former: Option<&Backend>) -> Result<(), PostgresProblem> {
    let failed = |error| PostgresProblem::failed(&target.server, &error);
    if let Some(former) = former {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1::BIGINT AND backend_start::TEXT = $2";
        client.query(end, &[&former.pid, &former.started]).await.map_err(failed)?;
    }
    let sql = format!("SELECT pg_try_advisory_lock({LOCKS}, {SERVER_LOCK})");
    let until = Instant::now() + LOCK_WAIT;
    while !client.query_one(&sql, &[]).await.map_err(failed)?.get::<_, bool>(0) {
        if Instant::now() >= until {
            let holder = holder(client).await.map_err(failed)?;
            return Err(PostgresProblem::InUse { server: target.server.clone(), holder });
        }
        sleep(LOCK_INTERVAL).await;
    }
    Ok(())
}

/// The name and the address of the session that holds the lock of the database.
async fn holder(client: &Client) -> Result<String, tokio_postgres::Error> {
    let sql = format!(
        "SELECT a.application_name, COALESCE(host(a.client_addr), 'this machine') FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
        WHERE l.locktype = 'advisory' AND l.classid::BIGINT = {LOCKS} AND l.objid::BIGINT = {SERVER_LOCK} AND l.granted
            AND a.datname = current_database()"
    );
    let rows = client.query(&sql, &[]).await?;
    let text = rows.first().and_then(|row| {
        let (name, address) = (row.maybe_text(0).ok()??, row.maybe_text(1).ok()??);
        let name: String = name.chars().filter(|character| !character.is_control()).collect();
        Some(format!("\"{name}\" from {address}"))
    });
    Ok(text.unwrap_or_else(|| "another server".to_owned()))
}
