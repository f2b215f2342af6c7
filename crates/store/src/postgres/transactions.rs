//! Transactions of parts on a link: their beginning, their commit, and what is done when a connection is lost in between.
//!
//! The lock of all writers is taken first, so that one transaction after the other reads and writes. Offsets therefore have no holes, and their order
//! is the order of the commits.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use domain::ids::UserId;
use domain::ports::{IdSource, StoreError, StoreResult};
use domain::quotas::{Usage, UsageChange};

use crate::batch::{BatchContext, Job};
use crate::driver::{Row, Tables, Transactions, values};
use crate::postgres::Postgres;
use crate::postgres::combined::Asked;
use crate::postgres::driver::BEGIN_TO_READ;
use crate::postgres::event_buffer::EventBuffer;
use crate::postgres::lost_commits::Marks;
use crate::postgres::open_transaction::{Part, RELEASE, ROLLBACK_TO, Transaction, TransactionState};
use crate::postgres::session::{Failure, Parameter, Reply, Request};
use crate::readers::QueryJob;

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// The lock that a transaction of a writer holds to its end. Its numbers are [`LOCKS`](crate::postgres::server_locks::LOCKS) and 2.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1919905645, 2)";
/// How long the transaction of a node may wait for its next statement, so that a frozen node does not continue it. A second less than the limit after which
/// PostgreSQL ends it.
const IDLE_LIMIT: Duration = Duration::from_secs(4);
/// How often a node without commands checks its connection: its session holds its locks, and it learns of another epoch.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";
const PUT_MARKS: &str = "INSERT INTO marks (name, value) VALUES ('event_log_head', $1), ($2, $3)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";
/// The number of the last transaction that wrote.
const LAST_BATCH: &str = "SELECT COALESCE(MAX(value), 0) FROM marks WHERE name = $1";

impl Transactions for Postgres {
    const NUMBERS_EVENTS_LATE: bool = true;
    const REPEATS_COMMANDS: bool = true;

    fn begin_batch(batch_context: &mut BatchContext<Self>, jobs: &[Box<dyn Job>]) -> StoreResult<()> {
        let mut asking: Vec<&dyn Job> = jobs.iter().map(|job| &**job).collect();
        let questions = note_questions(batch_context, &mut asking);
        batch_context.session.0.begin_asking(&questions)?;
        // Another node may have given ids since then, by a clock that is ahead.
        let last_id = batch_context.session.0.transaction.as_ref().map_or(0, |transaction| transaction.last_id);
        if last_id > batch_context.ids.last {
            batch_context.ids.resume_after(last_id);
        }
        // The one command of a batch finds its next answer as soon as its copy would.
        if jobs.len() > 1 {
            for _ in 1..MAX_ROUNDS {
                let questions = note_questions(batch_context, &mut asking);
                if questions.is_empty() {
                    break;
                }
                batch_context.session.0.ask(&questions)?;
            }
        }
        Ok(())
    }

    fn is_reachable(&self) -> bool {
        // The commands of a node that was stopped may have been sent to another node since then.
        !self.was_stopped && self.link.may_connect()
    }

    fn execute(job: &mut dyn Job, batch_context: &mut BatchContext<Self>) -> StoreResult<()> {
        job.execute_in_postgres(batch_context)
    }

    fn query(job: Box<dyn QueryJob>, session: &mut Tables<Self>) {
        job.execute_in_postgres(session);
    }

    fn begin(&mut self) -> StoreResult<()> {
        self.begin_asking(&[])
    }

    fn begin_to_read(&mut self) -> StoreResult<()> {
        self.link.ensure()?;
        let mut transaction = Transaction::new(EventBuffer::default(), 0, 0);
        transaction.kept.push(Request::plain(BEGIN_TO_READ));
        self.transaction = Some(transaction);
        Ok(())
    }

    fn complete(&mut self) -> StoreResult<()> {
        let batch_mark = self.batch_mark();
        let Some(transaction) = self.transaction.as_mut().filter(|transaction| transaction.writes) else { return Ok(()) };
        transaction.kept.extend(transaction.events.take_request());
        let (head, batch) = (transaction.events.last_offset(), transaction.batch);
        transaction.kept.push(Request { sql: PUT_MARKS, parameters: vec![Parameter::Int(head), batch_mark, Parameter::Int(batch)] });
        Ok(())
    }

