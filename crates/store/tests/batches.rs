//! Many different commands in one transaction have the same results and events on each database.

#![allow(clippy::unwrap_used)]

use std::sync::mpsc;

use domain::chat::{EditMessage, MarkRead, SendMessage};
use domain::command::{Actor, Command};
use domain::event::PersistedEvent;
use domain::id_generator::IdGenerator;
use domain::ids::{RoomId, RoomKind, Timestamp, UserId};
use domain::spaces::{AddMember, CreateSpace, JoinRoom, RemoveMember};
use domain::users::{Claims, EnsureUser};
use store::{Database, Options, Writer};
use test_postgres::TestServer;

const USERS: usize = 12;

fn user(number: usize) -> Actor {
    Actor { user: UserId::new(format!("user-{}", number % USERS)), admin: false }
}

/// Queues a command, whose result is collected as text.
fn queue<C: Command>(writer: &Writer, results: &mpsc::Sender<String>, actor: Actor, command: C)
where
    C::Output: std::fmt::Debug,
{
    let results = results.clone();
    writer.run(actor, command, move |output| results.send(format!("{output:?}")).unwrap());
}

fn message(room: &RoomId, number: usize) -> SendMessage {
    // Every third message is a repetition of the one before it, and every fifth is too long.
    let content = if number % 5 == 4 { "x".repeat(100_000) } else { format!("message {}", number - usize::from(number % 3 == 1)) };
    let client_id = Some(format!("c-{}", number - usize::from(number % 3 == 1)));
    SendMessage { room: room.clone(), content, sort: None, file_url: None, metadata: None, client_id }
}

/// Executes the same commands on a database; returns their results, and the events with their numbers.
fn play(url: &str) -> (Vec<String>, Vec<PersistedEvent>) {
    let database = Database::open(Options::new(url)).unwrap();
    let (publish, published) = mpsc::channel();
    let sink = move |persisted: PersistedEvent| publish.send(persisted).unwrap();
    let (writer, thread) = Writer::start(&database, || Timestamp(1_763_725_000_000_000), IdGenerator::new(|| 42), sink).unwrap();
    let (results, collected) = mpsc::channel();
    let (room, created) = mpsc::channel();
    for number in 0..USERS {
        queue(&writer, &results, user(number), EnsureUser { claims: Claims::default() });
    }
    for _ in 0..3 {
        let (create, room) = (CreateSpace { kind: RoomKind::ChatRoom, name: "Team".to_owned(), members: Vec::new() }, room.clone());
        writer.run(user(0), create, move |space| room.send(space.unwrap().room).unwrap());
    }
    let rooms: Vec<RoomId> = created.iter().take(3).collect();

    // A reply holds the writer until all commands are queued, so that they share transactions.
    let (go, gate) = mpsc::channel();
    writer.submit(Actor::server(), |_| Ok(()), move |_| gate.recv().unwrap());
    for number in 0..300 {
        let room = &rooms[number % 3];
        match number % 10 {
            0 => queue(&writer, &results, user(0), AddMember { room: room.clone(), user: user(number / 10).user }),
            1 => queue(&writer, &results, user(number), JoinRoom { room: room.clone(), session: None, since: true }),
            2 => queue(
                &writer,
                &results,
                user(number),
                EnsureUser { claims: Claims { name: Some(format!("n{number}")), ..Claims::default() } },
            ),
            3 => queue(&writer, &results, user(number), MarkRead { room: room.clone(), up_to: Some(i64::MAX), messages: Vec::new() }),
            4 if number % 50 == 4 => queue(&writer, &results, user(0), RemoveMember { room: room.clone(), user: user(number / 10).user }),
            5 => queue(&writer, &results, user(0), EditMessage { of: RoomKind::ChatRoom, message: 1, content: "edited".to_owned() }),
            _ => queue(&writer, &results, user(number / 10), message(room, number)),
        }
    }
    go.send(()).unwrap();
    drop(results);
    let results = collected.iter().collect();
    assert_eq!(writer.stats().repeated, 0, "no batch has failed");
    writer.close();
    thread.join().unwrap();
    (results, published.iter().collect())
}

#[test]
fn batch_has_the_same_results_and_events_on_each_database() {
    let (results, events) = play("sqlite::memory:");
    let (postgres_results, postgres_events) = play(&TestServer::shared().create_database());
    for (number, (sqlite, postgres)) in results.iter().zip(&postgres_results).enumerate() {
        assert_eq!(sqlite, postgres, "command {number}");
    }
    assert_eq!(results.len(), postgres_results.len());
    assert_eq!(events, postgres_events);
    let succeeded = results.iter().filter(|result| result.starts_with("Ok")).count();
    assert!(succeeded > 100 && succeeded < results.len() - 20, "{succeeded} of {}", results.len());
}
