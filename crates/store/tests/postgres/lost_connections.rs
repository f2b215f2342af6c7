//! Connections that end at the worst moment: nothing is acknowledged by guess, and the writer continues.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::mpsc;

use domain::chat::SendMessage;
use domain::command::{Actor, CommandContext};
use domain::event::Event;
use domain::ids::{RoomKind, UserId};
use domain::sessions::ReadEventLog;
use domain::spaces::CreateSpace;
use domain::users::{Claims, EnsureUser};
use store::Readers;
use test_postgres::TestServer;

use crate::proxy::Proxy;
use crate::server::{Server, task_of};

#[test]
fn commit_whose_reply_is_lost_is_looked_up_and_acknowledged() {
    let server = TestServer::shared();
    let url = server.create_database();
    let proxy = Proxy::to(server.port());
    let store = Server::on(&url.replace(&server.port().to_string(), &proxy.port.to_string()));
    for number in 1..=5 {
        proxy.cuts_after_commit.store(true, Ordering::SeqCst);
        assert_eq!(store.record(number), Ok(()), "the commit has happened");
        assert_eq!(proxy.cuts.load(Ordering::SeqCst), number as usize);
    }
    assert_eq!(store.recorded(), [1, 2, 3, 4, 5]);
    let published = store.close();
    assert!(published.iter().map(|persisted| (persisted.offset, persisted.seq)).eq((1..=5).map(|n| (n, n))));
}

#[test]
fn command_whose_commit_did_not_happen_is_executed_again() {
    let server = TestServer::shared();
    let url = server.create_database();
    let name = url.rsplit('/').next().unwrap();
    let store = Server::on(&url);
    assert_eq!(store.record(1), Ok(()));

    // Another session keeps every transaction from writing the table that is written last.
    let mut psql = Command::new("psql").args(["-X", "-q", "-d", &url]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = psql.stdin.take().unwrap();
    writeln!(input, "BEGIN; LOCK TABLE marks IN EXCLUSIVE MODE;\n\\echo locked").unwrap();
    let mut line = String::new();
    BufReader::new(psql.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "locked\n");
    let (reply, result) = mpsc::channel();
    let work =
        |context: &mut CommandContext<'_>| context.record_event(&RoomKind::Household.room(1), Event::TaskDeleted { task: 2, by: None });
    store.writer.submit(Actor::server(), work, move |output| reply.send(output).unwrap());
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while server.sql(name, end) != "t" {}
    drop(input);
    psql.wait().unwrap();
    assert_eq!(result.recv().unwrap(), Ok(()));

    assert_eq!(store.record(3), Ok(()));
    // The writer counts a batch before it begins the next.
    let stats = store.writer.stats();
    assert_eq!((stats.repeated, stats.reconnects), (1, 1));
    // A batch has at least one round trip to begin and one to commit.
    assert!(stats.round_trips >= 6, "{}", stats.round_trips);
    assert_eq!(store.recorded(), [1, 2, 3]);
    assert_eq!(store.close().iter().map(task_of).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn crashes_of_the_server_lose_no_acknowledged_event() {
    // What the processes of the server have written outlives them also without a sync.
    let mut server = TestServer::start(&["fsync=off"]);
    let url = server.create_database();
    let store = Server::on(&url);
    let (readers, _) = Readers::start(&store.database, 2).unwrap();
    let (acknowledge, acknowledged) = mpsc::channel();
    let (writer, stop) = (store.writer.clone(), mpsc::channel::<()>());
    let load = std::thread::spawn(move || {
        let mut number = 0;
        while stop.1.try_recv() == Err(mpsc::TryRecvError::Empty) {
            let (reply, results) = mpsc::channel();
            for _ in 0..20 {
                number += 1;
                let (reply, task) = (reply.clone(), number);
                let work = move |context: &mut CommandContext<'_>| {
                    context.record_event(&RoomKind::Household.room(1), Event::TaskDeleted { task, by: None })
                };
                writer.submit(Actor::server(), work, move |output| reply.send(output.map(|()| task)).unwrap());
            }
            drop(reply);
            results.iter().flatten().for_each(|task| acknowledge.send(task).unwrap());
        }
    });
    let mut seen = BTreeSet::new();
    let mut wait_for = |more: usize| seen.extend(acknowledged.iter().take(more));
    for _ in 0..4 {
        wait_for(60);
        server.stop_at_once();
        server.start_again(&["fsync=off"]);
    }
    wait_for(60);
    let (reply, read) = mpsc::channel();
    readers.ask(Actor::server(), ReadEventLog { after: 0, limit: 9 }, move |batch| reply.send(batch).unwrap());
    let batch = read.recv().unwrap();
    // The sessions of readers end with the server, too.
    assert!(batch.is_ok(), "{batch:?}");
    drop(stop.0);
    load.join().unwrap();
    seen.extend(acknowledged.iter());
    let stored = store.recorded();
    assert_eq!(stored.iter().copied().collect::<BTreeSet<_>>(), seen, "stored and acknowledged are the same");
    assert_eq!(stored.len(), seen.len(), "nothing is stored twice");
    assert_eq!(store.close().iter().map(task_of).collect::<Vec<_>>(), stored, "published in the order of the offsets");
}

#[test]
fn chat_works_through_the_writer() {
    let store = Server::on(&TestServer::shared().create_database());
    let ann = Actor { user: UserId::new("ann"), admin: false };
    let (reply, result) = mpsc::channel();
    store.writer.run(ann.clone(), EnsureUser { claims: Claims::default() }, drop);
    let create = CreateSpace { kind: RoomKind::ChatRoom, name: "Team".to_owned(), members: Vec::new() };
    store.writer.run(ann.clone(), create, move |space| reply.send(space).unwrap());
    let room = result.recv().unwrap().unwrap().room;
    for content in ["one", "two\0"] {
        let (reply, result) = mpsc::channel();
        let send =
            SendMessage { room: room.clone(), content: content.to_owned(), sort: None, file_url: None, metadata: None, client_id: None };
        store.writer.run(ann.clone(), send, move |sent| reply.send(sent).unwrap());
        assert_eq!(result.recv().unwrap().is_ok(), content == "one", "{content:?}");
    }
    assert_eq!(store.close().len(), 2);
}
