//! Each room's counter of events, during a batch in SQLite.

use std::collections::HashMap;

use domain::ids::RoomId;
use domain::ports::StoreResult;

use crate::driver::{Driver, values};
use crate::sqlite::Sqlite;

/// The counters of the rooms in which the commands of one transaction record events. A room's row is read once and written once in a transaction,
/// for any number of events: many messages to one room share the read and the write.
///
/// It is empty between two transactions, so it has at most one entry for each event of a batch.
#[derive(Default)]
pub(crate) struct Sequences {
    counters: HashMap<RoomId, Counter>,
    /// The rooms whose counter the present command has raised, once for each time.
    raised: Vec<RoomId>,
}

struct Counter {
    stored: i64,
    last: i64,
}

impl Sequences {
    /// Keeps the present command's changes of counters.
    pub(crate) fn release(&mut self) {
        self.raised.clear();
    }

    /// Undoes the present command's changes of counters.
    pub(crate) fn rollback(&mut self) {
        for room in self.raised.drain(..) {
            if let Some(counter) = self.counters.get_mut(&room) {
                counter.last -= 1;
            }
        }
    }

    /// Removes all counters, at the end of a transaction.
    pub(crate) fn clear(&mut self) {
        self.counters.clear();
        self.raised.clear();
    }

    fn raise(&mut self, room: &RoomId) -> Option<i64> {
        let counter = self.counters.get_mut(room)?;
        counter.last += 1;
        self.raised.push(room.clone());
        Some(counter.last)
    }
}

impl Sqlite<'_> {
    /// Raises a room's counter; returns the room's next number. Inside a command's part of a transaction [`Sqlite::write_sequences`] writes it, else
    /// this function.
    pub(crate) fn raise_seq(&mut self, room: &RoomId) -> StoreResult<i64> {
        if let Some(raised) = self.sequences().and_then(|sequences| sequences.raise(room)) {
            return Ok(raised);
        }
        let stored = self.first("SELECT seq FROM sequences WHERE room = $1", values![room], |row| row.int(0))?.unwrap_or(0);
        if let Some(sequences) = self.sequences() {
            sequences.counters.insert(room.clone(), Counter { stored, last: stored });
            sequences.raise(room);
        } else {
            self.put_seq(room, stored + 1)?;
        }
        Ok(stored + 1)
    }

    /// Writes the counters that the transaction has raised, before the commit and outside of any command's part.
    pub(crate) fn write_sequences(&mut self, sequences: Sequences) -> StoreResult<()> {
        for (room, counter) in sequences.counters.iter().filter(|(_, counter)| counter.last != counter.stored) {
            self.put_seq(room, counter.last)?;
        }
        Ok(())
    }

    fn put_seq(&mut self, room: &RoomId, seq: i64) -> StoreResult<()> {
        let sql = "INSERT INTO sequences (room, seq) VALUES ($1, $2) ON CONFLICT (room) DO UPDATE SET seq = excluded.seq";
        self.write(sql, values![room, seq]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use domain::command::{Actor, CommandContext, MembershipLimits};
    use domain::error::DomainError;
    use domain::event::{Event, PersistedEvent};
    use domain::id_generator::IdGenerator;
    use domain::ids::{RoomKind, Timestamp};
    use domain::quotas::Quotas;
    use rusqlite::Connection;

    use crate::batch::{BatchContext, Job, TrackedIds, Work, WorkState};
    use crate::database::{Database, Options};
    use crate::driver::{Driver, Tables, Transactions, values};
    use crate::sqlite::Sqlite;

    type Numbers = Arc<Mutex<Vec<(i64, i64)>>>;

    /// A command that records an event in the household with this number, and then returns `end`.
    fn record(house: i64, end: fn() -> Result<(), DomainError>) -> Box<dyn Job> {
        let work = move |context: &mut CommandContext<'_>| {
            context.record_event(&RoomKind::Household.room(house), Event::TaskDeleted { task: house, by: None })?;
            end()
        };
        Box::new(Work { actor: Actor::server(), stage: WorkState::Waiting(work), position: 0, reply: |_: Result<(), DomainError>| {} })
    }

    /// Executes commands in one batch, and collects the household and the number of each published event.
    fn decide(context: &mut BatchContext<Sqlite<'_>>, mut jobs: Vec<Box<dyn Job>>, numbers: &Numbers) {
        let committed = context.execute(&mut jobs).map(drop);
        for job in jobs {
            job.finish(&committed, &mut |persisted: PersistedEvent| {
                let Event::TaskDeleted { task, .. } = persisted.event else { panic!("{persisted:?}") };
                numbers.lock().unwrap().push((task, persisted.seq));
            });
        }
    }

    fn batch_context(connection: &Connection) -> BatchContext<Sqlite<'_>> {
        BatchContext {
            session: Tables(Sqlite::new(connection)),
            clock: Box::new(|| Timestamp(0)),
            ids: TrackedIds { source: Box::new(IdGenerator::new(|| 0)), last: 0 },
            bounds: MembershipLimits::default(),
            quotas: Quotas::default(),
            usage_due: Timestamp(0),
            repeated: 0,
        }
    }

    #[test]
    fn failed_commands_leave_no_gap_in_the_seq_of_a_room() {
        let database = Database::open(Options::new("sqlite::memory:")).unwrap();
        let connection = database.sqlite_connection();
        let mut context = batch_context(&connection);
        let numbers = Numbers::default();
        let (done, rejected) = (|| Ok(()), || Err(DomainError::Conflict("not now")));
        let dies = || -> Result<(), DomainError> { panic!("a command's own fault") };

        let jobs = vec![record(1, done), record(1, rejected), record(2, done), record(1, done), record(3, rejected), record(1, dies)];
        decide(&mut context, jobs, &numbers);
        decide(&mut context, vec![record(3, done), record(1, done), record(1, done)], &numbers);
        assert_eq!(*numbers.lock().unwrap(), [(1, 1), (2, 1), (1, 2), (3, 1), (1, 3), (1, 4)]);
        let read = |context: &mut BatchContext<Sqlite<'_>>| {
            context.session.0.all("SELECT seq FROM sequences ORDER BY room", values![], |row| row.int(0)).unwrap()
        };
        assert_eq!(read(&mut context), [4, 1, 1]);

        // A batch that is not committed changes no counter.
        context.session.0.begin().unwrap();
        record(1, done).execute_in_sqlite(&mut context).unwrap();
        context.session.0.rollback();
        assert_eq!(read(&mut context), [4, 1, 1]);
        decide(&mut context, vec![record(1, done)], &numbers);
        assert_eq!(numbers.lock().unwrap().last(), Some(&(1, 5)));
    }

    #[test]
    fn sequence_of_a_room_is_written_once_a_batch() {
        let database = Database::open(Options::new("sqlite::memory:")).unwrap();
        let connection = database.sqlite_connection();
        let mut context = batch_context(&connection);
        context.session.0.write("CREATE TABLE written (room TEXT)", values![]).unwrap();
        for change in ["INSERT", "UPDATE"] {
            let sql = format!("CREATE TRIGGER on_{change} AFTER {change} ON sequences BEGIN INSERT INTO written VALUES (NEW.room); END");
            connection.execute_batch(&sql).unwrap();
        }
        let numbers = Numbers::default();
        decide(&mut context, (0..100).map(|_| record(1, || Ok(()))).collect(), &numbers);
        assert_eq!(numbers.lock().unwrap().len(), 100);
        let written = context.session.0.first("SELECT COUNT(*) FROM written", values![], |row| row.int(0)).unwrap();
        assert_eq!(written, Some(1));
    }
}
