//! The writer: the one thread that changes the database.
//!
//! It takes the waiting commands, executes each inside one transaction, commits, and runs the replies in the order of the queue. A reply means that
//! the change is on the disk. The clock and the id source are parameters, so every run can be repeated.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::abort;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use domain::command::{Actor, Command, CommandContext, MembershipLimits};
use domain::error::DomainError;
use domain::event::PersistedEvent;
use domain::id_generator::is_far_ahead;
use domain::ids::{EntityId, Timestamp, UserId};
use domain::ports::{IdSource, StoreResult};
use domain::quotas::{Quotas, Usage};

use crate::batch::{BatchContext, Job, Passthrough, TrackedIds, Work, WorkState, panic_message};
use crate::database::{Database, OpenError, Place};
use crate::driver::{Tables, Transactions};
use crate::outage::{self, Rejectable};
use crate::queue::{Queue, Rejected, Take};
use crate::sqlite::Sqlite;
use crate::stats::WriterStats;

/// How many commands may wait in the queue. When it is full, the next command is rejected at once with [`DomainError::Unavailable`], before the waiting
/// commands have their results.
pub const MAX_QUEUED: usize = 65_536;
/// How many commands share a transaction. A larger batch would not cost less a command, and the first command would wait longer for the commit.
const MAX_BATCH: usize = 256;
/// The writer releases the database's page cache, up to 16 MB, when [`IDLE_INTERVAL`] passes without a command after at least [`BURST_COMMANDS`] commands. The kernel's
/// page cache has the pages, too, and returns each in some microseconds.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);
const BURST_COMMANDS: usize = 1_000;

/// A handle to the writer's queue. Cheap to clone; when the last clone is dropped, the writer finishes the queued commands and ends.
///
/// # Examples
///
/// A user creates a household. The reply has the output of the command, and the event follows after it.
///
/// ```
/// use std::sync::mpsc::channel;
///
/// use domain::command::Actor;
/// use domain::event::{EventKind, PersistedEvent};
/// use domain::id_generator::IdGenerator;
/// use domain::ids::{RoomKind, Timestamp, UserId};
/// use domain::spaces::CreateSpace;
/// use domain::users::{Claims, EnsureUser};
/// use store::{Database, Options, Writer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let database = Database::open(Options::new("sqlite::memory:"))?;
/// let now = || Timestamp(1_763_725_000_000_000);
/// let random = || 0;
/// let (published, events) = channel();
/// let sink = move |event: PersistedEvent| published.send(EventKind::from(&event.event)).unwrap_or_default();
/// let (writer, thread) = Writer::start(&database, now, IdGenerator::new(random), sink)?;
///
/// let anna = Actor { user: UserId::new("anna"), admin: false };
/// writer.run(anna.clone(), EnsureUser { claims: Claims::default() }, drop);
/// let (reply, result) = channel();
/// let create = CreateSpace { kind: RoomKind::Household, name: "Home".to_owned(), members: Vec::new() };
/// writer.run(anna, create, move |space| reply.send(space).unwrap_or_default());
///
/// let space = result.recv()??;
/// assert_eq!((space.name.as_str(), space.member_count), ("Home", 1));
/// assert_eq!(events.recv()?, EventKind::SpaceCreated);
/// writer.close();
/// thread.join().expect("the writer does not panic");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Writer(Arc<WriterHandle>);

struct WriterHandle {
    queue: Arc<Queue<Box<dyn Job>>>,
    stats: Arc<Mutex<WriterStats>>,
}

impl Drop for WriterHandle {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Receives the persisted events after their commit.
///
/// A function is a sink that takes each event by itself.
pub trait CommitSink: Send {
    /// Called before the replies and events of a batch. The sink may collect the resulting work until [`CommitSink::end`], which follows soon.
    fn begin(&mut self) {}

    /// Charges a command to its actor. `reach` is the number of rooms and inboxes that receive its events. Called before they are published, and only
    /// if it is more than one.
    fn charge(&mut self, _: &Actor, _reach: usize) {}

