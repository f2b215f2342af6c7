//! Transactions of parts on PostgreSQL.
//!
//! A transaction of the writer has few round trips. Statements whose result no one needs are kept and sent with the next query; the events are
//! written by one statement at the end, together with the commit. A part gets a savepoint only if its own writes reach the server before the part
//! ends: a command that fails before that leaves nothing to undo.
//!
//! The lock of all writers is taken first, so that one transaction after the other reads and writes. Offsets therefore have no holes, and their order
//! is the order of the commits.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use domain::ports::{StoreError, StoreResult};

use crate::batch::{BatchContext, Job};
use crate::driver::{Driver, EventNumbers, NewEvent, Row, Tables, Transactions, Value, values};
use crate::postgres::answers::Answers;
use crate::postgres::combined::{Asked, Combined};
use crate::postgres::event_buffer::{EventBuffer, WRITE_EVENTS};
use crate::postgres::link::Link;
use crate::postgres::session::{Failure, Parameter, Reply, Request};
use crate::readers::QueryJob;

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
const BEGIN_TO_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// The lock that a transaction of a writer holds to its end. Its numbers are [`LOCKS`](crate::postgres::link::LOCKS) and 2.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1919905645, 2)";
const SAVEPOINT: &str = "SAVEPOINT part";
const RELEASE: &str = "RELEASE SAVEPOINT part";
const ROLLBACK_TO: &str = "ROLLBACK TO SAVEPOINT part";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";

/// The last offset of the event log, and the number of the last transaction that wrote. The row of the head is missing in a database that was copied
/// from SQLite.
const MARKS: &str = "SELECT COALESCE((SELECT value FROM marks WHERE name = 'event_log_head'), (SELECT MAX(id) FROM journal), 0),
    COALESCE((SELECT value FROM marks WHERE name = 'last_batch'), 0)";
const PUT_MARKS: &str = "INSERT INTO marks (name, value) VALUES ('event_log_head', $1), ('last_batch', $2)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";
/// The number of the last transaction that wrote.
const LAST_BATCH: &str = "SELECT COALESCE(MAX(value), 0) FROM marks WHERE name = 'last_batch'";

/// A link in use. It runs single statements, or transactions of parts; each part can be rolled back alone.
pub(crate) struct Postgres {
    link: Link,
    transaction: Option<Transaction>,
    /// Whether each statement that fails leaves the transaction usable, as in SQLite. It costs two statements for each that writes.
    isolates_statements: bool,
    /// What the commands of the present batch ask.
    answers: Answers,
    combined: Combined,
    /// The events of the last transaction that was committed.
    committed: EventBuffer,
    /// The number of the last transaction of this link that wrote, and how many sessions the link had then.
    last_batch: Option<(i64, u64)>,
}

struct Transaction {
    /// Requests that were not sent yet.
    kept: Vec<Request>,
    part: Part,
    events: EventBuffer,
    /// The number of this transaction, by which its commit is recognized.
    batch: i64,
    /// Whether anything was written.
    writes: bool,
    state: TransactionState,
}

/// A part of the transaction: what one command writes.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    active: bool,
    /// Where its requests begin among the kept ones.
    from: usize,
    /// Whether the server has its savepoint.
    saved: bool,
}

#[derive(Debug)]
enum TransactionState {
    Usable,
    /// A statement of the present part has failed: the part must be rolled back.
    PartFailed(String),
    /// The transaction is over, or can only be rolled back.
    Failed(String),
}

