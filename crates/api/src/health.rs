//! Health of the server, for load balancers and process managers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::command::{Actor, CommandContext};
use limits::admission::{Admission, AdmissionClosed};
use realtime::ShardQuery;
use store::Writer;
use tokio::sync::{Mutex, oneshot};

/// How long a result of the database check is reused. Any number of requests cost the database one small write in that time.
const CACHE_TTL: Duration = Duration::from_secs(1);

/// The longest time for the database check's write.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the health checks.
pub struct HealthChecks {
    shard_query: Arc<ShardQuery>,
    admission: Arc<Admission>,
    writer: Writer,
    /// The time of the last database check, and whether the write succeeded.
    tried: Mutex<Option<(Instant, bool)>>,
}

/// The reason why the server is not ready for new traffic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unready {
    /// A shard does not respond.
    Shards,
    /// The server admits no connections.
    Closed(AdmissionClosed),
    /// The database cannot be written.
    Database,
}

impl Unready {
    /// The text of the reason.
    pub fn description(self) -> &'static str {
        match self {
            Self::Shards => "a part of the server does not answer",
            Self::Closed(closed) => closed.description(),
            Self::Database => "the database cannot be written",
        }
    }
}

impl HealthChecks {
    /// The inputs are the query of the shards, the writer that checks the database, and the admission state.
    pub fn new(shard_query: Arc<ShardQuery>, writer: Writer, admission: Arc<Admission>) -> Self {
        Self { shard_query, admission, writer, tried: Mutex::default() }
    }

    /// Whether every shard responds. If one does not, the process must be restarted.
    pub async fn is_live(&self) -> bool {
        self.shard_query.counters().await.is_some()
    }

    /// The reasons why the server should not receive new traffic; empty if it should.
    pub async fn unready(self: &Arc<Self>) -> Vec<Unready> {
        let (lives, writes) = tokio::join!(self.is_live(), self.can_write());
        let closed = self.admission.closed().map(Unready::Closed);
        let broken = [(Unready::Shards, lives), (Unready::Database, writes)];
        let broken = broken.into_iter().filter_map(|(reason, good)| (!good).then_some(reason));
        closed.into_iter().chain(broken).collect()
    }

    /// Whether the database can be written, by a result that is at most a second old.
    pub async fn can_write(self: &Arc<Self>) -> bool {
        let health = Arc::clone(self);
        // This is a task of its own, which ends also if its caller is dropped: clients that send requests and disconnect must not fill the
        // writer's queue.
        tokio::spawn(async move { health.cached_write_check().await }).await.unwrap_or(false)
    }

    async fn cached_write_check(&self) -> bool {
        let mut tried = self.tried.lock().await;
        match *tried {
            Some((at, verdict)) if at.elapsed() < CACHE_TTL => verdict,
            _ => {
                let verdict = self.try_to_write().await;
                *tried = Some((Instant::now(), verdict));
                verdict
            }
        }
    }

    /// Takes an id from the store, which is the smallest write.
    async fn try_to_write(&self) -> bool {
        let (reply, result) = oneshot::channel();
        let work = |context: &mut CommandContext<'_>| Ok(context.new_id());
        self.writer.submit(Actor::server(), work, move |result| {
            let _ = reply.send(result.is_ok());
        });
        matches!(tokio::time::timeout(TIMEOUT, result).await, Ok(Ok(true)))
    }
}
