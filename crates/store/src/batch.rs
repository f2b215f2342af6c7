//! Executes many commands in one transaction: each can fail by itself, all are committed together, and the replies run in the order of the queue.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use domain::command::{Actor, CommandContext, MembershipLimits};
use domain::error::DomainError;
use domain::event::PersistedEvent;
use domain::ids::{EntityId, Timestamp, UserId};
use domain::ports::{IdSource, StoreResult};
use domain::quotas::{DAY_SECONDS, Quotas, Usage, UsageChange};

use crate::driver::{Tables, Transactions};
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::writer::CommitSink;

/// A job in the writer's queue.
pub(crate) trait Job: Send {
    /// Whether the job needs the store.
    fn needs_store(&self) -> bool;

    /// Executes the job inside a transaction of SQLite, and stores the result until the commit.
    fn execute_in_sqlite(&mut self, batch_context: &mut BatchContext<Sqlite<'_>>) -> StoreResult<()>;

    /// The same inside a transaction of PostgreSQL.
    fn execute_in_postgres(&mut self, batch_context: &mut BatchContext<Postgres>) -> StoreResult<()>;

    /// Executes a copy of the job while the driver only notes what it asks; see [`Postgres`].
    fn ask_postgres(&self, batch_context: &mut BatchContext<Postgres>);

    /// A copy of the work, to execute it again; `None` for a job without work.
    fn copy_work(&self) -> Option<Box<dyn Any>>;

    /// Takes a copy of [`Job::copy_work`] as the work to be executed next.
    fn restore_work(&mut self, copy: &dyn Any);

    /// Sets the result of a job whose own transaction has failed.
    fn fail(&mut self, error: DomainError);

    /// After the commit: gives the events the numbers in their rooms that they did not have before.
    fn assign_seqs(&mut self, seq_of: &dyn Fn(i64) -> Option<i64>);

    /// Runs the job's reply, and then publishes its events. `batch` is `Ok` if the transaction was committed.
    fn finish(self: Box<Self>, batch: &Result<(), DomainError>, sink: &mut dyn CommitSink);
}

/// The state with which the writer's thread executes batches.
pub(crate) struct BatchContext<D> {
    pub(crate) session: Tables<D>,
    pub(crate) clock: Box<dyn Fn() -> Timestamp + Send>,
    pub(crate) ids: TrackedIds,
    pub(crate) bounds: MembershipLimits,
    pub(crate) quotas: Quotas,
    /// The time at which the usage of quotas is to be stored next.
    pub(crate) usage_due: Timestamp,
    /// How many commands were executed again.
    pub(crate) repeated: u64,
}

/// The id source, and the largest id that it has given, which is stored in the transaction that uses the id.
pub(crate) struct TrackedIds {
    pub(crate) source: Box<dyn IdSource>,
    pub(crate) last: EntityId,
}

impl IdSource for TrackedIds {
    fn resume_after(&mut self, last: EntityId) {
        self.source.resume_after(last);
        self.last = last;
    }

    fn next_id(&mut self, now: Timestamp) -> EntityId {
        self.last = self.source.next_id(now);
        self.last
    }

