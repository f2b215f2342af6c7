//! Reads the event log for the node.

use cluster::sequencer::LogPage;
use cluster::wire::EventFrame;
use cluster::{EventLogError, EventLogReader};
use domain::command::Query;
use domain::error::DomainError;
use domain::ports::EventBatch;
use domain::sessions::{ReadEventLog, ReadEventLogHead};
use store::Readers;

use super::event_codec::{deleted, from_log, is_unreadable, unreadable};

/// Reads the event log with the readers of the store.
pub struct LogReader(Readers);

impl LogReader {
    /// A reader of this store.
    pub fn new(readers: Readers) -> Self {
        Self(readers)
    }

    async fn run<Q: Query>(&self, query: Q) -> Result<Q::Output, EventLogError> {
        let result =
            self.0.run_as_server(query).await.unwrap_or_else(|| Err(DomainError::Unavailable("the server is stopping".to_owned())));
        result.map_err(|error| EventLogError(error.to_string()))
    }
}

impl EventLogReader for LogReader {
    async fn read(&self, from: u64, limit: u32) -> Result<LogPage, EventLogError> {
        let after = i64::try_from(from).unwrap_or(i64::MAX).saturating_sub(1);
        let batch = self.run(ReadEventLog { after, limit }).await?;
        Ok(LogPage { complete_through: batch.complete_through.unsigned_abs(), is_full: batch.is_full, events: frames(from, batch) })
    }

    async fn head(&self) -> Result<u64, EventLogError> {
        self.run(ReadEventLogHead).await.map(i64::unsigned_abs)
    }
}

/// The frames of a range of the log from an offset on: its events, and a frame for each row that cannot be read, and for each range of deleted rows.
fn frames(from: u64, batch: EventBatch) -> Vec<EventFrame> {
    let unreadable_rows = batch.unreadable.iter().map(|offset| unreadable(offset.unsigned_abs()));
    let mut rows: Vec<EventFrame> = batch.events.into_iter().map(from_log).chain(unreadable_rows).collect();
    rows.sort_by_key(EventFrame::last);
    let mut next = from;
    let mut frames = Vec::with_capacity(rows.len());
    for frame in rows {
        // It is not known how many offsets an unreadable event has.
        if frame.first() > next && !is_unreadable(&frame) {
            frames.push(deleted(frame.first() - 1));
        }
        next = frame.last() + 1;
        frames.push(frame);
    }
    let complete_through = batch.complete_through.unsigned_abs();
    if complete_through >= next {
        frames.push(deleted(complete_through));
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
    fn rows_that_are_deleted_or_cannot_be_read_have_frames() {
        let event = |offset: &i64| {
            let body = serde_json::to_string(&Event::NotificationsRead).unwrap();
            let room = RoomKind::Channel.room(7);
            PersistedEvent { offset: *offset, room, seq: 1, at: Timestamp(0), event: Event::NotificationsRead, body, account: Account(0) }
        };
        for (offsets, unreadable, complete_through, expected) in [
            (vec![5, 6], vec![], 6, "event 5, event 6"),
            (vec![7, 9], vec![], 9, "deleted 6, event 7, deleted 8, event 9"),
            (vec![5], vec![], 8, "event 5, deleted 8"),
            (vec![], vec![], 8, "deleted 8"),
            (vec![], vec![], 4, ""),
            (vec![5, 8], vec![7, 9], 9, "event 5, unreadable 7, event 8, unreadable 9"),
            (vec![5, 9], vec![7], 9, "event 5, unreadable 7, deleted 8, event 9"),
        ] {
            let events = offsets.iter().map(event).collect();
            let batch = EventBatch { events, unreadable, complete_through, is_full: false };
            let name = |frame: &EventFrame| match decode(frame) {
                FrameValue::Unreadable => "unreadable",
                FrameValue::Deleted => "deleted",
                FrameValue::Event(_) | FrameValue::Encoded(_) => "event",
            };
            let found: Vec<_> = frames(5, batch).iter().map(|frame| format!("{} {}", name(frame), frame.last())).collect();
            assert_eq!(found.join(", "), expected);
        }
    }
}
