//! Several nodes write to one database.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use domain::command::{Actor, CommandContext};
use domain::error::DomainError;
use domain::event::Event;
use domain::ids::{RoomKind, Timestamp};
use domain::sessions::ReplaceEpoch;
use test_postgres::TestServer;

use crate::proxy::Proxy;
use crate::server::{NOW, Server, node, task_of, wait_for_no_sessions};

/// The signal that ends a process that aborts.
const SIGABRT: i32 = 6;

/// The environment variable that makes the second process of a test the one that aborts; it has the URL of the database.
const ABORTS: &str = "ROOMCAST_TEST_ABORTS";

#[test]
fn ids_grow_in_commit_order_although_clocks_differ() {
    let url = TestServer::shared().create_database();
    let ahead = Server::open(node(&url, "ahead"), Timestamp(NOW.0 + 3_600_000_000));
    let behind = Server::open(node(&url, "behind"), NOW);
    let mut ids = Vec::new();
    for _ in 0..20 {
        for server in [&behind, &ahead, &ahead, &behind, &behind] {
            ids.push(server.submit(|context| Ok(context.new_id())).unwrap());
            ids.push(server.submit(|context| Ok((context.new_id(), context.new_id()).1)).unwrap());
        }
    }
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    drop(ahead);
    // A node that starts continues behind the largest id, too.
    let late = Server::open(node(&url, "late"), Timestamp(NOW.0 - 3_600_000_000));
    assert!(late.submit(|context| Ok(context.new_id())).unwrap() > *ids.last().unwrap());
}

#[test]
fn lost_commit_is_looked_up_while_another_node_writes() {
    let server = TestServer::shared();
    let url = server.create_database();
    let proxy = Proxy::to(server.port());
    let cut = Server::node(&url.replace(&server.port().to_string(), &proxy.port.to_string()), "cut");
    let steady = Server::node(&url, "steady");
    let stops = &AtomicBool::new(false);
    let written = thread::scope(|scope| {
        let load = scope.spawn(move || {
            let mut number = 1000;
            while !stops.load(Ordering::SeqCst) {
                assert_eq!(steady.record(number), Ok(()));
                number += 1;
            }
            (1000..number).collect::<Vec<_>>()
        });
        for number in 1..=10 {
            proxy.cuts_after_commit.store(true, Ordering::SeqCst);
            assert_eq!(cut.record(number), Ok(()), "the commit has happened");
            assert_eq!(proxy.cuts.load(Ordering::SeqCst), number as usize);
        }
        stops.store(true, Ordering::SeqCst);
        load.join().unwrap()
    });
    let (own, others): (Vec<i64>, Vec<i64>) = cut.recorded().into_iter().partition(|number| *number < 1000);
    assert_eq!((own, others), ((1..=10).collect(), written));
    let published = cut.close();
    assert!(published.iter().map(task_of).eq(1..=10));
    assert!(published.iter().zip(published.iter().skip(1)).all(|(one, next)| one.offset < next.offset));
}

#[test]
fn stopped_node_does_not_hold_up_others_and_commits_nothing() {
    let url = TestServer::shared().create_database();
    let (frozen, other) = (Server::node(&url, "frozen"), Server::node(&url, "other"));
    let (begun, has_begun) = mpsc::channel();
    let (go_on, gate) = mpsc::channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let work = move |context: &mut CommandContext<'_>| {
        context.record_event(&RoomKind::Household.room(1), Event::TaskDeleted { task: 1, by: None })?;
        // The question sends the event, and the node stops in its transaction.
        context.store.has_space(&RoomKind::Household.room(1))?;
        begun.send(()).unwrap();
        let _ = gate.lock().unwrap().recv();
        Ok(())
    };
    let (reply, result) = mpsc::channel();
    frozen.writer.submit(Actor::server(), work, move |output| reply.send(output).unwrap());
    has_begun.recv().unwrap();
    assert_eq!(other.record(2), Ok(()), "PostgreSQL has ended the transaction of the node that stopped");
    drop(go_on);
    assert!(matches!(result.recv().unwrap(), Err(DomainError::Unavailable(reason)) if reason.contains("was stopped")));
    assert_eq!(frozen.record(3), Ok(()));
    assert_eq!(frozen.writer.stats().repeated, 0, "the command may have been sent to another node");
    assert_eq!(other.recorded(), [2, 3]);
    assert!(frozen.close().iter().map(task_of).eq([3]));
}

#[test]
fn node_ends_when_another_epoch_has_begun() {
    if let Ok(url) = std::env::var(ABORTS) {
        let (node, other) = (Server::node(&url, "node"), Server::node(&url, "other"));
        assert_eq!((node.record(1), other.record(2)), (Ok(()), Ok(())));
        assert_eq!(other.run(ReplaceEpoch { name: "restored".to_owned() }), Ok(()));
        let _ = node.record(3);
        unreachable!("the process has aborted");
    }
    let server = TestServer::shared();
    let url = server.create_database();
    let itself = std::env::current_exe().unwrap();
    let test = "nodes::node_ends_when_another_epoch_has_begun";
    let ended = Command::new(itself).args(["--exact", test, "--nocapture"]).env(ABORTS, &url).output().unwrap();
    assert_eq!(ended.status.signal(), Some(SIGABRT), "{ended:?}");
    let printed = String::from_utf8_lossy(&ended.stderr);
    assert!(printed.contains("another epoch of the event log has begun"), "{printed}");
    wait_for_no_sessions(&url);
    // A node that starts again joins the new epoch, or begins its own if it is the first.
    let again = Server::node(&url, "again");
    assert_eq!(again.recorded(), [1, 2]);
    assert_eq!(again.database.cluster().unwrap().epoch, "epoch of again");
}
