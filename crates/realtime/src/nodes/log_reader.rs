//! Reads the event log for the node.

use cluster::sequencer::LogPage;
use cluster::wire::EventFrame;
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
        let batch = self.ask(ReadEventLog { after, limit }).await?;
        let complete_through = batch.complete_through.unsigned_abs();
        let events = with_gaps(from, batch.events.into_iter().map(from_log), complete_through);
        Ok(LogPage { events, complete_through, is_full: batch.is_full })
    }

    async fn head(&self) -> Result<u64, EventLogError> {
        self.ask(ReadEventLogHead).await.map(i64::unsigned_abs)
    }
}

/// The events of a range of the log from an offset on, with an unreadable event for each gap: another node has deleted the events there, or another version
/// of the program has written them.
fn with_gaps(from: u64, events: impl Iterator<Item = EventFrame>, complete_through: u64) -> Vec<EventFrame> {
    let mut next = from;
    let mut frames = Vec::new();
    for event in events {
        if event.first() > next {
            frames.push(unreadable(event.first() - 1));
        }
        next = event.last() + 1;
        frames.push(event);
    }
    if complete_through >= next {
        frames.push(unreadable(complete_through));
    }
    frames
}

#[cfg(test)]
mod tests {
    use domain::event::{Account, Event, PersistedEvent};
    use domain::ids::{RoomKind, Timestamp};

    use super::super::event_codec::{FrameValue, decode};
    use super::*;

    #[test]
    fn each_gap_of_the_log_is_an_unreadable_event() {
        let event = |offset| {
            let body = serde_json::to_string(&Event::NotificationsRead).unwrap();
            let room = RoomKind::Channel.room(7);
            from_log(PersistedEvent { offset, room, seq: 1, at: Timestamp(0), event: Event::NotificationsRead, body, account: Account(0) })
        };
        for (offsets, complete_through, expected) in [
            (vec![5, 6], 6, vec![(5, true), (6, true)]),
            (vec![7, 9], 9, vec![(6, false), (7, true), (8, false), (9, true)]),
            (vec![5], 8, vec![(5, true), (8, false)]),
            (vec![], 8, vec![(8, false)]),
            (vec![], 4, vec![]),
        ] {
            let frames = with_gaps(5, offsets.iter().map(|offset| event(*offset)), complete_through);
            let found: Vec<_> = frames.iter().map(|frame| (frame.last(), !matches!(decode(frame), FrameValue::Unreadable))).collect();
            assert_eq!(found, expected, "{offsets:?} up to {complete_through}");
        }
    }
}
