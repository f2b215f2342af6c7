//! A session that is replaced after it was lost, with the checks of the server and the locks of the database.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ports::{StoreError, StoreResult};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::outage::OutageReport;
use crate::postgres::problem::{OLDEST_VERSION, PostgresProblem};
use crate::postgres::server_locks::{Locks, share};
use crate::postgres::session::{Failure, Reply, Request, Session};
use crate::postgres::url::Target;

/// The pauses between attempts to connect again: from the first to the last, each twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// How long PostgreSQL lets a transaction of a node wait for its next statement: a frozen node must not hold the lock of all writers. As long as the
/// lease of a node in Redis.
const NODE_IDLE_LIMIT: Duration = Duration::from_secs(5);

/// How long an answer may take before waiting commands are rejected. A query, and the connection for it, is given up then.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// How long a new connection may take before waiting commands are rejected.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
const NO_ANSWER: &str = "PostgreSQL does not answer";

/// What a session is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// The writer of a single server: its session holds the lock of the database.
    Server,
    /// The writer of the node with this id: its session holds the lock of the id, and shares the lock of the database.
    Node(Arc<str>),
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
    /// Whether the session of a node holds the lock of the database alone.
    is_alone: bool,
    /// The process of the server that serves the last session, and when it started.
    backend: Option<Backend>,
    /// How many sessions there were.
    sessions: u64,
    /// How many round trips the sessions before the present one have made.
    former_round_trips: u64,
    pause: Duration,
    next_attempt: Option<Instant>,
    last_problem: String,
    outage: Outage,
}

struct Backend {
    pid: i64,
    started: String,
}

