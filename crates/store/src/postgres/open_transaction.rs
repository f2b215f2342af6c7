//! The state of an open transaction: the requests that wait, the part of the present command, and the events.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use domain::ids::EntityId;
use domain::ports::{StoreError, StoreResult};

use crate::postgres::event_buffer::{EventBuffer, WRITE_EVENTS};
use crate::postgres::session::{Failure, Reply, Request};

pub(super) const SAVEPOINT: &str = "SAVEPOINT part";
pub(super) const RELEASE: &str = "RELEASE SAVEPOINT part";
pub(super) const ROLLBACK_TO: &str = "ROLLBACK TO SAVEPOINT part";

/// An open transaction.
pub(super) struct Transaction {
    /// Requests that were not sent yet.
    pub(super) kept: Vec<Request>,
    pub(super) part: Part,
    pub(super) events: EventBuffer,
    /// The number of this transaction. It identifies the commit after a lost connection.
    pub(super) batch: i64,
    /// The largest id that any server had given before this transaction.
    pub(super) last_id: EntityId,
    /// Whether anything was written.
    pub(super) writes: bool,
    pub(super) state: TransactionState,
    /// When its last statement was answered.
    pub(super) used: Instant,
    /// How long it may wait for its next statement; `None` for any time.
    pub(super) idle_limit: Option<Duration>,
}

/// A part of the transaction: what one command writes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part {
    pub(super) active: bool,
    /// Where its requests begin among the kept ones.
    pub(super) from: usize,
    /// Whether the server has its savepoint.
    pub(super) saved: bool,
}

/// Whether the transaction can be used.
#[derive(Debug)]
pub(super) enum TransactionState {
    Usable,
    /// A statement of the present part has failed: the part must be rolled back.
    PartFailed(String),
    /// The transaction is over, or can only be rolled back.
    Failed(String),
}

impl Transaction {
    pub(super) fn new(events: EventBuffer, batch: i64, last_id: EntityId) -> Self {
        let (part, state) = (Part::default(), TransactionState::Usable);
        Self { kept: Vec::new(), part, events, batch, last_id, writes: false, state, used: Instant::now(), idle_limit: None }
    }

    /// Whether it has waited for its next statement for too long: the process was stopped, and other nodes may have taken over its clients.
    pub(super) fn is_stale(&self) -> bool {
        self.idle_limit.is_some_and(|limit| self.used.elapsed() > limit)
    }

    /// All requests that are to be sent now, and the first of them that the savepoint of the present part covers.
    pub(super) fn take_requests(&mut self, request: Request, writes: bool) -> StoreResult<(Vec<Request>, Option<usize>)> {
        if self.is_stale() {
            self.state = TransactionState::Failed("this node was stopped for some seconds during a transaction".to_owned());
        }
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
    pub(super) fn check(
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
