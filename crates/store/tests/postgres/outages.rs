//! While PostgreSQL does not answer, only the commands that it has received wait for it.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};

use domain::command::{Actor, CommandContext};
use domain::error::DomainError;
use domain::event::Event;
use domain::ids::RoomKind;
use domain::sessions::ReadEventLogHead;
use store::Readers;
use test_postgres::TestServer;

use crate::proxy::Proxy;
use crate::server::{Server, task_of};

/// Begins to record an event.
fn record(server: &Server, number: i64) -> Receiver<Result<(), DomainError>> {
    let (reply, result) = mpsc::channel();
    let work = move |context: &mut CommandContext<'_>| {
        context.record_event(&RoomKind::Household.room(1), Event::TaskDeleted { task: number, by: None })
    };
    server.writer.submit(Actor::server(), work, move |output| reply.send(output).unwrap());
    result
}

fn ask(readers: &Readers) -> Receiver<Result<i64, DomainError>> {
    let (reply, result) = mpsc::channel();
    readers.ask(Actor::server(), ReadEventLogHead, move |output| reply.send(output).unwrap());
    result
}

fn is_unavailable<T>(result: &Result<T, DomainError>, reason: &str) -> bool {
    matches!(result, Err(DomainError::Unavailable(text)) if text.contains(reason))
}

fn behind_proxy() -> (Server, Proxy) {
    let server = TestServer::shared();
    let url = server.create_database();
    let proxy = Proxy::to(server.port());
    (Server::on(&url.replace(&server.port().to_string(), &proxy.port.to_string())), proxy)
}

#[test]
fn commands_are_rejected_while_a_commit_is_not_answered() {
    let (server, proxy) = behind_proxy();
    assert_eq!(server.record(1), Ok(()));
    let nothing_is_forwarded = proxy.forwards.lock().unwrap();
    let sent = record(&server, 2);
    // The writer takes the first command before it waits, and the others stay in the queue.
    while server.writer.stats().waiting > 0 {}
    let waiting = record(&server, 3);
    let (reply, passed) = mpsc::channel();
    server.writer.submit_passthrough(move || reply.send(()).unwrap());
    assert!(is_unavailable(&waiting.recv().unwrap(), "PostgreSQL does not answer"));
    assert!(is_unavailable(&server.record(4), "PostgreSQL does not answer"));
    assert!(sent.try_recv().is_err() && passed.try_recv().is_err());
    drop(nothing_is_forwarded);
    assert_eq!(sent.recv().unwrap(), Ok(()));
    passed.recv().unwrap();
    assert_eq!(server.record(5), Ok(()));
    assert_eq!(server.recorded(), [1, 2, 5]);
}

#[test]
fn commands_are_rejected_while_an_unknown_commit_is_looked_up() {
    let (server, proxy) = behind_proxy();
    proxy.cuts_after_commit.store(true, Ordering::SeqCst);
    proxy.refuses.store(true, Ordering::SeqCst);
    let unknown = record(&server, 1);
    while proxy.cuts.load(Ordering::SeqCst) == 0 {}
    assert!(is_unavailable(&server.record(2), "cannot be reached"));
    assert!(unknown.try_recv().is_err());
    proxy.refuses.store(false, Ordering::SeqCst);
    assert_eq!(unknown.recv().unwrap(), Ok(()), "the commit has happened");
    assert_eq!(server.record(3), Ok(()));
    assert_eq!(server.recorded(), [1, 3]);
    assert!(server.close().iter().map(task_of).eq([1, 3]));
}

#[test]
fn query_that_is_not_answered_is_given_up() {
    let (server, proxy) = behind_proxy();
    let (readers, _) = Readers::start(&server.database, 2).unwrap();
    assert_eq!(ask(&readers).recv().unwrap(), Ok(0));
    let nothing_is_forwarded = proxy.forwards.lock().unwrap();
    let asked: Vec<_> = (0..20).map(|_| ask(&readers)).collect();
    for asked in asked {
        let answer = asked.recv().unwrap();
        assert!(is_unavailable(&answer, "PostgreSQL does not answer") || is_unavailable(&answer, "cannot be reached"), "{answer:?}");
    }
    drop(nothing_is_forwarded);
    // Between two attempts to connect, a query fails at once.
    while ask(&readers).recv().unwrap() != Ok(0) {}
}