    fn commit(&mut self) -> StoreResult<()> {
        self.answers.clear();
        let Some(transaction) = &mut self.transaction else { return Ok(()) };
        // A transaction that has failed stays, to be rolled back.
        let (requests, _) = transaction.take_requests(Request::plain(COMMIT), false)?;
        let Some(mut transaction) = self.transaction.take() else { return Ok(()) };
        let requests = self.combined.writes(&mut self.link, requests);
        let replies: VecDeque<_> = self.link.exchange(&requests).into();
        let lost = replies.iter().any(|reply| matches!(reply, Err(Failure::Lost(_))));
        if !lost {
            // After a statement that failed, COMMIT rolls back.
            transaction.check(&requests, replies, None)?;
        } else if transaction.writes {
            if !self.look_up_commit(transaction.batch)? {
                return Err(StoreError::Unavailable("the connection to PostgreSQL was lost before the commit".to_owned()));
            }
            self.look_up_seqs(&mut transaction.events)?;
        }
        if transaction.writes {
            self.last_batch = Some((transaction.batch, self.link.sessions()));
            self.seen_head = transaction.events.last_offset();
        }
        self.committed = transaction.events;
        Ok(())
    }

    fn rollback(&mut self) {
        self.answers.clear();
        let Some(transaction) = self.transaction.take() else { return };
        self.was_stopped = transaction.is_stale();
        if transaction.kept.first().is_some_and(|request| request.sql == BEGIN_TO_READ) {
            return;
        }
        if self.link.is_connected()
            && let Some(Err(Failure::Rejected(error))) = self.link.exchange(&[Request::plain(ROLLBACK)]).pop()
        {
            tracing::error!(%error, "a transaction could not be rolled back");
            self.link.drop_session();
        }
    }

    fn in_transaction(&self) -> bool {
        self.transaction.as_ref().is_some_and(|transaction| !matches!(transaction.state, TransactionState::Failed(_)))
    }

    fn position(&self) -> i64 {
        self.transaction.as_ref().map_or(0, |transaction| transaction.events.last_offset())
    }

    fn savepoint(&mut self) {
        if let Some(transaction) = &mut self.transaction {
            transaction.part = Part { active: true, from: transaction.kept.len(), saved: false };
            transaction.events.begin_part();
        }
    }

    fn release(&mut self) -> StoreResult<()> {
        let Some(transaction) = &mut self.transaction else { return Ok(()) };
        if let TransactionState::PartFailed(reason) = &transaction.state {
            return Err(StoreError::Broken(format!("a command has ignored an error: {reason}")));
        }
        if std::mem::take(&mut transaction.part).saved {
            transaction.kept.push(Request::plain(RELEASE));
        }
        Ok(())
    }

    fn rollback_to(&mut self) -> StoreResult<()> {
        let Some(transaction) = &mut self.transaction else { return Ok(()) };
        let part = std::mem::take(&mut transaction.part);
        transaction.kept.truncate(part.from);
        transaction.events.rollback_part();
        if part.saved {
            transaction.kept.extend([ROLLBACK_TO, RELEASE].map(Request::plain));
        }
        transaction.state = TransactionState::Usable;
        Ok(())
    }

    fn assigned_seq(&self, offset: i64) -> Option<i64> {
        self.committed.seq(offset)
    }

    fn add_usage(&mut self, changes: &[UsageChange]) -> StoreResult<Option<Vec<(UserId, Usage)>>> {
        if self.member.is_none() {
            return Ok(None);
        }
        self.add_to_usage(changes).map(Some)
    }

    fn check_interval(&self) -> Option<Duration> {
        self.member.as_ref().map(|_| CHECK_INTERVAL)
    }

    fn check_connection(&mut self) {
        if self.member.is_none() || self.link.ensure().is_err() {
            return;
        }
        if let Some(Ok(reply)) = self.link.exchange(&[self.marks_request()]).pop() {
            self.check_marks(&Marks::of(&reply));
        }
    }

    fn finish(&mut self) {
        // Without this number the next node that starts knows that this one will not return.
        if let Some(member) = self.member.as_ref().filter(|_| self.link.is_connected()) {
            let forget = Request::new("DELETE FROM marks WHERE name = $1", values![&format!("joined:{}", member.id)]);
            self.link.exchange(&[forget]);
        }
    }

    fn connection_counts(&self) -> (u64, u64) {
        (self.link.round_trips(), self.link.sessions().saturating_sub(1))
    }
}

impl Postgres {
    /// Begins the writer's transaction on the present session, and reads the answers to some questions in the same round trip.
    fn begin_on_session(&mut self, questions: &[Request]) -> Result<Marks, Failure> {
        let mut requests = Vec::from([BEGIN, LOCK].map(Request::plain));
        requests.push(self.marks_request());
        let asked = self.combined.questions(&mut self.link, questions);
        requests.extend(asked.iter().map(|asked| asked.request.clone()));
        let mut replies = Vec::with_capacity(requests.len());
        for reply in self.link.exchange(&requests) {
            // A transaction that has begun in part ends with its session.
            replies.push(reply.inspect_err(|_| self.link.drop_session())?);
        }
        let answers = replies.split_off(3);
        for (asked, reply) in asked.into_iter().zip(answers) {
            self.keep_answers(asked, reply);
        }
        Ok(Marks::of(&replies.pop().unwrap_or_default()))
    }