    /// Whether the writer may execute the next commands. If not, it rejects them with this reason.
    fn may_write(&mut self) -> Result<(), &'static str> {
        Ok(())
    }

    /// Whether the sink runs the replies of committed commands, with [`CommitSink::reply`]. If not, the writer runs them at once.
    fn orders_replies(&self) -> bool {
        false
    }

    /// Takes a reply, to run it behind the event with the offset `position` and before any later event: the command has read the database at this
    /// position. `None`: behind the replies and events that the sink has taken before.
    fn reply(&mut self, _position: Option<i64>, reply: Box<dyn FnOnce() + Send>) {
        reply();
    }

    /// Takes the next event.
    fn publish(&mut self, persisted: PersistedEvent);

    /// Called after the last reply and event of a batch.
    fn end(&mut self) {}

    /// Called when a burst of commands has ended and the writer has released its memory, so that other parts can release theirs.
    fn idle(&mut self) {}
}

impl<F: FnMut(PersistedEvent) + Send> CommitSink for F {
    fn publish(&mut self, persisted: PersistedEvent) {
        self(persisted);
    }
}

impl Writer {
    /// Starts the writer's thread.
    ///
    /// `clock` is called once a command. `ids` continues behind the largest id that was ever stored. After the commit, the writer's thread runs each
    /// command's reply and then publishes the command's events to `sink`, in the order of the offsets. Replies and `sink` must not block.
    ///
    /// The thread ends after [`Writer::close`], or when the last handle is dropped; after joining it, everything is on the disk. A panic of a
    /// command is caught; a panic of the writer itself aborts the process.
    ///
    /// # Errors
    /// [`OpenError::Failed`] if the database cannot be opened or the thread cannot be started.
    pub fn start(
        database: &Database,
        clock: impl Fn() -> Timestamp + Send + 'static,
        mut ids: impl IdSource + 'static,
        sink: impl CommitSink + 'static,
    ) -> Result<(Self, JoinHandle<()>), OpenError> {
        let queue = Arc::new(Queue::new(MAX_QUEUED));
        let stats = Arc::new(Mutex::new(WriterStats::default()));
        let (served, counted) = (Arc::clone(&queue), Arc::clone(&stats));
        let builder = Builder::new().name("writer".to_owned());
        let kept = database.clone();
        let thread = match database.place() {
            Place::Sqlite(file) => {
                let connection = file.connect(database.options())?;
                let stored = StoredState::read(&mut Tables(Sqlite::new(&connection)))?;
                let start = stored.start(database, &clock, &mut ids);
                builder.spawn(move || {
                    let context = start.into_context(Tables(Sqlite::new(&connection)), Box::new(clock), Box::new(ids));
                    serve_or_abort(&served, context, sink, &counted);
                    // The file must outlive the connection: a database in memory is deleted with its last handle.
                    drop(connection);
                    drop(kept);
                })
            }
            Place::Postgres(server) => {
                let (mut session, stored) = server.start_writer(StoredState::read)?;
                session.0.report_outages(outage::report(&queue));
                let start = stored.start(database, &clock, &mut ids);
                builder.spawn(move || {
                    let context = start.into_context(session, Box::new(clock), Box::new(ids));
                    let session = serve_or_abort(&served, context, sink, &counted);
                    if let Place::Postgres(server) = kept.place() {
                        server.put_back(session.0.into_link());
                    }
                })
            }
        };
        let thread = thread.map_err(|error| OpenError::Failed(error.to_string()))?;
        Ok((Self(Arc::new(WriterHandle { queue, stats })), thread))
    }

