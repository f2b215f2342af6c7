//! The writes of a failed command are undone without those of other commands, at every place in the transaction.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::mpsc;

use domain::command::{Actor, CommandContext};
use domain::error::DomainError;
use domain::event::{Event, PersistedEvent};
use domain::id_generator::IdGenerator;
use domain::ids::{RoomKind, Timestamp};
use store::{Database, Options, Writer};
use test_postgres::TestServer;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Kept,
    Refused,
    Panicked,
}

#[test]
fn writes_of_a_failed_command_are_rolled_back_anywhere() {
    use End::{Kept, Panicked, Refused};
    for ends in [
        vec![Refused],
        vec![Kept],
        vec![Refused, Kept],
        vec![Kept, Refused],
        vec![Panicked, Refused, Kept, Kept],
        vec![Kept, Panicked, Kept, Refused, Kept],
        vec![Refused, Refused, Panicked],
    ] {
        for url in ["sqlite::memory:".to_owned(), TestServer::shared().create_database()] {
            check(&url, &ends);
        }
    }
}

fn check(url: &str, ends: &[End]) {
    use End::{Kept, Panicked, Refused};
    let database = Database::open(Options::new(url)).unwrap();
    let (publish, published) = mpsc::channel();
    let outlet = move |persisted: PersistedEvent| publish.send(persisted).unwrap();
    let (writer, thread) = Writer::start(&database, || Timestamp(0), IdGenerator::new(|| 0), outlet).unwrap();
    // A reply holds the writer until all commands are queued, so that they share the next transaction.
    let (go, gate) = mpsc::channel();
    writer.submit(Actor::server(), |_| Ok(()), move |_| gate.recv().unwrap());
    let (reply, replies) = mpsc::channel();
    for end in ends.iter().copied() {
        let reply = reply.clone();
        let work = move |context: &mut CommandContext<'_>| {
            context.record_event(&RoomKind::Household.room(1), Event::NotificationsRead)?;
            context.record_event(&RoomKind::Household.room(2), Event::NotificationsRead)?;
            match end {
                Kept => Ok(()),
                Refused => Err(DomainError::Conflict("refused after its writes")),
                Panicked => panic!("a panic after its writes"),
            }
        };
        writer.submit(Actor::server(), work, move |result| reply.send(result.is_ok()).unwrap());
    }
    go.send(()).unwrap();
    drop(reply);
    assert!(replies.iter().eq(ends.iter().map(|end| *end == Kept)), "{ends:?}");
    writer.close();
    thread.join().unwrap();
    let published: Vec<PersistedEvent> = published.iter().collect();
    let kept = ends.iter().filter(|end| **end == Kept).count();
    let seqs: Vec<i64> = published.iter().map(|persisted| persisted.seq).collect();
    assert_eq!(seqs, (1..=kept as i64).flat_map(|seq| [seq, seq]).collect::<Vec<_>>(), "{ends:?}");
    let stored = database.with_store(|store| store.events_after(0, Timestamp(0), 99)).unwrap().unwrap();
    assert_eq!(
        stored.events.iter().map(|persisted| persisted.offset).collect::<Vec<_>>(),
        published.iter().map(|persisted| persisted.offset).collect::<Vec<_>>()
    );
}
