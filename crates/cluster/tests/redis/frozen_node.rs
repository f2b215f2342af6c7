//! A node that is frozen for longer than its lease, in a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cluster::identity::NodeId;
use cluster::membership::MembershipEvent;
use cluster::node::{ClusterNode, ClusterSink};
use cluster::presence::PresenceTransition;
use cluster::redis::RedisUrl;
use cluster::sequencer::LogWentBack;
use cluster::wire::{EphemeralFrame, EventFrame, PresenceKey};

use test_redis::send_signal;

use crate::support::{RedisServer, TestLog, TestNode, config, wait_until};

/// The variable with the URL of Redis for the process of the frozen node.
const URL: &str = "FROZEN_NODE_REDIS_URL";

/// Prints what the node does, a line for each.
struct Printer(AtomicBool);

impl ClusterSink for Printer {
    fn event(&self, event: &EventFrame) {
        println!("event {}", event.first());
    }

    fn ephemeral(&self, _: &NodeId, _: EphemeralFrame) {
        println!("ephemeral");
    }

    fn presence(&self, transition: PresenceTransition) {
        println!("presence {transition:?}");
    }

    fn membership(&self, event: MembershipEvent) {
        if let MembershipEvent::LeaseLost { .. } = event {
            self.0.store(true, Ordering::Relaxed);
            println!("lease lost");
        }
    }

    fn log_went_back(&self, _: LogWentBack) {}
}

/// The process of the frozen node: not a test, but started by the test below.
#[tokio::test(flavor = "multi_thread")]
async fn process_of_the_frozen_node() {
    let Ok(url) = std::env::var(URL) else { return };
    let printer = Arc::new(Printer(AtomicBool::new(false)));
    let node = ClusterNode::start(config(RedisUrl::parse(&url).unwrap(), "frozen"), TestLog::default(), printer.clone()).await.unwrap();
    let anna = PresenceKey::online("anna");
    node.set_presence(&anna, "1".into());
    println!("started");
    wait_until("the lease is lost", || printer.0.load(Ordering::Relaxed)).await;
    // What a server does: it ends its connections.
    node.remove_presence(&anna, false);
    std::future::pending::<()>().await;
}

/// Ends the process with the test.
struct FrozenProcess(Child);

impl Drop for FrozenProcess {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_node_ends_its_connections_before_anything_else() {
    let (redis, log) = (RedisServer::start(), TestLog::default());
    let observer = TestNode::start(redis.url(), "observer", &log).await;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "frozen_node::process_of_the_frozen_node", "--nocapture"])
        .env(URL, format!("redis://127.0.0.1:{}", redis.port()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let child = FrozenProcess(child);
    assert!(lines.by_ref().any(|line| line.ends_with("started")));
    wait_until("anna is online", || observer.observed.online().contains("anna")).await;
    let incarnation = observer.others()[0].incarnation;

    send_signal(child.0.id(), "STOP");
    wait_until("the frozen node is down", || observer.others().is_empty()).await;
    wait_until("anna is offline", || observer.observed.online().is_empty()).await;
    // Messages that wait in the socket of the frozen process.
    observer.write(5);
    send_signal(child.0.id(), "CONT");

    let after: Vec<String> = lines.by_ref().take(1).collect();
    assert_eq!(after, ["lease lost"], "it is the first thing that the node reports");
    wait_until("the node is back", || observer.others().first().is_some_and(|node| node.incarnation != incarnation)).await;
    wait_until("its presence is known", || observer.knows_presence()).await;
    assert!(observer.observed.online().is_empty(), "anna's connection was ended");
}
