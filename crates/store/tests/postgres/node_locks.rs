//! Which servers may use a database together, and which of them begins the epoch.

use std::collections::BTreeSet;
use std::thread;

use domain::ids::Timestamp;
use domain::sessions::{BeginEpoch, StartingServer};
use store::{ClusterStart, Database, OpenError, Options};
use test_postgres::TestServer;

use crate::server::{Server, node, wait_for_no_sessions};

/// How a node has found the database, without the time.
fn start(database: &Database) -> ClusterStart {
    ClusterStart { time: Timestamp(0), ..database.cluster().unwrap().clone() }
}

fn refusal(options: Options) -> String {
    let line = Database::open(options).unwrap_err().to_string();
    assert!(!line.contains('\n'), "{line}");
    line
}

#[test]
fn nodes_share_the_epoch_of_the_first() {
    let url = TestServer::shared().create_database();
    let first = Database::open(node(&url, "a")).unwrap();
    let second = Database::open(node(&url, "b")).unwrap();
    let (a, b) = (start(&first), start(&second));
    assert_eq!((a.epoch.as_str(), a.is_first), ("epoch of a", true));
    assert_eq!(b, ClusterStart { is_first: false, ..a.clone() });
    assert_eq!(a.database_id.len(), 16);
    drop(first);
    assert_eq!(start(&Database::open(node(&url, "c")).unwrap()), b, "a node is left");
    drop(second);
    let again = start(&Database::open(node(&url, "b")).unwrap());
    assert_eq!(again, ClusterStart { epoch: "epoch of b".to_owned(), ..a });
    let other = TestServer::shared().create_database();
    assert_ne!(start(&Database::open(node(&other, "a")).unwrap()).database_id, again.database_id);
}

#[test]
fn node_reads_the_time_of_the_database() {
    let server = TestServer::shared();
    let url = server.create_database();
    let now = || server.sql("postgres", "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT").parse::<i64>().unwrap();
    let before = now();
    let time = Database::open(node(&url, "a")).unwrap().cluster().unwrap().time;
    assert!((before..=now()).contains(&time.0));
}

#[test]
fn nodes_that_start_together_have_one_first() {
    let url = TestServer::shared().create_database();
    let opening: Vec<_> = (0..8).map(|number| (url.clone(), number)).collect();
    let opened: Vec<_> =
        opening.into_iter().map(|(url, number)| thread::spawn(move || Database::open(node(&url, &number.to_string())).unwrap())).collect();
    let databases: Vec<Database> = opened.into_iter().map(|thread| thread.join().unwrap()).collect();
    let starts: Vec<ClusterStart> = databases.iter().map(start).collect();
    assert_eq!(starts.iter().filter(|start| start.is_first).count(), 1);
    assert_eq!(starts.iter().map(|start| &start.epoch).collect::<BTreeSet<_>>().len(), 1, "{starts:?}");
}

#[test]
fn single_server_and_nodes_refuse_each_other() {
    let url = TestServer::shared().create_database();
    let nodes = [Database::open(node(&url, "a")).unwrap(), Database::open(node(&url, "b")).unwrap()];
    let line = refusal(Options::new(&url));
    assert!(line.contains("in use by the node \"roomcast node a process of a\" from 127.0.0.1; set REDIS_URL"), "{line}");
    drop(nodes);
    let _single = Database::open(Options { holder: "process 7".to_owned(), ..Options::new(&url) }).unwrap();
    let line = refusal(node(&url, "a"));
    assert!(line.contains("in use by \"roomcast process 7\" from 127.0.0.1, which is no node; stop that server, or set"), "{line}");
}

#[test]
fn two_nodes_with_one_id_are_refused() {
    let url = TestServer::shared().create_database();
    let first = Database::open(node(&url, "a")).unwrap();
    let line = refusal(node(&url, "a"));
    assert!(line.starts_with("NODE_ID=a: the node \"roomcast node a process of a\" from 127.0.0.1 uses this id"), "{line}");
    drop(first);
    Database::open(node(&url, "a")).unwrap();
}

#[test]
fn locks_are_taken_again_after_a_lost_connection() {
    let url = TestServer::shared().create_database();
    let a = Server::node(&url, "a");
    let b = Server::node(&url, "b");
    for number in 1..=3 {
        end_sessions(&url);
        assert_eq!((a.record(2 * number), b.record(2 * number + 1)), (Ok(()), Ok(())));
    }
    assert!(refusal(node(&url, "a")).starts_with("NODE_ID=a:"));
    assert!(refusal(Options::new(&url)).contains("in use by the node"));
    assert_eq!(a.recorded(), [2, 3, 4, 5, 6, 7]);
    assert_eq!((a.close().len(), b.close().len()), (3, 3));
}

/// Ends all sessions of a database.
fn end_sessions(url: &str) {
    TestServer::shared().sql(
        url.rsplit('/').next().unwrap(),
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
}

/// Lets a node take part in the present epoch.
fn join(server: &Server, id: &str) {
    let id = id.to_owned();
    let is_first = start(&server.database).is_first;
    let starting = if is_first { StartingServer::FirstNode { id } } else { StartingServer::JoiningNode { id } };
    server.run(BeginEpoch { server: starting, window: 0, disconnected_seconds: 0, grace_micros: 0 }).unwrap();
}

#[test]
fn starting_node_waits_for_nodes_that_connect_again() {
    let url = TestServer::shared().create_database();
    let a = Server::node(&url, "a");
    join(&a, "a");
    for round in 0..3 {
        // The node has no commands, and connects again nevertheless.
        end_sessions(&url);
        let joined = start(&Database::open(node(&url, "b")).unwrap());
        assert_eq!((joined.epoch.as_str(), joined.is_first), ("epoch of a", false), "{round}");
    }
    a.close();
    wait_for_no_sessions(&url);
    let first = start(&Database::open(node(&url, "b")).unwrap());
    assert_eq!((first.epoch.as_str(), first.is_first), ("epoch of b", true), "a node that has stopped is not waited for");
}

#[test]
fn killed_nodes_do_not_keep_others_from_starting() {
    let url = TestServer::shared().create_database();
    let a = Server::node(&url, "a");
    join(&a, "a");
    a.close();
    // What a node that was killed leaves behind.
    let name = url.rsplit('/').next().unwrap();
    TestServer::shared().sql(name, "INSERT INTO marks (name, value) VALUES ('joined:killed', (SELECT MAX(id) FROM epochs))");
    wait_for_no_sessions(&url);
    let first = start(&Database::open(node(&url, "b")).unwrap());
    assert_eq!((first.epoch.as_str(), first.is_first), ("epoch of b", true));
    assert_eq!(TestServer::shared().sql(name, "SELECT COUNT(*) FROM marks WHERE name LIKE 'joined:%'"), "0");
}

#[test]
fn node_needs_postgres() {
    let refused = Database::open(node("sqlite::memory:", "a")).unwrap_err();
    assert!(matches!(refused, OpenError::NodeNeedsPostgres), "{refused}");
    assert!(refused.to_string().contains("set DATABASE_URL to postgres://"), "{refused}");
}