impl Link {
    /// Connects for the first time. `name` is the name of this process in PostgreSQL's list of sessions.
    ///
    /// # Errors
    /// Why the database cannot be used.
    pub(crate) fn open(target: &Arc<Target>, purpose: Purpose, name: &str) -> Result<Self, PostgresProblem> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| PostgresProblem::Failed { server: target.server.clone(), reason: error.to_string() })?;
        let mut link = Self {
            runtime: Some(runtime),
            target: Arc::clone(target),
            purpose,
            name: name.to_owned(),
            session: None,
            is_alone: false,
            backend: None,
            sessions: 0,
            former_round_trips: 0,
            pause: FIRST_PAUSE,
            next_attempt: None,
            last_problem: String::new(),
            outage: Outage::default(),
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

    /// Reports when the database does not answer.
    pub(crate) fn report_outages(&mut self, report: Option<OutageReport>) {
        self.outage.report = report;
    }

    /// Gives up what the database does not answer for some seconds, instead of waiting for it.
    pub(crate) fn give_up_without_answer(&mut self) {
        self.outage.gives_up = true;
    }

    /// Connects again, however long that takes.
    pub(crate) fn reconnect(&mut self) {
        while let Err(error) = self.ensure() {
            self.outage.begin(&error.to_string());
            if let Some(at) = self.next_attempt {
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
            }
        }
        self.outage.end();
    }

    /// Gives up the session, whose transaction then ends.
    pub(crate) fn drop_session(&mut self) {
        self.former_round_trips = self.round_trips();
        self.session = None;
    }

    /// Sends requests as [`Session::exchange`] does. A lost session is given up.
    pub(crate) fn exchange(&mut self, requests: &[Request]) -> Vec<Result<Reply, Failure>> {
        let Some(session) = &mut self.session else { return vec![Err(Failure::Lost("not connected".to_owned()))] };
        let Some(runtime) = &self.runtime else { return Vec::new() };
        let replies = self.outage.watch(runtime, ANSWER_LIMIT, NO_ANSWER, session.exchange(requests));
        let replies = replies.unwrap_or_else(|| vec![Err(Failure::Lost(NO_ANSWER.to_owned()))]);
        if let Some(Err(Failure::Lost(reason))) = replies.iter().find(|reply| matches!(reply, Err(Failure::Lost(_)))) {
            tracing::warn!(server = self.target.server, reason, "the connection to PostgreSQL was lost");
            self.drop_session();
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

    /// Runs the work of a tool on the present session, such as a copy of rows. `None` if there is none.
    pub(crate) fn with_client<T>(&self, work: impl AsyncFnOnce(&Client) -> T) -> Option<T> {
        let (runtime, session) = self.runtime.as_ref().zip(self.session.as_ref())?;
        Some(runtime.block_on(work(session.client())))
    }

    /// How many round trips the sessions of this link have made.
    pub(crate) fn round_trips(&self) -> u64 {
        self.former_round_trips + self.session.as_ref().map_or(0, |session| session.round_trips)
    }

    /// Whether the session of a node holds the lock of the database alone: no other server uses the database.
    pub(crate) fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Lets other nodes use the database.
    pub(crate) fn share(&mut self) -> Result<(), PostgresProblem> {
        self.run_text(&share())?;
        self.is_alone = false;
        Ok(())
    }

    fn connect(&mut self) -> Result<(), PostgresProblem> {
        let connecting = connect(&self.target, &self.purpose, &self.name, self.backend.as_ref());
        let stopped = || PostgresProblem::Failed { server: self.target.server.clone(), reason: "the link is closed".to_owned() };
        let runtime = self.runtime.as_ref().ok_or_else(stopped)?;
        let limit = if self.outage.gives_up { ANSWER_LIMIT } else { CONNECT_LIMIT };
        let connected = self.outage.watch(runtime, limit, "PostgreSQL cannot be reached", connecting);
        let silent = || PostgresProblem::Unreachable { server: self.target.server.clone(), reason: "no answer".to_owned() };
        let (client, backend, is_alone) = connected.unwrap_or_else(|| Err(silent()))?;
        self.session = Some(Session::new(client));
        self.backend = Some(backend);
        self.is_alone = is_alone;
        self.sessions += 1;
        self.pause = FIRST_PAUSE;
        self.next_attempt = None;
        self.last_problem.clear();
        Ok(())
    }
}

/// What happens when the database does not answer.
#[derive(Default)]
struct Outage {
    report: Option<OutageReport>,
    /// Whether nothing waits for longer than the limits.
    gives_up: bool,
    /// Whether an outage has begun that lasts beyond a single wait.
    lasts: bool,
}

impl Outage {
    fn begin(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.lasts, true) {
            self.report(Some(reason));
        }
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.lasts) {
            self.report(None);
        }
    }

    fn report(&self, reason: Option<&str>) {
        if let Some(report) = &self.report {
            report(reason);
        }
    }

    /// Drives a future to its end, and reports an outage if that takes longer than `limit`. `None` if the future was given up then.
    fn watch<T>(&self, runtime: &Runtime, limit: Duration, reason: &str, work: impl Future<Output = T>) -> Option<T> {
        if !self.gives_up && (self.report.is_none() || self.lasts) {
            return Some(runtime.block_on(work));
        }
        let mut work = pin!(work);
        if let Ok(output) = runtime.block_on(async { timeout(limit, work.as_mut()).await }) {
            return Some(output);
        }
        if self.gives_up {
            return None;
        }
        // The report runs replies, which must not run inside of a runtime.
        self.report(Some(reason));
        let output = runtime.block_on(work);
        self.report(None);
        Some(output)
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

/// The bytes that PostgreSQL keeps of the name of a session: `NAMEDATALEN` without the final zero.
const MAX_APPLICATION_NAME: usize = 63;

/// A new session, the process that serves it, and whether it is the session of a node that holds the lock of the database alone.
async fn connect(
    target: &Target,
    purpose: &Purpose,
    name: &str,
    former: Option<&Backend>,
) -> Result<(Client, Backend, bool), PostgresProblem> {
    let mut config = target.config.clone();
    if config.get_application_name().is_none() {
        // PostgreSQL would shorten a longer name, too, and write a notice about it for each connection.
        config.application_name(&name[..name.floor_char_boundary(MAX_APPLICATION_NAME)]);
    }
    let connected = config.connect(target.tls.connector()).await;
    let (client, connection) = connected.map_err(|error| PostgresProblem::of_connecting(&target.server, &target.database, &error))?;
    // The task ends with the session; its error is also the result of the statement that was running.
    tokio::spawn(async move { drop(connection.await) });
    let backend = check(&client, target, purpose).await?;
    let locks = Locks { client: &client, server: &target.server };
    let is_alone = match purpose {
        Purpose::Other => false,
        Purpose::Server => {
            end_former(&client, target, former).await?;
            locks.take_alone().await?;
            false
        }
        Purpose::Node(id) => {
            end_former(&client, target, former).await?;
            locks.take_as_node(id, former.is_none()).await?
        }
    };
    Ok((client, backend, is_alone))
}

/// Checks that the server and the database can be used, and sets what a session needs: a commit is on the disk when it returns, and the server
/// notices within half a minute when this process or its machine is gone.
async fn check(client: &Client, target: &Target, purpose: &Purpose) -> Result<Backend, PostgresProblem> {
    let idle_limit = match purpose {
        Purpose::Node(_) => format!("{}ms", NODE_IDLE_LIMIT.as_millis()),
        Purpose::Server | Purpose::Other => "0".to_owned(),
    };
    let sql = "SELECT current_setting('server_version_num')::BIGINT, current_setting('server_version'),
            current_setting('server_encoding'), pg_is_in_recovery(), pid::BIGINT, backend_start::TEXT,
            set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                ELSE current_setting('synchronous_commit') END, false),
            set_config('idle_in_transaction_session_timeout', $1, false), set_config('tcp_keepalives_idle', '10', false),
            set_config('tcp_keepalives_interval', '5', false), set_config('tcp_keepalives_count', '3', false),
            set_config('client_min_messages', 'warning', false)
        FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    let server = || target.server.clone();
    let row = client.query_one(sql, &[&idle_limit]).await.map_err(|error| PostgresProblem::failed(&target.server, &error))?;
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

/// Ends the former session of a link: its transaction is then over.
async fn end_former(client: &Client, target: &Target, former: Option<&Backend>) -> Result<(), PostgresProblem> {
    let Some(former) = former else { return Ok(()) };
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1::BIGINT AND backend_start::TEXT = $2";
    let ended = client.query(end, &[&former.pid, &former.started]).await;
    ended.map(drop).map_err(|error| PostgresProblem::failed(&target.server, &error))
}
