//! Several nodes write to one database.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

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

/// The environment variable that makes a process the one that aborts; it has the URL of the database.
const ABORTS: &str = "ROOMCAST_TEST_ABORTS";

/// What this process prints when it is ready.
const READY: &str = "two events are recorded";

/// Only a fault lets a process live so long that has to abort.
const ABORT_LIMIT: Duration = Duration::from_secs(60);

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
    let (server, url) = (TestServer::shared(), TestServer::shared().create_database());
    let other = Server::node(&url, "other");
    assert_eq!(other.record(1), Ok(()));
    let node = AbortingNode::start(&url);
    assert_eq!(other.run(ReplaceEpoch { name: "restored".to_owned() }), Ok(()));
    let printed = node.write_and_abort();
    assert!(printed.contains("another epoch of the event log has begun"), "{printed}");
    assert_eq!(last_epoch(server, &url), "restored");
}

#[test]
fn node_that_finds_lost_commits_replaces_the_epoch_and_ends() {
    if let Ok(url) = std::env::var(ABORTS) {
        return abort_later(&url);
    }
    let server = TestServer::shared();
    let lost_event = "DELETE FROM journal WHERE id = 2; UPDATE marks SET value = 1 WHERE name = 'event_log_head'";
    let lost_batch = "UPDATE marks SET value = value - 1 WHERE name = 'last_batch:node';
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for restore in [lost_event, lost_batch] {
        let url = server.create_database();
        let node = AbortingNode::start(&url);
        assert_eq!(last_epoch(server, &url), "epoch of node");
        server.sql(url.rsplit('/').next().unwrap(), restore);
        let printed = node.write_and_abort();
        assert!(printed.contains("the database has lost commits"), "{printed}");
        let epoch = last_epoch(server, &url);
        assert!(epoch.len() == 10 && epoch != "epoch of node", "other nodes end, too: {epoch}");
        wait_for_no_sessions(&url);
        // A node that starts again begins its own epoch if it is the first.
        let again = Server::node(&url, "again");
        assert_eq!((again.record(4), last_epoch(server, &url).as_str()), (Ok(()), "epoch of again"));
    }
}

fn last_epoch(server: &TestServer, url: &str) -> String {
    server.sql(url.rsplit('/').next().unwrap(), "SELECT name FROM epochs ORDER BY id DESC LIMIT 1")
}

/// A node in a process of its own, which has recorded two events.
struct AbortingNode(Child);

impl AbortingNode {
    fn start(url: &str) -> Self {
        let itself = std::env::current_exe().unwrap();
        let mut command = Command::new(itself);
        command.args(["--exact", "nodes::node_that_finds_lost_commits_replaces_the_epoch_and_ends", "--nocapture"]).env(ABORTS, url);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.any(|line| line.ends_with(READY)));
        Self(child)
    }

    /// Lets the node write again, and waits until it has aborted; returns what it has printed.
    fn write_and_abort(mut self) -> String {
        drop(self.0.stdin.take());
        let ended = self.0.wait_with_output().unwrap();
        assert_eq!(ended.status.signal(), Some(SIGABRT), "{ended:?}");
        String::from_utf8_lossy(&ended.stderr).into_owned()
    }
}

/// The process of [`AbortingNode`].
fn abort_later(url: &str) {
    let node = Server::node(url, "node");
    assert_eq!((node.record(2), node.record(3)), (Ok(()), Ok(())));
    println!("{READY}");
    std::io::stdin().read_to_string(&mut String::new()).unwrap();
    // The writer drops the reply before it aborts the process, so the wait for the reply may end with a panic.
    let _ = catch_unwind(AssertUnwindSafe(|| node.record(4)));
    thread::park_timeout(ABORT_LIMIT);
    unreachable!("the process has aborted");
}