    fn invite_code(&mut self) -> String {
        self.source.invite_code()
    }
}

impl<D: Transactions> BatchContext<D> {
    /// Executes a whole batch in one transaction. Returns how long the commit took, or `None` for a batch that needed no commit. On an error the
    /// whole batch is rolled back.
    pub(crate) fn execute(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<Option<Duration>, DomainError> {
        if !jobs.iter().any(|job| job.needs_store()) {
            return Ok(None);
        }
        let copies: Vec<_> = if D::REPEATS_COMMANDS { jobs.iter().map(|job| job.copy_work()).collect() } else { Vec::new() };
        let mut outcome = self.execute_in_transaction(jobs);
        if let Err(error) = &outcome {
            self.session.0.rollback();
            if D::REPEATS_COMMANDS && self.session.0.is_reachable() {
                tracing::warn!(%error, commands = jobs.len(), "a batch has failed; its commands are executed again, one by one");
                outcome = Ok(self.execute_one_by_one(jobs, &copies));
            } else {
                tracing::error!(%error, commands = jobs.len(), "a batch was lost");
            }
        }
        // The error concerns the batch, not one command, and the commands may succeed when they are sent again.
        outcome.map(Some).map_err(|error| DomainError::Unavailable(error.to_string()))
    }

    fn execute_in_transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> StoreResult<Duration> {
        let mut usage = WrittenUsage::default();
        let outcome = self.execute_writing_usage(jobs, &mut usage);
        match outcome {
            Ok(_) => self.quotas.set_totals(usage.totals),
            Err(_) => self.quotas.put_back(usage.changes),
        }
        outcome
    }

    fn execute_writing_usage(&mut self, jobs: &mut [Box<dyn Job>], usage: &mut WrittenUsage) -> StoreResult<Duration> {
        D::begin_batch(self, jobs)?;
        let last_id = self.ids.last;
        for job in &mut *jobs {
            D::execute(&mut **job, self)?;
        }
        if self.ids.last != last_id {
            self.session.put_last_id(self.ids.last)?;
        }
        self.write_usage(usage)?;
        self.session.0.complete()?;
        let started = Instant::now();
        self.session.0.commit()?;
        let took = started.elapsed();
        if D::NUMBERS_EVENTS_LATE {
            for job in jobs {
                job.assign_seqs(&|offset| self.session.0.assigned_seq(offset));
            }
        }
        Ok(took)
    }
}

impl<D: Transactions> BatchContext<D> {
    /// Executes each job in a transaction of its own, and sets the result of each whose transaction fails. Returns how long the commits took.
    fn execute_one_by_one(&mut self, jobs: &mut [Box<dyn Job>], copies: &[Option<Box<dyn Any>>]) -> Duration {
        let mut took = Duration::ZERO;
        for (job, copy) in jobs.iter_mut().zip(copies) {
            let Some(copy) = copy else { continue };
            job.restore_work(&**copy);
            self.repeated += 1;
            match self.execute_in_transaction(std::slice::from_mut(job)) {
                Ok(commit) => took += commit,
                Err(error) => {
                    tracing::error!(%error, "a command was lost");
                    self.session.0.rollback();
                    job.fail(error.into());
                }
            }
        }
        took
    }
}

/// How often the usage of quotas is stored, in seconds: a killed server loses the usage of this time, and other nodes have not read it yet.
const USAGE_INTERVAL_SECONDS: i64 = 10;
/// The usage of how many users is stored with one batch.
const USAGE_ROWS_PER_STEP: usize = 256;

impl<D: Transactions> BatchContext<D> {
    /// Stores some of the usage of quotas if it is due, in the batch's transaction.
    fn write_usage(&mut self, written: &mut WrittenUsage) -> StoreResult<()> {
        let now = (self.clock)();
        if now < self.usage_due {
            return Ok(());
        }
        written.changes = self.quotas.take_changed(USAGE_ROWS_PER_STEP);
        match self.session.0.add_usage(&written.changes)? {
            Some(totals) => written.totals = totals,
            None => {
                for change in &written.changes {
                    self.session.put_usage(&change.user, &change.total)?;
                }
            }
        }
        if written.changes.len() < USAGE_ROWS_PER_STEP {
            self.session.delete_usage_before(now.minus_seconds(DAY_SECONDS), USAGE_ROWS_PER_STEP as u32)?;
            self.usage_due = now.minus_seconds(-USAGE_INTERVAL_SECONDS);
        }
        Ok(())
    }
}

/// The usage of quotas that a transaction has stored.
#[derive(Default)]
struct WrittenUsage {
    changes: Vec<UsageChange>,
    /// The usage of the same users on all nodes.
    totals: Vec<(UserId, Usage)>,
}

/// A unit of work on behalf of an actor, and the reply that receives its result.
pub(crate) struct Work<T, W, R> {
    pub(crate) actor: Actor,
    pub(crate) stage: WorkState<T, W>,
    /// The last offset before the events of the work, once it is executed.
    pub(crate) position: i64,
    pub(crate) reply: R,
}

/// The state of a unit of work.
pub(crate) enum WorkState<T, W> {
    Waiting(W),
    Decided(Result<(T, Vec<PersistedEvent>), DomainError>),
    /// Its batch was lost before or while it was decided.
    Lost,
}

/// Ids for an execution that is not kept.
struct UnusedIds(EntityId);

impl IdSource for UnusedIds {
    fn resume_after(&mut self, _: EntityId) {}

