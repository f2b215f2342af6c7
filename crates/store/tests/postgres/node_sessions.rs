//! A session belongs to the node on which it was connected or resumed last.

use domain::command::Actor;
use domain::error::DomainError;
use domain::ids::{Timestamp, UserId};
use domain::sessions::{
    BeginEpoch, ConnectOutcome, ConnectSession, DeleteSession, EndNodeSessions, EndSession, NewSession, ResumeRequest, SaveAckedOffset,
    Session, SessionClaim, StartingServer, StartupState,
};
use domain::users::Claims;
use test_postgres::TestServer;

use crate::server::{NOW, Server, node, wait_for_no_sessions};

const WINDOW: i64 = 60;

fn ann() -> Actor {
    Actor { user: UserId::new("ann"), admin: false }
}

fn connect(server: &Server, secret: &str, resume: ResumeRequest) -> ConnectOutcome {
    let new_session = NewSession { secret: secret.to_owned(), id: format!("id of {secret}"), namespace: "/".to_owned() };
    server.run_as(ann(), ConnectSession { claims: Claims::default(), new_session: Some(new_session), resume }).unwrap()
}

fn resume(server: &Server, secret: &str) -> ConnectOutcome {
    let claim = SessionClaim { secret: secret.to_owned(), position: None, window_seconds: WINDOW };
    connect(server, "unused", ResumeRequest::Resume(claim))
}

fn end(server: &Server, secret: &str, confirmed: i64) -> Result<(), DomainError> {
    server.run(EndSession { secret: secret.to_owned(), confirmed, by_shutdown: false })
}

fn session(server: &Server, secret: &str) -> Option<Session> {
    server.database.with_store(|store| store.session(secret)).unwrap().unwrap()
}

/// The time at which a session has ended, whether a stop of the server has ended it, and what it has received.
fn state(server: &Server, secret: &str) -> (Option<Timestamp>, bool, i64) {
    let session = session(server, secret).unwrap();
    (session.disconnected_at, session.ended_by_shutdown, session.acked_offset)
}

fn begin(server: &Server, id: &str, is_first: bool) -> StartupState {
    let id = id.to_owned();
    let starting = if is_first { StartingServer::FirstNode { id } } else { StartingServer::JoiningNode { id } };
    server.run(BeginEpoch { server: starting, window: WINDOW, disconnected_seconds: WINDOW, grace_micros: 0 }).unwrap()
}

#[test]
fn resumed_session_is_not_ended_by_its_former_node() {
    let url = TestServer::shared().create_database();
    let (a, b) = (Server::node(&url, "a"), Server::node(&url, "b"));
    connect(&a, "s", ResumeRequest::New);
    assert!(resume(&b, "s").resumed.is_some(), "also while the former connection seems to be alive");
    end(&a, "s", 7).unwrap();
    assert_eq!(a.run_as(ann(), DeleteSession { secret: "s".to_owned() }), Ok(()));
    assert_eq!(state(&a, "s"), (None, false, 0));
    end(&b, "s", 1).unwrap();
    assert_eq!(state(&b, "s"), (Some(NOW), false, 1));
    assert!(resume(&a, "s").resumed.is_some());
    assert_eq!(a.run_as(ann(), DeleteSession { secret: "s".to_owned() }), Ok(()));
    assert_eq!(session(&b, "s"), None);
}

