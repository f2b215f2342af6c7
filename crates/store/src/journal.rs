//! The ordered list of facts, and each room's counter.

use domain::event::{Event, Fact};
use domain::names::{Room, Timestamp};
use domain::seam::{Journal, StoreError, Stored, Stretch};

use crate::driver::{Driver, Tables, values};

/// For how many bytes of an event room is made at first. Most are shorter, and one that is not is copied as it grows.
const BODY: usize = 1024;

impl<D: Driver> Journal for Tables<D> {
    fn append(&mut self, room: &Room, at: Timestamp, event: Event) -> Stored<Fact> {
        let write = "INSERT INTO journal (room, seq, at, body) VALUES ($1, $2, $3, $4)";
        let mut body = Vec::with_capacity(BODY);
        serde_json::to_writer(&mut body, &event).map_err(|error| StoreError::Broken(format!("an event's body: {error}")))?;
        let body = String::from_utf8(body).map_err(|error| StoreError::Broken(format!("an event's body: {error}")))?;
        let seq = self.raise_seq(room)?;
        let offset = match event.offsets() {
            1 => self.0.insert_numbered(write, values![room, seq, at, &body])?,
            several => {
                let write_at = "INSERT INTO journal (id, room, seq, at, body) VALUES ($1, $2, $3, $4, $5)";
                let offset = self.last_offset()? + several as i64;
                self.0.write(write_at, values![offset, room, seq, at, &body])?;
                offset
            }
        };
        Ok(Fact { offset, room: room.clone(), seq, at, event, body })
    }

    fn facts_after(&mut self, offset: i64, since: Timestamp, limit: u32) -> Stored<Stretch> {
        let sql = "SELECT id, room, seq, at, body FROM journal WHERE id > $1 AND at >= $2 ORDER BY id LIMIT $3";
        let rows = self.0.all(sql, values![offset, since, limit], |row| {
            let (offset, body) = (row.int(0)?, row.text(4)?);
            let read = || {
                let event = serde_json::from_str(body).ok()?;
                Some(Fact { offset, room: row.room(1).ok()?, seq: row.int(2).ok()?, at: row.time(3).ok()?, event, body: body.into() })
            };
            Ok((offset, read()))
        })?;
        let mut stretch = Stretch::default();
        for (offset, fact) in rows {
            stretch.end = Some(offset);
            match fact {
                Some(fact) => stretch.facts.push(fact),
                None => {
                    stretch.facts.clear();
                    stretch.unreadable = Some(offset);
                }
            }
        }
        Ok(stretch)
    }

    fn last_offset(&mut self) -> Stored<i64> {
        Ok(self.0.first("SELECT MAX(id) FROM journal", values![], |row| row.maybe_int(0))?.flatten().unwrap_or(0))
    }

    fn delete_facts(&mut self, until: Timestamp, most: i64, limit: u32) -> Stored<u64> {
        // Facts stand in the order of their times, so the oldest rows are the ones to go, and how many are too old need not be counted.
        let sql = "DELETE FROM journal
            WHERE id < COALESCE((SELECT id FROM journal ORDER BY id LIMIT 1 OFFSET $1), (SELECT MAX(id) FROM journal))
            AND (at < $2 OR id <= $3)";
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

#[cfg(test)]
mod tests {
    use domain::names::Kind;

    use super::*;
    use crate::location::{Database, Options};
    use crate::sqlite::Sqlite;

    #[test]
    fn what_another_version_wrote_is_passed_over_with_all_that_came_before() {
        let database = Database::open(Options::new("sqlite::memory:")).unwrap();
        let connection = database.connect().unwrap();
        let mut store = Tables(Sqlite::new(&connection));
        for _ in 1..=4 {
            store.append(&Kind::Household.room(1), Timestamp(0), Event::NotificationsRead).unwrap();
        }
        store.0.write(r#"UPDATE journal SET body = '{"event":"of_tomorrow"}' WHERE id = 2"#, values![]).unwrap();
        let stretch = store.facts_after(0, Timestamp(0), 9).unwrap();
        assert_eq!(stretch.facts.iter().map(|fact| fact.offset).collect::<Vec<_>>(), [3, 4]);
        assert_eq!((stretch.unreadable, stretch.end), (Some(2), Some(4)));
        let stretch = store.facts_after(0, Timestamp(0), 2).unwrap();
        assert_eq!((stretch.facts, stretch.unreadable, stretch.end), (vec![], Some(2), Some(2)));
    }
}
