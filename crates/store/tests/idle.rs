//! The writer releases memory after a burst of commands.

#![allow(clippy::unwrap_used)]

use std::sync::mpsc::{self, Sender};

use domain::command::{Actor, CommandContext};
use domain::event::{Event, PersistedEvent};
use domain::id_generator::IdGenerator;
use domain::ids::{RoomKind, Timestamp};
use store::{CommitSink, Database, Options, Writer};

/// Sends the offsets that are published, and a 0 for each idle period.
struct Notes(Sender<i64>);

impl CommitSink for Notes {
    fn publish(&mut self, persisted: PersistedEvent) {
        self.0.send(persisted.offset).unwrap();
    }

    fn idle(&mut self) {
        self.0.send(0).unwrap();
    }
}

#[test]
fn writer_releases_memory_once_after_each_burst() {
    let database = Database::open(Options::new("sqlite::memory:")).unwrap();
    let (notes, noted) = mpsc::channel();
    let (writer, thread) = Writer::start(&database, || Timestamp(0), IdGenerator::new(|| 0), Notes(notes)).unwrap();
    for burst in 0..2 {
        // A reply holds the writer until all commands are queued: otherwise it could be idle in between.
        let (go, gate) = mpsc::channel();
        writer.submit(Actor::server(), |_| Ok(()), move |_| gate.recv().unwrap());
        for _ in 0..1_000 {
            let work = |context: &mut CommandContext<'_>| context.record_event(&RoomKind::Household.room(1), Event::NotificationsRead);
            writer.submit(Actor::server(), work, drop);
        }
        go.send(()).unwrap();
        let first = burst * 1_000 + 1;
        assert!((first..first + 1_000).eq(noted.iter().take(1_000)));
        assert_eq!(noted.recv(), Ok(0), "an idle period");
        assert_eq!(writer.stats().idle_periods, burst as u64 + 1);
    }
    writer.close();
    thread.join().unwrap();
    assert_eq!(noted.recv().ok(), None, "no idle period without a burst");
}
