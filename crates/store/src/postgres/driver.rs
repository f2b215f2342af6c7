//! Statements on PostgreSQL, alone or in a transaction.
//!
//! A transaction of the writer has few round trips. Statements whose result no one needs are kept and sent with the next query; the events are
//! written by one statement at the end, together with the commit. A part gets a savepoint only if its own writes reach the server before the part
//! ends: a command that fails before that leaves nothing to undo.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use domain::ports::{StoreError, StoreResult};

use crate::driver::{Driver, EventNumbers, NewEvent, Row, Value, values};
use crate::outage::OutageReport;
use crate::postgres::answers::Answers;
use crate::postgres::combined::Combined;
use crate::postgres::event_buffer::EventBuffer;
use crate::postgres::link::Link;
use crate::postgres::open_transaction::{Part, RELEASE, ROLLBACK_TO, Transaction, TransactionState};
use crate::postgres::session::{Failure, Parameter, Reply, Request};

pub(super) const BEGIN_TO_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A node's place in its cluster.
#[derive(Clone)]
pub(crate) struct Member {
    /// The node's id.
    pub(crate) id: Arc<str>,
    /// The epoch of the cluster. When another epoch has begun, the node must end.
    pub(super) epoch: String,
    /// The name of the number of the node's last transaction that wrote.
    batch_mark: String,
}

impl Member {
    pub(crate) fn new(id: &str, epoch: &str) -> Self {
        Self { id: id.into(), epoch: epoch.to_owned(), batch_mark: format!("{BATCH_MARK}:{id}") }
    }
}

/// The name of the number of the last transaction that wrote, of a single server.
const BATCH_MARK: &str = "last_batch";

/// A link in use. It runs single statements, or transactions of parts; each part can be rolled back alone.
pub(crate) struct Postgres {
    pub(super) link: Link,
    pub(super) transaction: Option<Transaction>,
    /// Whether each statement that fails leaves the transaction usable, as in SQLite. It costs two statements for each that writes.
    pub(super) isolates_statements: bool,
    /// What the commands of the present batch ask.
    pub(super) answers: Answers,
    pub(super) combined: Combined,
    /// The events of the last transaction that was committed.
    pub(super) committed: EventBuffer,
    /// The number of the last transaction of this link that wrote, and how many sessions the link had then.
    pub(super) last_batch: Option<(i64, u64)>,
    /// The last offset of the event log that this link has read or written.
    pub(super) seen_head: i64,
    /// For the writer of a node.
    pub(super) member: Option<Member>,
    /// Whether the last transaction failed because the process was stopped in the middle of it.
    pub(super) was_stopped: bool,
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
            seen_head: 0,
            member: None,
            was_stopped: false,
        }
    }

    /// The driver of a writer, which may be that of a node.
    pub(crate) fn of_writer(link: Link, member: Option<Member>) -> Self {
        Self { member, ..Self::new(link) }
    }

    /// The name of the number of the last transaction that wrote.
    pub(super) fn batch_mark(&self) -> Parameter {
        Parameter::Text(self.member.as_ref().map_or(BATCH_MARK, |member| &member.batch_mark).to_owned())
    }

    /// A driver in which a statement that fails leaves the transaction usable.
    pub(crate) fn isolating_statements(link: Link) -> Self {
        Self { isolates_statements: true, ..Self::new(link) }
    }

    /// Reports when the database does not answer for some seconds.
    pub(crate) fn report_outages(&mut self, report: OutageReport) {
        self.link.report_outages(Some(report));
    }

    /// Gives up a statement that the database does not answer for some seconds, and its session.
    pub(crate) fn give_up_without_answer(&mut self) {
        self.link.give_up_without_answer();
    }

    /// The link, for the next user of it.
    pub(crate) fn into_link(mut self) -> Link {
        self.link.report_outages(None);
        self.link
    }

    /// How many round trips the sessions of this link have made.
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
        transaction.used = Instant::now();
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
    pub(super) fn send_alone(&mut self, request: Request) -> StoreResult<Reply> {
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

    pub(super) fn write_request(&mut self, request: Request) -> StoreResult<Reply> {
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
}

impl Driver for Postgres {
    fn node(&self) -> Option<Arc<str>> {
        self.member.as_ref().map(|member| Arc::clone(&member.id))
    }

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

fn has_nul(values: &[Value<'_>]) -> bool {
    values.iter().any(|value| matches!(value, Value::Text(text) if text.contains('\0')))
}

fn reject_nul(values: &[Value<'_>]) -> StoreResult<()> {
    if has_nul(values) { Err(StoreError::Broken("a text has a NUL, which PostgreSQL cannot store".to_owned())) } else { Ok(()) }
}
