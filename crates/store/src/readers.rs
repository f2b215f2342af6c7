//! The reader threads, which execute queries.
//!
//! A query sees the state that was committed when it began. That includes every change that was acknowledged to the caller before.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::abort;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use domain::command::{Actor, Query};
use domain::error::DomainError;

use crate::batch::{catch_panic, panic_message};
use crate::database::{Database, OpenError, Place};
use crate::driver::{Tables, Transactions};
use crate::postgres::Postgres;
use crate::queue::Queue;
use crate::sqlite::Sqlite;

/// How many queries may wait in the queue. When it is full, the next query is rejected at once with [`DomainError::Unavailable`].
pub const MAX_QUEUED: usize = 16_384;

/// A handle to the readers' queue. Cheap to clone; when the last clone is dropped, the readers finish the queued queries and end.
#[derive(Clone)]
pub struct Readers(Arc<ReadersHandle>);

struct ReadersHandle {
    queue: Arc<Queue<Box<dyn QueryJob>>>,
}

impl Drop for ReadersHandle {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Readers {
    /// Starts `threads` readers, each with a connection that cannot write.
    ///
    /// # Errors
    /// [`OpenError::Failed`] if the database cannot be opened or a thread cannot be started.
    pub fn start(database: &Database, threads: usize) -> Result<(Self, Vec<JoinHandle<()>>), OpenError> {
        let readers = Self(Arc::new(ReadersHandle { queue: Arc::new(Queue::new(MAX_QUEUED)) }));
        let mut started = Vec::with_capacity(threads);
        for number in 1..=threads {
            let queue = Arc::clone(&readers.0.queue);
            let builder = Builder::new().name(format!("reader-{number}"));
            let thread = match database.place() {
                Place::Sqlite(file) => {
                    let connection = file.connect_to_read(database.options())?;
                    let database = database.clone();
                    builder.spawn(move || {
                        serve_or_abort(&queue, Tables(Sqlite::new(&connection)));
                        // The file must outlive the connection: a database in memory is deleted with its last handle.
                        drop(connection);
                        drop(database);
                    })
                }
                Place::Postgres(server) => {
                    let mut session = Tables(Postgres::new(server.reader()?));
                    session.0.give_up_without_answer();
                    builder.spawn(move || serve_or_abort(&queue, session))
                }
            };
            started.push(thread.map_err(|error| OpenError::Failed(error.to_string()))?);
        }
        Ok((readers, started))
    }

    /// Queues a query; `reply` runs on a reader's thread, in no order with other queries. If the queue is full or closed, `reply` receives
    /// [`DomainError::Unavailable`] at once, on the caller's thread. A query that PostgreSQL does not answer within some seconds receives it, too.
    pub fn ask<Q: Query>(&self, actor: Actor, query: Q, reply: impl FnOnce(Result<Q::Output, DomainError>) + Send + 'static) {
        if let Err((rejected, query)) = self.0.queue.put(Box::new(PendingQuery { actor, query, reply })) {
            query.reject(rejected.into());
        }
    }

    /// Closes the queue for all handles. The readers finish the queued queries, and then the threads end.
    pub fn close(&self) {
        self.0.queue.close();
    }
}

/// A query in the queue.
pub(crate) trait QueryJob: Send {
    /// Runs the query on SQLite, and then its reply.
    fn execute_in_sqlite(self: Box<Self>, session: &mut Tables<Sqlite<'_>>);
    /// The same on PostgreSQL.
    fn execute_in_postgres(self: Box<Self>, session: &mut Tables<Postgres>);
    /// Runs the reply with an error.
    fn reject(self: Box<Self>, error: DomainError);
}

struct PendingQuery<Q, R> {
    actor: Actor,
    query: Q,
    reply: R,
}

impl<Q: Query, R: FnOnce(Result<Q::Output, DomainError>) + Send> PendingQuery<Q, R> {
    fn execute<D: Transactions>(self, session: &mut Tables<D>) {
        let Self { actor, query, reply } = self;
        let output = session.0.begin_to_read().map_err(DomainError::from).and_then(|()| {
            let output = catch_unwind(AssertUnwindSafe(|| query.execute(session, &actor)));
            output.unwrap_or_else(|panic| Err(DomainError::Internal(format!("a query panicked: {}", panic_message(&*panic)))))
        });
        // A query writes nothing, so its transaction needs no commit.
        session.0.rollback();
        catch_panic("a reply", || reply(output));
    }
}

impl<Q: Query, R: FnOnce(Result<Q::Output, DomainError>) + Send> QueryJob for PendingQuery<Q, R> {
    fn execute_in_sqlite(self: Box<Self>, session: &mut Tables<Sqlite<'_>>) {
        self.execute(session);
    }

    fn execute_in_postgres(self: Box<Self>, session: &mut Tables<Postgres>) {
        self.execute(session);
    }

    fn reject(self: Box<Self>, error: DomainError) {
        catch_panic("a reply", || (self.reply)(Err(error)));
    }
}

/// Executes queries until the queue is closed. A panic ends the process.
fn serve_or_abort<D: Transactions>(queue: &Queue<Box<dyn QueryJob>>, session: Tables<D>) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| serve(queue, session))) {
        // Without any reader every query would hang, and a process that ends is restarted.
        tracing::error!(panic = panic_message(&*panic), "a reader has died; the process ends");
        abort();
    }
}

fn serve<D: Transactions>(queue: &Queue<Box<dyn QueryJob>>, mut session: Tables<D>) {
    let mut queries = Vec::with_capacity(1);
    while queue.take(1, &mut queries) {
        for query in queries.drain(..) {
            D::query(query, &mut session);
        }
    }
}