    /// Queues one unit of work. `work` runs inside the batch's transaction; when it returns an error or panics, only its own writes are rolled back.
    /// `reply` runs on the writer's thread after the commit. PostgreSQL may execute copies of `work`, so it must have no effect besides its writes
    /// unless they have succeeded.
    ///
    /// If the batch cannot be committed (full disk, read-only, locked), it is rolled back and the reply of each of its commands receives
    /// [`DomainError::Unavailable`]; the next batch is independent of that. If the queue is full or closed, `reply` receives it at once, on the caller's
    /// thread. While PostgreSQL has not answered the batch before for some seconds, `reply` receives it, too.
    pub fn submit<T: Send + 'static>(
        &self,
        actor: Actor,
        work: impl FnOnce(&mut CommandContext<'_>) -> Result<T, DomainError> + Clone + Send + 'static,
        reply: impl FnOnce(Result<T, DomainError>) + Send + 'static,
    ) {
        self.put(Box::new(Work { actor, stage: WorkState::Waiting(work), position: 0, reply }));
    }

    /// Queues a command, with [`Writer::submit`].
    pub fn run<C: Command>(&self, actor: Actor, command: C, reply: impl FnOnce(Result<C::Output, DomainError>) + Send + 'static) {
        self.submit(actor, |context| command.execute(context), reply);
    }

    /// Queues a function that runs in the order of the queue, behind the earlier commands and their events. If the queue is full or
    /// closed, it runs at once, on the caller's thread.
    pub fn submit_passthrough(&self, reply: impl FnOnce() + Send + 'static) {
        self.put(Box::new(Passthrough(reply)));
    }

    /// Takes the commands that wait in the queue, which are not executed then. Takes no other lock, and runs no reply.
    pub fn take_waiting(&self) -> WaitingCommands {
        let mut jobs = Vec::new();
        self.0.queue.take_waiting(&mut jobs);
        WaitingCommands(jobs)
    }

    /// Closes the queue for all handles. The writer finishes the queued commands, copies the write-ahead log into the database file, and ends.
    pub fn close(&self) {
        self.0.queue.close();
    }

    /// The writer's counts since the start, and the length of its queue.
    pub fn stats(&self) -> WriterStats {
        let waiting = self.0.queue.len();
        WriterStats { waiting, ..self.0.stats.lock().unwrap_or_else(PoisonError::into_inner).clone() }
    }

    fn put(&self, job: Box<dyn Job>) {
        if let Err((rejected, job)) = self.0.queue.put(job) {
            job.reject(rejected.into());
        }
    }
}

/// Commands that were taken from the queue.
#[must_use]
pub struct WaitingCommands(Vec<Box<dyn Job>>);

impl WaitingCommands {
    /// Runs the replies of the commands with [`DomainError::Unavailable`] and this reason.
    pub fn reject(self, reason: &str) {
        reject(self.0, reason);
    }
}

impl From<Rejected> for DomainError {
    fn from(rejected: Rejected) -> Self {
        Self::Unavailable(match rejected {
            Rejected::Full => "the queue is full".to_owned(),
            Rejected::Closed => "the server is stopping".to_owned(),
            Rejected::Suspended(reason) => reason.as_ref().to_owned(),
        })
    }
}

impl Rejectable for Box<dyn Job> {
    fn needs_database(&self) -> bool {
        self.needs_store()
    }

    fn reject(self, error: DomainError) {
        self.finish(&Err(error), &mut drop::<PersistedEvent>);
    }
}

/// A sink that counts the events that it publishes.
struct CountingSink<'a, O> {
    sink: &'a mut O,
    persisted_events: u64,
}

impl<O: CommitSink> CommitSink for CountingSink<'_, O> {
    fn charge(&mut self, actor: &Actor, reach: usize) {
        self.sink.charge(actor, reach);
    }

    fn orders_replies(&self) -> bool {
        self.sink.orders_replies()
    }

    fn reply(&mut self, position: Option<i64>, reply: Box<dyn FnOnce() + Send>) {
        self.sink.reply(position, reply);
    }

    fn publish(&mut self, persisted: PersistedEvent) {
        self.persisted_events += 1;
        self.sink.publish(persisted);
    }
}

/// What the writer reads before its first batch.
struct StoredState {
    last_id: EntityId,
    usage: Vec<(UserId, Usage)>,
}