    /// Finds out whether a transaction was committed whose connection was lost during the commit. Its session is over when this session has the lock
    /// of the database.
    fn look_up_commit(&mut self, batch: i64) -> StoreResult<bool> {
        tracing::warn!(server = self.link.server(), "the connection was lost during a commit; the server looks up its outcome");
        let request = Request { sql: LAST_BATCH, parameters: vec![self.batch_mark()] };
        loop {
            self.link.reconnect();
            match self.link.exchange(std::slice::from_ref(&request)).pop() {
                Some(Ok(reply)) => {
                    let last = reply.rows.first().map_or(Ok(0), |row| row.int(0))?;
                    tracing::info!(committed = last == batch, "the outcome of the commit is known");
                    return Ok(last == batch);
                }
                Some(Err(Failure::Rejected(error))) => return Err(Failure::Rejected(error).into_error()),
                Some(Err(Failure::Lost(_))) | None => {}
            }
        }
    }

    /// Begins the writer's transaction, and reads the answers to some questions.
    fn begin_asking(&mut self, questions: &[Request]) -> StoreResult<()> {
        let was_connected = self.link.is_connected();
        self.link.ensure()?;
        let begun = match self.begin_on_session(questions) {
            // The session was lost since the last transaction, and nothing of this one has happened.
            Err(Failure::Lost(_)) if was_connected => {
                self.link.ensure()?;
                self.begin_on_session(questions)
            }
            begun => begun,
        };
        let marks = begun.map_err(Failure::into_error)?;
        self.check_marks(&marks);
        let idle_limit = self.member.as_ref().map(|_| IDLE_LIMIT);
        let transaction = Transaction::new(EventBuffer::behind(marks.head), marks.batch + 1, marks.last_id);
        self.transaction = Some(Transaction { idle_limit, ..transaction });
        Ok(())
    }

    /// Reads the answers to some questions in one round trip.
    fn ask(&mut self, questions: &[Request]) -> StoreResult<()> {
        let asked = self.combined.questions(&mut self.link, questions);
        let requests: Vec<Request> = asked.iter().map(|asked| asked.request.clone()).collect();
        let replies = self.link.exchange(&requests);
        if let Some(transaction) = &mut self.transaction {
            transaction.used = Instant::now();
        }
        for (asked, reply) in asked.into_iter().zip(replies) {
            self.keep_answers(asked, reply.map_err(Failure::into_error)?);
        }
        Ok(())
    }

    fn keep_answers(&mut self, asked: Asked, reply: Reply) {
        for (question, rows) in asked.answers(reply.rows) {
            self.answers.keep(question, rows);
        }
    }

    /// Reads the numbers of events whose commit was looked up. The events are stored, so it repeats what a lost connection has interrupted.
    fn look_up_seqs(&mut self, events: &mut EventBuffer) -> StoreResult<()> {
        let sql = "SELECT id, seq FROM journal WHERE id > $1 AND id <= $2";
        let request = Request::new(sql, values![events.start(), events.last_offset()]);
        loop {
            self.link.reconnect();
            match self.link.exchange(std::slice::from_ref(&request)).pop() {
                Some(Ok(reply)) => return events.keep_seqs(&reply),
                Some(Err(Failure::Rejected(error))) => return Err(Failure::Rejected(error).into_error()),
                Some(Err(Failure::Lost(_))) | None => {}
            }
        }
    }
}

/// How often the copies of a batch's commands are executed at most to note their questions. A question that is not answered by then is asked when its
/// command is executed.
const MAX_ROUNDS: usize = 6;

/// Executes copies of jobs; returns their next questions. Jobs that have none are removed from the list.
fn note_questions(batch_context: &mut BatchContext<Postgres>, asking: &mut Vec<&dyn Job>) -> Vec<Request> {
    batch_context.session.0.answers.begin_notes();
    asking.retain(|job| {
        let before = batch_context.session.0.answers.count();
        job.ask_postgres(batch_context);
        batch_context.session.0.answers.count() > before
    });
    let mut questions = batch_context.session.0.answers.take_questions();
    let mut seen = HashSet::new();
    questions.retain(|question| seen.insert((question.address(), question.parameters.clone())));
    questions
}
