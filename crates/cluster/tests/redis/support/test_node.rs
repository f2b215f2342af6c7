//! A node that records what it delivers.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cluster::identity::{NodeId, NodeUrl, RedisPrefix};
use cluster::membership::MembershipEvent;
use cluster::node::{ClusterConfig, ClusterNode, ClusterSink};
use cluster::presence::PresenceTransition;
use cluster::redis::RedisUrl;
use cluster::sequencer::{LogWentBack, SequencerConfig};
use cluster::shared_limits::OpenConnections;
use cluster::wire::{EphemeralFrame, EventFrame, PresenceKey, Usage};

use super::{TestLog, wait_until};

/// What a node has delivered and reported.
#[derive(Default)]
pub struct Observed {
    pub events: Mutex<Vec<EventFrame>>,
    pub ephemeral: Mutex<Vec<String>>,
    pub membership: Mutex<Vec<MembershipEvent>>,
    /// Each change: the room, the user, and whether it was added.
    pub presence: Mutex<Vec<(String, String, bool)>>,
    /// The charges of other nodes.
    pub usage: Mutex<Vec<Usage>>,
    /// The connections of users on other nodes.
    pub other_connections: Mutex<Vec<(NodeId, OpenConnections)>>,
    pub is_full: AtomicBool,
}

impl ClusterSink for Observed {
    fn event(&self, event: &EventFrame) {
        self.events.lock().unwrap().push(event.clone());
    }

    fn ephemeral(&self, from: &NodeId, event: EphemeralFrame) {
        self.ephemeral.lock().unwrap().push(format!("{from}: {}", String::from_utf8_lossy(&event.body)));
    }

    fn presence(&self, transition: PresenceTransition) {
        let (key, added) = match transition {
            PresenceTransition::Added { key, .. } => (key, true),
            PresenceTransition::Removed { key, .. } => (key, false),
        };
        self.presence.lock().unwrap().push((key.room.into(), key.user.into(), added));
    }

    fn other_value(&self, node: &NodeId, _: &PresenceKey, value: &Bytes) {
        // The values of other tests are texts.
        if let Ok(connections) = OpenConnections::decode(value.clone()) {
            self.other_connections.lock().unwrap().push((node.clone(), connections));
        }
    }

    fn usage(&self, charges: Vec<Usage>) {
        self.usage.lock().unwrap().extend(charges);
    }

    fn membership(&self, event: MembershipEvent) {
        self.membership.lock().unwrap().push(event);
    }

    fn log_went_back(&self, fault: LogWentBack) {
        panic!("the log lost commits: {fault:?}");
    }

    fn has_capacity(&self) -> bool {
        !self.is_full.load(Ordering::Relaxed)
    }
}

impl Observed {
    /// Whether a change of the nodes was reported.
    pub fn has_seen(&self, is_it: impl Fn(&MembershipEvent) -> bool) -> bool {
        self.membership.lock().unwrap().iter().any(is_it)
    }

    /// The changes of presence so far.
    pub fn changes(&self) -> Vec<(String, String, bool)> {
        self.presence.lock().unwrap().clone()
    }

    /// The users who are online, by the changes.
    pub fn online(&self) -> BTreeSet<String> {
        let mut online = BTreeSet::new();
        for (_, user, added) in self.changes().into_iter().filter(|(room, ..)| room.is_empty()) {
            assert!(if added { online.insert(user.clone()) } else { online.remove(&user) }, "the changes of {user} alternate");
        }
        online
    }

    pub fn delivered(&self) -> u64 {
        self.events.lock().unwrap().len() as u64
    }
}

/// A running node.
pub struct TestNode {
    pub node: ClusterNode,
    pub observed: Arc<Observed>,
    pub log: TestLog,
}

impl Deref for TestNode {
    type Target = ClusterNode;

    fn deref(&self) -> &ClusterNode {
        &self.node
    }
}

/// The settings of a node that delivers from the offset 1 on.
pub fn config(redis: RedisUrl, id: &str) -> ClusterConfig {
    ClusterConfig {
        redis,
        ca: None,
        prefix: RedisPrefix::default(),
        id: NodeId::parse(id).unwrap(),
        address: NodeUrl::parse(&format!("http://{id}:3000")).unwrap(),
        epoch: "epoch-1".to_owned(),
        database: "database-1".to_owned(),
        grace: Duration::from_secs(1),
        next_offset: 1,
        sequencer: SequencerConfig::default(),
    }
}

impl TestNode {
    /// Starts a node.
    pub async fn start(redis: RedisUrl, id: &str, log: &TestLog) -> Self {
        Self::start_with(config(redis, id), log).await
    }

    /// Starts a node with these settings.
    pub async fn start_with(config: ClusterConfig, log: &TestLog) -> Self {
        let observed = Arc::new(Observed::default());
        let node = ClusterNode::start(config, log.clone(), observed.clone()).await.expect("the node starts");
        Self { node, observed, log: log.clone() }
    }

    /// Commits events, and publishes them.
    pub fn write(&self, count: usize) {
        let events = self.log.commit(self.node.own().id.as_str(), count);
        self.node.commit(Vec::new(), events);
    }

    /// Waits until the node knows that many other nodes and their presence.
    pub async fn knows_others(&self, count: usize) {
        wait_until("the nodes know each other", || self.node.others().len() == count && self.node.knows_presence()).await;
    }

    /// Waits until all events of the log are delivered, and checks that each was delivered once, in order and with its content.
    pub async fn has_all(&self) {
        let last = self.log.last();
        wait_until("all events are delivered", || self.observed.delivered() >= last).await;
        let events = self.observed.events.lock().unwrap();
        assert_eq!(events.len() as u64, last);
        for (offset, event) in (1..).zip(&*events) {
            assert_eq!((event.first(), event.body()), (offset, &self.log.body(offset)));
        }
    }
}