impl StoredState {
    fn read<D: Transactions>(session: &mut Tables<D>) -> StoreResult<Self> {
        Ok(Self { last_id: session.last_id()?, usage: session.usage()? })
    }

    fn start(self, database: &Database, clock: impl Fn() -> Timestamp, ids: &mut impl IdSource) -> WriterStart {
        let Self { last_id, usage } = self;
        if last_id > 0 && is_far_ahead(last_id, clock()) {
            tracing::warn!(
                last = last_id,
                "a clock that was more than a day ahead gave the last ids; new ids continue from one day ahead of the clock"
            );
        }
        ids.resume_after(last_id);
        let options = database.options();
        WriterStart { last_id, bounds: options.bounds, quotas: Quotas::new(options.quotas, usage) }
    }
}

/// With what the writer starts.
struct WriterStart {
    last_id: EntityId,
    bounds: MembershipLimits,
    quotas: Quotas,
}

impl WriterStart {
    fn into_context<D>(self, session: Tables<D>, clock: Box<dyn Fn() -> Timestamp + Send>, source: Box<dyn IdSource>) -> BatchContext<D> {
        let ids = TrackedIds { source, last: self.last_id };
        BatchContext { session, clock, ids, bounds: self.bounds, quotas: self.quotas, usage_due: Timestamp::default(), repeated: 0 }
    }
}

/// Executes commands until the queue is closed, and returns the session. A panic ends the process.
fn serve_or_abort<D: Transactions>(
    queue: &Queue<Box<dyn Job>>,
    mut context: BatchContext<D>,
    sink: impl CommitSink,
    stats: &Mutex<WriterStats>,
) -> Tables<D> {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| serve(queue, &mut context, sink, stats))) {
        // Without the writer the server cannot change anything, and a process that ends is restarted.
        tracing::error!(panic = panic_message(&*panic), "the writer has died; the process ends");
        abort();
    }
    context.session
}

fn serve<D: Transactions>(
    queue: &Queue<Box<dyn Job>>,
    context: &mut BatchContext<D>,
    mut sink: impl CommitSink,
    stats: &Mutex<WriterStats>,
) {
    let mut jobs = Vec::with_capacity(MAX_BATCH);
    let mut since_idle = 0;
    loop {
        let after_burst = since_idle >= BURST_COMMANDS;
        let wait = if after_burst { Some(IDLE_INTERVAL) } else { context.session.0.check_interval() };
        match queue.take_within(wait, MAX_BATCH, &mut jobs) {
            Take::Some => {}
            Take::Nothing => {
                if after_burst {
                    since_idle = 0;
                    context.session.0.release_memory();
                    stats.lock().unwrap_or_else(PoisonError::into_inner).idle_periods += 1;
                    sink.idle();
                }
                context.session.0.check_connection();
                continue;
            }
            Take::Closed => break,
        }
        if let Err(reason) = sink.may_write() {
            reject(jobs.drain(..), reason);
            continue;
        }
        let commands = jobs.len();
        since_idle += commands;
        let committed = context.execute(&mut jobs);
        let batch = committed.clone().map(drop);
        sink.begin();
        let mut counted = CountingSink { sink: &mut sink, persisted_events: 0 };
        for job in jobs.drain(..) {
            job.finish(&batch, &mut counted);
        }
        let persisted_events = counted.persisted_events;
        sink.end();
        let mut stats = stats.lock().unwrap_or_else(PoisonError::into_inner);
        stats.batch(commands, &committed);
        stats.persisted_events += persisted_events;
        stats.repeated = context.repeated;
        (stats.round_trips, stats.reconnects) = context.session.0.connection_counts();
    }
    context.session.0.finish();
}

/// Runs the replies of commands that were not executed.
fn reject(jobs: impl IntoIterator<Item = Box<dyn Job>>, reason: &str) {
    let rejected = Err(DomainError::Unavailable(reason.to_owned()));
    for job in jobs {
        job.finish(&rejected, &mut drop::<PersistedEvent>);
    }
}
