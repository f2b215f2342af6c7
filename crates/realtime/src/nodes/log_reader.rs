//! Reads the event log for the node.

use cluster::sequencer::LogPage;
use cluster::{EventLogError, EventLogReader};
use domain::command::{Actor, Query};
use domain::error::DomainError;
use domain::sessions::{ReadEventLog, ReadEventLogHead};
use store::Readers;
use tokio::sync::oneshot;

use super::event_codec::{from_log, unreadable};

/// Reads the event log with the readers of the store.
pub struct LogReader(Readers);

impl LogReader {
    /// A reader of this store.
    pub fn new(readers: Readers) -> Self {
        Self(readers)
    }

    async fn ask<Q: Query>(&self, query: Q) -> Result<Q::Output, EventLogError> {
        let (reply, response) = oneshot::channel();
        self.0.ask(Actor::server(), query, move |result| drop(reply.send(result)));
        let result = response.await.unwrap_or_else(|_| Err(DomainError::Unavailable("the server is stopping".to_owned())));
        result.map_err(|error| EventLogError(error.to_string()))
    }
}

impl EventLogReader for LogReader {
    async fn read(&self, from: u64, limit: u32) -> Result<LogPage, EventLogError> {
        let after = i64::try_from(from).unwrap_or(i64::MAX).saturating_sub(1);
        let mut batch = self.ask(ReadEventLog { after, limit }).await?;
        if batch.unreadable.is_some() {
            // Such a batch has no events in front of the unreadable one, which the connections have not received.
            batch = self.ask(ReadEventLog { after, limit: 1 }).await?;
        }
        let skipped = batch.unreadable.map(|offset| unreadable(offset.unsigned_abs()));
        let events = skipped.into_iter().chain(batch.events.into_iter().map(from_log)).collect();
        Ok(LogPage { events, complete_through: batch.complete_through.unsigned_abs(), is_full: batch.is_full })
    }

    async fn head(&self) -> Result<u64, EventLogError> {
        self.ask(ReadEventLogHead).await.map(i64::unsigned_abs)
    }
}