impl Postgres {
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link,
            transaction: None,
            isolates_statements: false,
            answers: Answers::default(),
            combined: Combined::default(),
            committed: EventBuffer::default(),
            last_batch: None,
        }
    }

    /// A driver in which a statement that fails leaves the transaction usable.
    pub(crate) fn isolating_statements(link: Link) -> Self {
        Self { isolates_statements: true, ..Self::new(link) }
    }

    /// The link, for the next user of it.
    pub(crate) fn into_link(self) -> Link {
        self.link
    }

    /// How many round trips the present session has made.
    pub(crate) fn round_trips(&self) -> u64 {
        self.link.round_trips()
    }

    /// Sends the kept requests, and then this one; returns its reply.
    fn send(&mut self, request: Request, writes: bool) -> StoreResult<Reply> {
        let Some(transaction) = &mut self.transaction else { return self.send_alone(request) };
        let (requests, covered_from) = transaction.take_requests(request, writes)?;
        let mut replies: VecDeque<_> = self.link.exchange(&requests).into();
        if requests[0].sql == BEGIN_TO_READ && matches!(replies.front(), Some(Err(Failure::Lost(_)))) {
            // The session was lost before this transaction.
            self.link.ensure()?;
            replies = self.link.exchange(&requests).into();
        }
        let last = transaction.check(&requests, replies, covered_from);
        if self.isolates_statements && matches!(transaction.state, TransactionState::PartFailed(_)) {
            transaction.state = TransactionState::Usable;
            transaction.part = Part::default();
            let undo = self.link.exchange(&[Request::plain(ROLLBACK_TO), Request::plain(RELEASE)]);
            if undo.iter().any(Result::is_err) {
                transaction.state = TransactionState::Failed("a statement could not be undone".to_owned());
            }
        }
        last
    }

    /// Sends a request outside of a transaction.
    fn send_alone(&mut self, request: Request) -> StoreResult<Reply> {
        self.link.ensure()?;
        let reply = self.link.exchange(&[request]).pop();
        reply.unwrap_or_else(|| Err(Failure::Lost("no reply".to_owned()))).map_err(Failure::into_error)
    }

    /// Writes within a savepoint of its own.
    fn write_isolated(&mut self, request: Request) -> StoreResult<Reply> {
        if let Some(transaction) = &mut self.transaction {
            transaction.part = Part { active: true, from: transaction.kept.len(), saved: false };
        }
        let reply = self.send(request, true)?;
        if let Some(transaction) = &mut self.transaction {
            transaction.kept.push(Request::plain(RELEASE));
            transaction.part = Part::default();
        }
        Ok(reply)
    }

    fn write_request(&mut self, request: Request) -> StoreResult<Reply> {
        self.reject_while_noting()?;
        self.answers.forget_changed(request.sql);
        if let Some(transaction) = &mut self.transaction {
            transaction.writes = true;
        }
        if self.isolates_statements && self.transaction.is_some() { self.write_isolated(request) } else { self.send(request, true) }
    }

    fn read(&mut self, sql: &'static str, values: &[Value<'_>]) -> StoreResult<Arc<Vec<tokio_postgres::Row>>> {
        // No stored text has a NUL, which PostgreSQL rejects.
        if has_nul(values) {
            return Ok(Arc::default());
        }
        let request = Request::new(sql, values);
        if let Some(rows) = self.answers.find(&request) {
            return Ok(rows);
        }
        if self.answers.notes() {
            self.answers.note(request);
            return Err(StoreError::Unavailable("the answer is not known yet".to_owned()));
        }
        self.send(request, false).map(|reply| Arc::new(reply.rows))
    }

    /// The error for a write while commands are executed to note their questions.
    fn reject_while_noting(&self) -> StoreResult<()> {
        if self.answers.notes() {
            return Err(StoreError::Unavailable("nothing is written while questions are noted".to_owned()));
        }
        Ok(())
    }

    /// Begins the writer's transaction on the present session, and reads the answers to some questions in the same round trip.
    fn begin_on_session(&mut self, questions: &[Request]) -> Result<Transaction, Failure> {
        let mut requests = Vec::from([BEGIN, LOCK, MARKS].map(Request::plain));
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
        let marks = replies.pop().unwrap_or_default();
        let number = |column| marks.rows.first().and_then(|row| row.int(column).ok()).unwrap_or_default();
        Ok(Transaction::new(EventBuffer::behind(number(0)), number(1) + 1))
    }

    /// Finds out whether a transaction was committed whose connection was lost during the commit. Its session is over when this session has the lock
    /// of the database.
    fn look_up_commit(&mut self, batch: i64) -> StoreResult<bool> {
        tracing::warn!(server = self.link.server(), "the connection was lost during a commit; the server looks up its outcome");
        loop {
            self.link.reconnect();
            match self.link.exchange(&[Request::plain(LAST_BATCH)]).pop() {
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
}

impl Transaction {
    fn new(events: EventBuffer, batch: i64) -> Self {
        Self { kept: Vec::new(), part: Part::default(), events, batch, writes: false, state: TransactionState::Usable }
    }

    /// All requests that are to be sent now, and the first of them that the savepoint of the present part covers.
    fn take_requests(&mut self, request: Request, writes: bool) -> StoreResult<(Vec<Request>, Option<usize>)> {
        match &self.state {
            TransactionState::Usable => {}
            TransactionState::PartFailed(reason) => return Err(StoreError::Broken(reason.clone())),
            TransactionState::Failed(reason) => return Err(StoreError::Unavailable(reason.clone())),
        }
        // In a second exchange of a part, every request belongs to it.
        let mut covered_from = self.part.saved.then_some(0);
        if self.part.active && !self.part.saved && (writes || self.kept.len() > self.part.from) {
            self.kept.insert(self.part.from, Request::plain(SAVEPOINT));
            self.part.saved = true;
            covered_from = Some(self.part.from + 1);
        }
        self.part.from = 0;
        let mut requests = std::mem::take(&mut self.kept);
        requests.push(request);
        Ok((requests, covered_from))
    }

    /// Takes the replies; returns the last one.
    fn check(
        &mut self,
        requests: &[Request],
        replies: VecDeque<Result<Reply, Failure>>,
        covered_from: Option<usize>,
    ) -> StoreResult<Reply> {
        let mut last = Reply::default();
        for (index, reply) in replies.into_iter().enumerate() {
            let failure = match reply {
                Ok(reply) => {
                    if requests[index].sql == WRITE_EVENTS {
                        self.events.keep_seqs(&reply)?;
                    }
                    last = reply;
                    continue;
                }
                Err(failure) => failure,
            };
            let within_savepoint = matches!(failure, Failure::Rejected(_)) && covered_from.is_some_and(|first| first <= index);
            let error = failure.into_error();
            self.state = if within_savepoint {
                TransactionState::PartFailed(error.to_string())
            } else {
                TransactionState::Failed(error.to_string())
            };
            return Err(error);
        }
        Ok(last)
    }
}

impl Driver for Postgres {
    fn append(&mut self, event: &NewEvent<'_>) -> StoreResult<EventNumbers> {
        self.reject_while_noting()?;
        let Some(transaction) = &mut self.transaction else {
            return Err(StoreError::Broken("an event is appended outside of a transaction".to_owned()));
        };
        transaction.writes = true;
        let numbers = transaction.events.append(event);
        if self.isolates_statements {
            self.write_events()?;
            let seq = self.transaction.as_ref().and_then(|transaction| transaction.events.seq(numbers.offset));
            return Ok(EventNumbers { seq: seq.unwrap_or_default(), ..numbers });
        }
        Ok(numbers)
    }

    fn last_offset(&mut self) -> StoreResult<i64> {
        if let Some(transaction) = self.transaction.as_ref().filter(|transaction| transaction.batch > 0) {
            return Ok(transaction.events.last_offset());
        }
        // Before the transaction of a batch the offset is not known, and needs no question.
        self.reject_while_noting()?;
        Ok(self.first("SELECT MAX(id) FROM journal", values![], |row| row.maybe_int(0))?.flatten().unwrap_or(0))
    }

    fn write_events(&mut self) -> StoreResult<()> {
        match self.transaction.as_mut().and_then(|transaction| transaction.events.take_request()) {
            Some(request) => self.write_request(request).map(drop),
            None => Ok(()),
        }
    }

    fn write(&mut self, sql: &'static str, values: &[Value<'_>]) -> StoreResult<u64> {
        reject_nul(values)?;
        Ok(self.write_request(Request::new(sql, values))?.changed)
    }

    fn post(&mut self, sql: &'static str, values: &[Value<'_>]) -> StoreResult<()> {
        self.reject_while_noting()?;
        reject_nul(values)?;
        self.answers.forget_changed(sql);
        match &mut self.transaction {
            Some(transaction) if !self.isolates_statements && matches!(transaction.state, TransactionState::Usable) => {
                transaction.writes = true;
                transaction.kept.push(Request::new(sql, values));
                Ok(())
            }
            _ => self.write_request(Request::new(sql, values)).map(drop),
        }
    }

    fn first<T>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnOnce(&dyn Row) -> StoreResult<T>,
    ) -> StoreResult<Option<T>> {
        self.read(sql, values)?.first().map(|row| read(row)).transpose()
    }

    fn all<T>(&mut self, sql: &'static str, values: &[Value<'_>], mut read: impl FnMut(&dyn Row) -> StoreResult<T>) -> StoreResult<Vec<T>> {
        self.read(sql, values)?.iter().map(|row| read(row)).collect()
    }
}