#[test]
fn sessions_of_a_dead_node_end_with_its_offset() {
    let url = TestServer::shared().create_database();
    let (a, b) = (Server::node(&url, "a"), Server::node(&url, "b"));
    begin(&a, "a", true);
    for (server, secret) in [(&a, "on a"), (&b, "on b"), (&a, "moved")] {
        connect(server, secret, ResumeRequest::New);
    }
    for number in 1..=9 {
        assert_eq!(b.record(number), Ok(()));
    }
    connect(&a, "late", ResumeRequest::New);
    resume(&b, "moved");
    a.run(SaveAckedOffset { offset: 4 }).unwrap();
    b.run(SaveAckedOffset { offset: 8 }).unwrap();
    let end_of_a = || b.run(EndNodeSessions { node: "a".to_owned() }).unwrap();
    assert!(!end_of_a(), "the process of the node is connected to the database");
    assert_eq!(state(&b, "on a"), (None, false, 0));
    a.close();
    while !end_of_a() {}
    let left = Some(NOW);
    for (secret, expected) in
        [("on a", (left, false, 4)), ("late", (left, false, 9)), ("on b", (None, false, 0)), ("moved", (None, false, 0))]
    {
        assert_eq!(state(&b, secret), expected, "{secret}");
    }
}

#[test]
fn joining_node_ends_its_own_sessions_only() {
    let url = TestServer::shared().create_database();
    let (a, b) = (Server::node(&url, "a"), Server::node(&url, "b"));
    assert_eq!(begin(&a, "a", true).disconnected_users, []);
    connect(&a, "on a", ResumeRequest::New);
    connect(&b, "on b", ResumeRequest::New);
    drop(b);
    let b = Server::node(&url, "b");
    assert_eq!(begin(&b, "b", false).disconnected_users, [], "the running nodes know who is online");
    assert_eq!((state(&a, "on a").0, state(&a, "on b")), (None, (Some(NOW), false, 0)));
}

#[test]
fn first_node_ends_all_sessions_of_former_starts() {
    let url = TestServer::shared().create_database();
    let (a, b, c) = (Server::node(&url, "a"), Server::node(&url, "b"), Server::node(&url, "c"));
    for (server, secret) in [(&a, "on a"), (&b, "on b"), (&c, "on c")] {
        begin(server, &secret[3..], secret == "on a");
        connect(server, secret, ResumeRequest::New);
    }
    c.run(SaveAckedOffset { offset: 0 }).unwrap();
    for number in 1..=3 {
        assert_eq!(b.record(number), Ok(()));
    }
    b.run(SaveAckedOffset { offset: 2 }).unwrap();
    for server in [a, b, c] {
        server.close();
    }
    wait_for_no_sessions(&url);
    // Another node joins before the first one has begun.
    let (a, b) = (Server::node(&url, "a"), Server::open(node(&url, "b"), Timestamp(NOW.0 + 1)));
    begin(&b, "b", false);
    connect(&b, "new on b", ResumeRequest::New);
    let users = begin(&a, "a", true).disconnected_users;
    assert_eq!(users.len(), 1);
    for (secret, expected) in [
        ("on a", (Some(NOW), true, 0)),
        ("on b", (Some(Timestamp(NOW.0 + 1)), false, 2)),
        ("on c", (Some(NOW), true, 0)),
        ("new on b", (None, false, 3)),
    ] {
        assert_eq!(state(&a, secret), expected, "{secret}");
    }
}

#[test]
fn single_server_ends_the_sessions_of_former_nodes() {
    let url = TestServer::shared().create_database();
    let a = Server::node(&url, "a");
    begin(&a, "a", true);
    connect(&a, "on a", ResumeRequest::New);
    assert_eq!((a.record(1), a.record(2)), (Ok(()), Ok(())));
    a.run(SaveAckedOffset { offset: 1 }).unwrap();
    a.close();
    let single = Server::on(&url);
    let begin = BeginEpoch {
        server: StartingServer::Single { epoch: "e".to_owned() },
        window: WINDOW,
        disconnected_seconds: WINDOW,
        grace_micros: 0,
    };
    assert_eq!(single.run(begin).unwrap().disconnected_users.len(), 1);
    assert_eq!(state(&single, "on a"), (Some(NOW), true, 1));
    assert!(resume(&single, "on a").resumed.is_some());
    end(&single, "on a", 2).unwrap();
    assert_eq!(state(&single, "on a"), (Some(NOW), false, 2));
}