    fn next_id(&mut self, _: Timestamp) -> EntityId {
        self.0 += 1;
        self.0
    }

    fn invite_code(&mut self) -> String {
        "UNUSED".to_owned()
    }
}

impl<T, W, R> Work<T, W, R>
where
    W: FnOnce(&mut CommandContext<'_>) -> Result<T, DomainError> + Clone,
{
    /// Executes a copy of the work, and forgets the result.
    fn try_out<D: Transactions>(&self, batch_context: &mut BatchContext<D>) {
        let WorkState::Waiting(work) = &self.stage else { return };
        let (work, now) = (work.clone(), (batch_context.clock)());
        let mut ids = UnusedIds(batch_context.ids.last);
        // A panic happens again when the job is executed, and is reported then.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let context = CommandContext::new(&mut batch_context.session, &self.actor, now, &mut ids).with_bounds(batch_context.bounds);
            work(&mut context.with_quotas(&batch_context.quotas)).is_ok()
        }));
    }

    fn execute<D: Transactions>(&mut self, batch_context: &mut BatchContext<D>) -> StoreResult<()> {
        let WorkState::Waiting(work) = std::mem::replace(&mut self.stage, WorkState::Lost) else { return Ok(()) };
        batch_context.session.0.savepoint();
        self.position = batch_context.session.0.position();
        let now = (batch_context.clock)();
        // The writes of a command that panics are rolled back with its part, so no later command reads them.
        let decided = catch_unwind(AssertUnwindSafe(|| {
            let mut context = CommandContext::new(&mut batch_context.session, &self.actor, now, &mut batch_context.ids)
                .with_bounds(batch_context.bounds)
                .with_quotas(&batch_context.quotas);
            work(&mut context).map(|output| (output, context.into_parts()))
        }));
        let decided = decided.unwrap_or_else(|panic| Err(DomainError::Internal(format!("a command panicked: {}", panic_message(&*panic)))));
        let decided = decided.map(|(output, (persisted_events, charge))| {
            batch_context.quotas.count(&charge, &self.actor.user, now);
            (output, persisted_events)
        });
        if !batch_context.session.0.in_transaction() {
            // A full disk ends the whole transaction, including the writes of the earlier commands.
            return Err(domain::ports::StoreError::Unavailable(match decided {
                Err(error) => error.to_string(),
                Ok(_) => "the database ended the transaction".to_owned(),
            }));
        }
        match &decided {
            Ok(_) => batch_context.session.0.release()?,
            Err(_) => batch_context.session.0.rollback_to()?,
        }
        self.stage = WorkState::Decided(decided);
        Ok(())
    }
}