impl Transactions for Postgres {
    const NUMBERS_EVENTS_LATE: bool = true;
    const REPEATS_COMMANDS: bool = true;

    fn begin_batch(batch_context: &mut BatchContext<Self>, jobs: &[Box<dyn Job>]) -> StoreResult<()> {
        let mut asking: Vec<&dyn Job> = jobs.iter().map(|job| &**job).collect();
        let questions = note_questions(batch_context, &mut asking);
        batch_context.session.0.begin_asking(&questions)?;
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
        self.link.may_connect()
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
        let mut transaction = Transaction::new(EventBuffer::default(), 0);
        transaction.kept.push(Request::plain(BEGIN_TO_READ));
        self.transaction = Some(transaction);
        Ok(())
    }

    fn complete(&mut self) -> StoreResult<()> {
        let Some(transaction) = self.transaction.as_mut().filter(|transaction| transaction.writes) else { return Ok(()) };
        transaction.kept.extend(transaction.events.take_request());
        let (head, batch) = (transaction.events.last_offset(), transaction.batch);
        transaction.kept.push(Request { sql: PUT_MARKS, parameters: vec![Parameter::Int(head), Parameter::Int(batch)] });
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
        }
        self.committed = transaction.events;
        Ok(())
    }

    fn rollback(&mut self) {
        self.answers.clear();
        let Some(transaction) = self.transaction.take() else { return };
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
}

impl Postgres {
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
        let transaction = begun.map_err(Failure::into_error)?;
        if let Some((last, sessions)) = self.last_batch
            && sessions != self.link.sessions()
            && transaction.batch != last + 1
        {
            // Connections have state that does not match the database any more, and a process that ends is restarted.
            panic!("another server has written to the database while this one was not connected");
        }
        self.transaction = Some(transaction);
        Ok(())
    }

    /// Reads the answers to some questions in one round trip.
    fn ask(&mut self, questions: &[Request]) -> StoreResult<()> {
        let asked = self.combined.questions(&mut self.link, questions);
        let requests: Vec<Request> = asked.iter().map(|asked| asked.request.clone()).collect();
        let replies = self.link.exchange(&requests);
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

fn has_nul(values: &[Value<'_>]) -> bool {
    values.iter().any(|value| matches!(value, Value::Text(text) if text.contains('\0')))
}

fn reject_nul(values: &[Value<'_>]) -> StoreResult<()> {
    if has_nul(values) { Err(StoreError::Broken("a text has a NUL, which PostgreSQL cannot store".to_owned())) } else { Ok(()) }
}
