//! The events of a transaction, which are written together at its end: one statement, for any number of events and rooms.

use std::collections::HashMap;

use domain::ids::{RoomId, Timestamp};
use domain::ports::StoreResult;

use crate::driver::{EventNumbers, NewEvent, Row};
use crate::postgres::session::{Parameter, Reply, Request};

/// Raises the counter of each room by the number of its events, and inserts the events with the numbers that they get. `behind` is how many events
/// of the same room follow an event.
pub(crate) const WRITE_EVENTS: &str = "WITH given AS (
        SELECT * FROM unnest($1::BIGINT[], $2::TEXT[], $3::BIGINT[], $4::BIGINT[], $5::TEXT[], $6::BIGINT[])
            AS event (id, room, behind, at, body, account)),
    counted AS (
        INSERT INTO sequences (room, seq) SELECT room, COUNT(*) FROM given GROUP BY room
        ON CONFLICT (room) DO UPDATE SET seq = sequences.seq + excluded.seq RETURNING room, seq)
    INSERT INTO journal (id, room, seq, at, body, account)
        SELECT given.id, given.room, counted.seq - given.behind, given.at, given.body, given.account
        FROM given JOIN counted ON counted.room = given.room
    RETURNING id, seq";

/// The events of a transaction. Their number is that of one batch of commands.
#[derive(Debug, Default)]
pub(crate) struct EventBuffer {
    events: Vec<BufferedEvent>,
    /// How many of them were sent to the server.
    written: usize,
    /// The offset of the last event before the transaction.
    start: i64,
    /// The numbers of events in their rooms, by offset, as far as they are known.
    seqs: HashMap<i64, i64>,
    /// What was known when the present part began.
    part: PartStart,
}

#[derive(Clone, Copy, Debug, Default)]
struct PartStart {
    events: usize,
    written: usize,
}

#[derive(Debug)]
struct BufferedEvent {
    offset: i64,
    room: RoomId,
    at: Timestamp,
    body: String,
    account: i64,
}

impl EventBuffer {
    /// A buffer for events behind an offset.
    pub(crate) fn behind(offset: i64) -> Self {
        Self { start: offset, ..Self::default() }
    }

    /// The offset of the last event.
    pub(crate) fn last_offset(&self) -> i64 {
        self.events.last().map_or(self.start, |event| event.offset)
    }

    /// The offset of the last event before the transaction.
    pub(crate) fn start(&self) -> i64 {
        self.start
    }

    pub(crate) fn append(&mut self, event: &NewEvent<'_>) -> EventNumbers {
        let offset = self.last_offset() + event.offsets as i64;
        self.events.push(BufferedEvent {
            offset,
            room: event.room.clone(),
            at: event.at,
            body: event.body.to_owned(),
            account: event.account.0,
        });
        EventNumbers { offset, seq: 0 }
    }

    /// Begins a part of the transaction.
    pub(crate) fn begin_part(&mut self) {
        self.part = PartStart { events: self.events.len(), written: self.written };
    }

    /// Removes the events of the present part. Events of earlier parts that were written during this part are to be written again.
    pub(crate) fn rollback_part(&mut self) {
        self.events.truncate(self.part.events);
        self.written = self.part.written;
    }

    /// The request that writes the events which were not written yet; `None` if all were.
    pub(crate) fn take_request(&mut self) -> Option<Request> {
        let unwritten = &self.events[self.written..];
        if unwritten.is_empty() {
            return None;
        }
        let mut following: HashMap<&RoomId, i64> = HashMap::new();
        let mut behind: Vec<i64> = unwritten
            .iter()
            .rev()
            .map(|event| {
                let count = following.entry(&event.room).or_default();
                *count += 1;
                *count - 1
            })
            .collect();
        behind.reverse();
        let ints = |value: fn(&BufferedEvent) -> i64| Parameter::Ints(unwritten.iter().map(|event| Some(value(event))).collect());
        let parameters = vec![
            ints(|event| event.offset),
            Parameter::Texts(unwritten.iter().map(|event| Some(event.room.as_str().to_owned())).collect()),
            Parameter::Ints(behind.into_iter().map(Some).collect()),
            ints(|event| event.at.0),
            Parameter::Texts(unwritten.iter().map(|event| Some(event.body.clone())).collect()),
            ints(|event| event.account),
        ];
        self.written = self.events.len();
        Some(Request { sql: WRITE_EVENTS, parameters })
    }

    /// Takes the numbers from the reply to [`EventBuffer::take_request`].
    pub(crate) fn keep_seqs(&mut self, reply: &Reply) -> StoreResult<()> {
        for row in &reply.rows {
            self.seqs.insert(row.int(0)?, row.int(1)?);
        }
        Ok(())
    }

    /// The number of an event in its room, if it was written.
    pub(crate) fn seq(&self, offset: i64) -> Option<i64> {
        self.seqs.get(&offset).copied()
    }
}

#[cfg(test)]
mod tests {
    use domain::event::Account;
    use domain::ids::RoomKind;

    use super::*;

    fn append(buffer: &mut EventBuffer, room: i64, offsets: usize) -> i64 {
        let room = RoomKind::Household.room(room);
        buffer.append(&NewEvent { room: &room, at: Timestamp(0), body: "{}", account: Account(0), offsets }).offset
    }

    fn offsets_and_behind(request: Option<Request>) -> (Vec<i64>, Vec<i64>) {
        match request.map(|request| request.parameters).as_deref() {
            Some([Parameter::Ints(offsets), _, Parameter::Ints(behind), ..]) => {
                (offsets.iter().flatten().copied().collect(), behind.iter().flatten().copied().collect())
            }
            _ => (vec![], vec![]),
        }
    }

    #[test]
    fn events_have_offsets_without_holes_and_the_order_in_rooms() {
        let mut buffer = EventBuffer::behind(10);
        assert_eq!([append(&mut buffer, 1, 1), append(&mut buffer, 2, 3), append(&mut buffer, 1, 1)], [11, 14, 15]);
        assert_eq!(offsets_and_behind(buffer.take_request()), (vec![11, 14, 15], vec![1, 0, 0]));
        assert!(buffer.take_request().is_none());
        assert_eq!(buffer.last_offset(), 15);
    }

    #[test]
    fn rolled_back_part_leaves_no_event_and_rewrites_earlier_ones() {
        let mut buffer = EventBuffer::behind(0);
        append(&mut buffer, 1, 1);
        buffer.begin_part();
        append(&mut buffer, 1, 1);
        assert_eq!(offsets_and_behind(buffer.take_request()).0, [1, 2]);
        buffer.rollback_part();
        assert_eq!(append(&mut buffer, 2, 1), 2);
        assert_eq!(offsets_and_behind(buffer.take_request()).0, [1, 2]);
    }
}
