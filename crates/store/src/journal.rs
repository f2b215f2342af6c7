//! The ordered list of facts, and each room's counter.

use domain::event::{Event, Fact};
use domain::names::{Room, Timestamp};
use domain::seam::{Journal, StoreError, Stored};

use crate::driver::{Driver, Tables, values};

impl<D: Driver> Journal for Tables<D> {
    fn append(&mut self, room: &Room, at: Timestamp, event: Event) -> Stored<Fact> {
        let write = "INSERT INTO journal (room, seq, at, body) VALUES ($1, $2, $3, $4)";
        let body = serde_json::to_string(&event).map_err(|error| StoreError::Broken(format!("an event's body: {error}")))?;
        let seq = self.raise_seq(room)?;
        let offset = self.0.insert_numbered(write, values![room, seq, at, &body])?;
        Ok(Fact { offset, room: room.clone(), seq, at, event })
    }

    fn facts_after(&mut self, offset: i64, limit: u32) -> Stored<Vec<Fact>> {
        let sql = "SELECT id, room, seq, at, body FROM journal WHERE id > $1 ORDER BY id LIMIT $2";
        self.0.all(sql, values![offset, limit], |row| {
            let offset = row.int(0)?;
            let event = serde_json::from_str(row.text(4)?);
            let event = event.map_err(|error| StoreError::Broken(format!("the fact at offset {offset}: {error}")))?;
            Ok(Fact { offset, room: row.room(1)?, seq: row.int(2)?, at: row.time(3)?, event })
        })
    }

    fn last_offset(&mut self) -> Stored<i64> {
        Ok(self.0.first("SELECT MAX(id) FROM journal", values![], |row| row.maybe_int(0))?.flatten().unwrap_or(0))
    }

    fn delete_facts(&mut self, until: Timestamp, most: i64, limit: u32) -> Stored<u64> {
        // Facts stand in the order of their times, so the oldest rows are the ones to go, and how many are too old need not be counted.
        let sql = "DELETE FROM journal WHERE id IN (SELECT id FROM journal ORDER BY id LIMIT $1)
            AND (at < $2 OR id <= $3) AND id < (SELECT MAX(id) FROM journal)";
        self.0.write(sql, values![limit, until, most])
    }

    fn confirmed_by_all(&mut self) -> Stored<i64> {
        self.mark(CONFIRMED)
    }

    fn put_confirmed_by_all(&mut self, offset: i64) -> Stored<()> {
        self.put_mark(CONFIRMED, offset)
    }
}

/// The mark of what every connection has heard.
const CONFIRMED: &str = "confirmed";

impl<D: Driver> Tables<D> {
    /// The room's next `seq`. Two plain statements cost less than one with ON CONFLICT and RETURNING, and mean the same: the first holds
    /// the row until the transaction ends.
    fn raise_seq(&mut self, room: &Room) -> Stored<i64> {
        let raise = "UPDATE sequences SET seq = seq + 1 WHERE room = $1";
        let begin = "INSERT INTO sequences (room, seq) VALUES ($1, 1) ON CONFLICT (room) DO UPDATE SET seq = sequences.seq + 1";
        let raised = "SELECT seq FROM sequences WHERE room = $1";
        if self.0.write(raise, values![room])? == 0 {
            self.0.write(begin, values![room])?;
        }
        let seq = self.0.first(raised, values![room], |row| row.int(0))?;
        seq.ok_or_else(|| StoreError::Broken(format!("the counter of {room} is not there")))
    }
}
