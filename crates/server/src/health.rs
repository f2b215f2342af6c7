//! Whether the server does its work, for whoever starts, stops and balances servers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::operation::{Actor, Tx};
use store::Writer;
use tokio::sync::{Mutex, oneshot};

use crate::admission::{Admission, Closed};
use crate::live::Census;

/// How long a verdict on the database holds. However many ask, they cost it one small write in that time.
const HOLDS: Duration = Duration::from_secs(1);

/// How long the database may take to write next to nothing.
const PATIENCE: Duration = Duration::from_secs(2);

/// The ways to ask.
pub struct Health {
    census: Arc<Census>,
    admission: Arc<Admission>,
    writer: Writer,
    /// When the database was tried last, and whether it could be written.
    tried: Mutex<Option<(Instant, bool)>>,
}

/// Why the server is not ready for more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unready {
    /// A shard does not answer.
    Shards,
    /// New connections are not taken.
    Closed(Closed),
    /// The database cannot be written.
    Database,
}

impl Unready {
    /// What is wrong, for people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Shards => "a part of the server does not answer",
            Self::Closed(closed) => closed.in_words(),
            Self::Database => "the database cannot be written",
        }
    }
}

impl Health {
    /// Inputs: the ways to the shards and to the database, and the door.
    pub fn new(census: Arc<Census>, writer: Writer, admission: Arc<Admission>) -> Self {
        Self { census, admission, writer, tried: Mutex::default() }
    }

    /// Whether every shard answers. If one does not, starting the process again is all that helps.
    pub async fn lives(&self) -> bool {
        self.census.tally().await.is_some()
    }

    /// Why the server should be sent nothing new, if it should not.
    pub async fn unready(self: &Arc<Self>) -> Vec<Unready> {
        let (lives, writes) = tokio::join!(self.lives(), self.writes());
        let closed = self.admission.closed().map(Unready::Closed);
        let broken = [(Unready::Shards, lives), (Unready::Database, writes)];
        let broken = broken.into_iter().filter_map(|(reason, good)| (!good).then_some(reason));
        closed.into_iter().chain(broken).collect()
    }

    /// Whether the database can be written, by a verdict that is a second old at most.
    pub async fn writes(self: &Arc<Self>) -> bool {
        let health = Arc::clone(self);
        // As a task of its own, which ends also if nobody waits for it any more: who asks and goes away again and again must not fill the
        // writer's queue.
        tokio::spawn(async move { health.try_now_and_then().await }).await.unwrap_or(false)
    }

    async fn try_now_and_then(&self) -> bool {
        let mut tried = self.tried.lock().await;
        match *tried {
            Some((at, verdict)) if at.elapsed() < HOLDS => verdict,
            _ => {
                let verdict = self.try_to_write().await;
                *tried = Some((Instant::now(), verdict));
                verdict
            }
        }
    }

    /// Takes an id, which is remembered on the disk, and nothing else.
    async fn try_to_write(&self) -> bool {
        let (reply, answer) = oneshot::channel();
        let work = |tx: &mut Tx<'_>| Ok(tx.new_id());
        self.writer.submit(Actor::server(), work, move |result| {
            let _ = reply.send(result.is_ok());
        });
        matches!(tokio::time::timeout(PATIENCE, answer).await, Ok(Ok(true)))
    }
}
