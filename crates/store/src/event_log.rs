//! The event log, and each room's counter.

use domain::event::{Account, Event, PersistedEvent};
use domain::ids::{RoomId, Timestamp};
use domain::ports::{EventBatch, EventLog, StoreError, StoreResult};

use crate::driver::{Driver, EventNumbers, NewEvent, Row, Tables, values};

/// The first capacity, in bytes, of the buffer for an event's JSON. Most events are shorter; for a longer event the buffer grows.
const INITIAL_BODY_BYTES: usize = 1024;

impl<D: Driver> EventLog for Tables<D> {
    fn append(&mut self, room: &RoomId, at: Timestamp, account: Account, event: Event) -> StoreResult<PersistedEvent> {
        let mut body = Vec::with_capacity(INITIAL_BODY_BYTES);
        serde_json::to_writer(&mut body, &event).map_err(|error| StoreError::Broken(format!("an event's body: {error}")))?;
        let body = String::from_utf8(body).map_err(|error| StoreError::Broken(format!("an event's body: {error}")))?;
        let new_event = NewEvent { room, at, body: &body, account, offsets: event.offsets() };
        let EventNumbers { offset, seq } = self.0.append(&new_event)?;
        Ok(PersistedEvent { offset, room: room.clone(), seq, at, event, body, account })
    }

    fn events_after(&mut self, offset: i64, since: Timestamp, limit: u32) -> StoreResult<EventBatch> {
        self.0.write_events()?;
        let sql = "SELECT id, room, seq, at, body, account FROM journal WHERE id > $1 AND at >= $2 ORDER BY id LIMIT $3";
        let rows = self.0.all(sql, values![offset, since, limit], |row| Ok((row.int(0)?, event_from_row(row))))?;
        let is_full = rows.len() >= limit as usize;
        let mut batch = EventBatch { complete_through: offset, is_full, ..EventBatch::default() };
        for (offset, persisted) in rows {
            batch.complete_through = offset;
            match persisted {
                Some(persisted) => batch.events.push(persisted),
                None => batch.unreadable.push(offset),
            }
        }
        if !is_full {
            batch.complete_through = self.last_offset()?;
        }
        Ok(batch)
    }

    fn event_at(&mut self, offset: i64) -> StoreResult<Option<PersistedEvent>> {
        self.0.write_events()?;
        let sql = "SELECT id, room, seq, at, body, account FROM journal WHERE id >= $1 ORDER BY id LIMIT 1";
        let next = self.0.first(sql, values![offset], |row| Ok(event_from_row(row)))?.flatten();
        Ok(next.filter(|persisted| persisted.first_offset() <= offset))
    }

    fn last_offset(&mut self) -> StoreResult<i64> {
        self.0.last_offset()
    }

    fn delete_events_before(&mut self, until: Timestamp, limit: u32) -> StoreResult<u64> {
        self.0.write_events()?;
        // Events are stored in the order of their times, so the oldest rows are deleted.
        let old = "SELECT MAX(id) FROM (SELECT id, at FROM journal WHERE id < (SELECT MAX(id) FROM journal) ORDER BY id LIMIT $1) AS oldest
            WHERE at < $2";
        let Some(last) = self.0.first(old, values![limit, until], |row| row.maybe_int(0))?.flatten() else { return Ok(0) };
        let deleted = self.0.write("DELETE FROM journal WHERE id <= $1", values![last])?;
        self.put_counter(FLOOR, last)?;
        self.0.post("DELETE FROM journal_holes WHERE until <= $1", values![last])?;
        Ok(deleted)
    }

    fn delete_events(&mut self, offsets: &[i64], until: Timestamp) -> StoreResult<()> {
        self.0.write_events()?;
        let last = self.last_offset()?;
        for offset in offsets.iter().filter(|offset| **offset != last) {
            self.0.post("DELETE FROM journal WHERE id = $1 AND at <= $2", values![*offset, until])?;
        }
        Ok(())
    }

    fn log_floor(&mut self, since: Timestamp) -> StoreResult<i64> {
        self.0.write_events()?;
        let first = "SELECT id FROM journal WHERE at >= $1 ORDER BY id LIMIT 1";
        let older = match self.0.first(first, values![since], |row| row.int(0))? {
            Some(first) => self.0.first("SELECT MAX(id) FROM journal WHERE id < $1", values![first], |row| row.maybe_int(0))?.flatten(),
            None => Some(self.last_offset()?),
        };
        Ok(self.counter(FLOOR)?.max(older.unwrap_or(0)))
    }

    fn put_gap(&mut self, room: &str, until: i64) -> StoreResult<()> {
        let sql = "INSERT INTO journal_holes (room, until) VALUES ($1, $2)
            ON CONFLICT (room) DO UPDATE SET until = excluded.until WHERE excluded.until > journal_holes.until";
        self.0.post(sql, values![room, until])
    }

    fn gaps_after(&mut self, offset: i64) -> StoreResult<Vec<(String, i64)>> {
        let sql = "SELECT room, until FROM journal_holes WHERE until > $1 ORDER BY room";
        self.0.all(sql, values![offset], |row| Ok((row.text(0)?.to_owned(), row.int(1)?)))
    }

    fn put_acked_by_all(&mut self, offset: i64) -> StoreResult<()> {
        let node = self.0.node();
        let name = Self::name_for_node(ACKED, node.as_deref().unwrap_or_default());
        self.put_counter(&name, offset)
    }
}

/// The name of the number for the offset up to which every connection of a node has received its events.
pub(crate) const ACKED: &str = "confirmed";

/// The name of the number for the offset up to which events were removed because of their age.
const FLOOR: &str = "journal_floor";

/// Reads an event from its row; `None` if this version of the program cannot read it.
fn event_from_row(row: &dyn Row) -> Option<PersistedEvent> {
    let body = row.text(4).ok()?;
    Some(PersistedEvent {
        offset: row.int(0).ok()?,
        room: row.room(1).ok()?,
        seq: row.int(2).ok()?,
        at: row.time(3).ok()?,
        event: serde_json::from_str(body).ok()?,
        body: body.into(),
        account: Account(row.int(5).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use domain::ids::RoomKind;

    use super::*;
    use crate::database::{Database, Options};
    use crate::sqlite::Sqlite;

    #[test]
    fn unreadable_row_is_skipped_and_named() {
        let database = Database::open(Options::new("sqlite::memory:")).unwrap();
        let connection = database.sqlite_connection();
        let mut store = Tables(Sqlite::new(&connection));
        for _ in 1..=4 {
            store.append(&RoomKind::Household.room(1), Timestamp(0), Account(0), Event::NotificationsRead).unwrap();
        }
        store.0.write(r#"UPDATE journal SET body = '{"event":"of_tomorrow"}' WHERE id = 2"#, values![]).unwrap();
        for (limit, offsets, complete_through, is_full) in [(9, vec![1, 3, 4], 4, false), (2, vec![1], 2, true)] {
            let batch = store.events_after(0, Timestamp(0), limit).unwrap();
            assert_eq!(batch.events.iter().map(|persisted| persisted.offset).collect::<Vec<_>>(), offsets);
            assert_eq!((batch.unreadable, batch.complete_through, batch.is_full), (vec![2], complete_through, is_full));
        }
    }
}
