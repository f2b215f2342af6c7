//! The numbers that a database gives continue behind those of the source: offsets, numbers in rooms, ids, and epochs.

use std::sync::mpsc;

use domain::command::Actor;
use domain::event::{Event, PersistedEvent};
use domain::id_generator::IdGenerator;
use domain::ids::{RoomKind, Timestamp};
use domain::sessions::{BeginEpoch, StartingServer};
use store::{Database, Options, Writer};
use test_postgres::TestServer;

use crate::{copy, database_of, postgres, sqlite};

/// Starts a server's writer on a database, begins an epoch, and records events in a room. Returns their offsets and their numbers in the room.
fn serve(options: &Options, epoch: &str, events: i64) -> Vec<(i64, i64)> {
    let database = Database::open(options.clone()).unwrap();
    let (publish, published) = mpsc::channel();
    let outlet = move |persisted: PersistedEvent| publish.send((persisted.offset, persisted.seq)).unwrap();
    let (writer, thread) = Writer::start(&database, || Timestamp(0), IdGenerator::new(|| 0), outlet).unwrap();
    let begin =
        BeginEpoch { server: StartingServer::Single { epoch: epoch.to_owned() }, window: 60, disconnected_seconds: 60, grace_micros: 0 };
    writer.run(Actor::server(), begin, |begun| drop(begun.unwrap()));
    for task in 0..events {
        let event = Event::TaskDeleted { task, by: None };
        let record = move |context: &mut domain::command::CommandContext<'_>| context.record_event(&RoomKind::Household.room(1), event);
        writer.submit(Actor::server(), record, |recorded| recorded.unwrap());
    }
    writer.close();
    thread.join().unwrap();
    published.iter().collect()
}

#[test]
fn offsets_and_epochs_continue_after_each_copy() {
    let folder = tempfile::tempdir().unwrap();
    let (first, third) = (sqlite(&folder.path().join("first.db")), sqlite(&folder.path().join("third.db")));
    let (second, fourth) = (postgres(), postgres());
    let mut recorded = serve(&first, "epoch-1", 5);
    for (count, (from, to)) in [(&first, &second), (&second, &third), (&third, &fourth)].into_iter().enumerate() {
        copy(from, to).unwrap();
        recorded.extend(serve(to, &format!("epoch-{}", count + 2), 3));
    }
    assert_eq!(recorded, (1..=14).map(|number| (number, number)).collect::<Vec<_>>());
    let epochs = TestServer::shared().sql(database_of(&fourth), "SELECT id, name, begun FROM epochs ORDER BY id");
    assert_eq!(epochs.lines().collect::<Vec<_>>(), ["1|epoch-1|0", "2|epoch-2|5", "3|epoch-3|8", "4|epoch-4|11"]);
    let events = TestServer::shared().sql(database_of(&fourth), "SELECT COUNT(*), MIN(id), MAX(id) FROM journal");
    assert_eq!(events, "14|1|14");
}

#[test]
fn last_given_id_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder.path().join("source.db"));
    serve(&source, "epoch-1", 1);
    let connection = rusqlite::Connection::open(folder.path().join("source.db")).unwrap();
    connection
        .execute("INSERT INTO marks (name, value) VALUES ('last_id', 4711) ON CONFLICT (name) DO UPDATE SET value = 4711", ())
        .unwrap();
    drop(connection);
    let target = postgres();
    copy(&source, &target).unwrap();
    let last_id = TestServer::shared().sql(database_of(&target), "SELECT value FROM marks WHERE name = 'last_id'");
    assert_eq!(last_id, "4711");
}

#[test]
fn each_database_keeps_its_own_id_and_its_servers_numbers() {
    let (source, target) = (postgres(), postgres());
    serve(&source, "epoch-1", 3);
    let server = TestServer::shared();
    server.sql(database_of(&source), "INSERT INTO marks VALUES ('last_batch:node-1', 9), ('joined:node-1', 1), ('last_batches', 8)");
    drop(Database::open(target.clone()).unwrap());
    let id_of = |options| server.sql(database_of(options), "SELECT value FROM marks WHERE name = 'database_id'");
    let before = id_of(&target);
    copy(&source, &target).unwrap();
    assert_eq!(id_of(&target), before);
    assert_ne!(id_of(&source), before);
    let others = "SELECT name FROM marks WHERE name <> 'database_id' ORDER BY name";
    let names = server.sql(database_of(&target), others);
    assert!(names.lines().any(|name| name == "event_log_head") && names.lines().any(|name| name == "last_batches"), "{names}");
    assert!(!names.lines().any(|name| ["last_batch", "last_batch:node-1", "joined:node-1"].contains(&name)), "{names}");
}