impl<T, W, R> Job for Work<T, W, R>
where
    T: Send + 'static,
    W: FnOnce(&mut CommandContext<'_>) -> Result<T, DomainError> + Clone + Send + 'static,
    R: FnOnce(Result<T, DomainError>) + Send + 'static,
{
    fn needs_store(&self) -> bool {
        true
    }

    fn execute_in_sqlite(&mut self, batch_context: &mut BatchContext<Sqlite<'_>>) -> StoreResult<()> {
        self.execute(batch_context)
    }

    fn execute_in_postgres(&mut self, batch_context: &mut BatchContext<Postgres>) -> StoreResult<()> {
        self.execute(batch_context)
    }

    fn ask_postgres(&self, batch_context: &mut BatchContext<Postgres>) {
        self.try_out(batch_context);
    }

    fn copy_work(&self) -> Option<Box<dyn Any>> {
        match &self.stage {
            WorkState::Waiting(work) => Some(Box::new(work.clone())),
            WorkState::Decided(_) | WorkState::Lost => None,
        }
    }

    fn restore_work(&mut self, copy: &dyn Any) {
        if let Some(work) = copy.downcast_ref::<W>() {
            self.stage = WorkState::Waiting(work.clone());
        }
    }

    fn fail(&mut self, error: DomainError) {
        self.stage = WorkState::Decided(Err(error));
    }

    fn assign_seqs(&mut self, seq_of: &dyn Fn(i64) -> Option<i64>) {
        let WorkState::Decided(Ok((_, persisted_events))) = &mut self.stage else { return };
        for persisted in persisted_events {
            persisted.seq = seq_of(persisted.offset).unwrap_or(persisted.seq);
        }
    }

    fn finish(self: Box<Self>, batch: &Result<(), DomainError>, sink: &mut dyn CommitSink) {
        let reply = self.reply;
        let (output, persisted_events) = match (batch, self.stage) {
            // Nothing was read or changed, so the reply has no place in the order of events.
            (Err(error), _) => return catch_panic("a reply", || reply(Err(error.clone()))),
            (Ok(()), WorkState::Decided(Ok((output, persisted_events)))) => (Ok(output), persisted_events),
            (Ok(()), WorkState::Decided(Err(error))) => (Err(error), Vec::new()),
            (Ok(()), _) => (Err(DomainError::Internal("a command was not decided".to_owned())), Vec::new()),
        };
        if sink.orders_replies() {
            sink.reply(Some(self.position), Box::new(move || catch_panic("a reply", || reply(output))));
        } else {
            catch_panic("a reply", || reply(output));
        }
        let reach: usize = persisted_events.iter().map(PersistedEvent::reach).sum();
        if reach > 1 {
            catch_panic("a charge", || sink.charge(&self.actor, reach));
        }
        for persisted in persisted_events {
            catch_panic("a publication", || sink.publish(persisted));
        }
    }
}

/// A job without a command: its reply runs in the order of the queue.
pub(crate) struct Passthrough<R>(pub(crate) R);

impl<R: FnOnce() + Send + 'static> Job for Passthrough<R> {
    fn needs_store(&self) -> bool {
        false
    }

    fn execute_in_sqlite(&mut self, _: &mut BatchContext<Sqlite<'_>>) -> StoreResult<()> {
        Ok(())
    }

    fn execute_in_postgres(&mut self, _: &mut BatchContext<Postgres>) -> StoreResult<()> {
        Ok(())
    }

    fn ask_postgres(&self, _: &mut BatchContext<Postgres>) {}

    fn copy_work(&self) -> Option<Box<dyn Any>> {
        None
    }

    fn restore_work(&mut self, _: &dyn Any) {}

    fn fail(&mut self, _: DomainError) {}

    fn assign_seqs(&mut self, _: &dyn Fn(i64) -> Option<i64>) {}

    fn finish(self: Box<Self>, _: &Result<(), DomainError>, sink: &mut dyn CommitSink) {
        let reply = self.0;
        if sink.orders_replies() {
            sink.reply(None, Box::new(move || catch_panic("a reply", reply)));
        } else {
            catch_panic("a reply", reply);
        }
    }
}

/// Runs a caller's function and logs its panic, which must not end the writer's thread.
pub(crate) fn catch_panic(what: &'static str, run: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
        tracing::error!(panic = panic_message(&*panic), "{what} panicked");
    }
}

/// The message of a panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given")
}
