//! The nodes, the network, Redis and the event log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::membership::{LEASE, MembershipEvent};
use cluster::sequencer::{LogPage, LogRequest};
use cluster::wire::{EventFrame, Message, PresenceKey};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::faults::Fault;
use crate::lease_table::LeaseTable;
use crate::node::{Input, Node, Report};

const MILLISECOND: Duration = Duration::from_millis(1);

/// What all nodes have counted.
#[derive(Default, Debug)]
pub struct Counts {
    pub delivered: u64,
    pub read_from_log: u64,
    pub gaps: u64,
    pub duplicates: u64,
    pub rejected: u64,
    pub failed_reads: u64,
    pub missed_changes: u64,
    pub down: u64,
    pub lease_lost: u64,
    pub rejoined: u64,
    pub redis_away: u64,
}

impl Counts {
    pub fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.read_from_log += other.read_from_log;
        self.gaps += other.gaps;
        self.duplicates += other.duplicates;
        self.rejected += other.rejected;
        self.failed_reads += other.failed_reads;
        self.missed_changes += other.missed_changes;
        self.down += other.down;
        self.lease_lost += other.lease_lost;
        self.rejoined += other.rejoined;
        self.redis_away += other.redis_away;
    }

    fn add_node(&mut self, node: &Node) {
        let stats = node.sequencer.stats();
        self.delivered += stats.delivered;
        self.read_from_log += stats.read_from_log;
        self.gaps += stats.gaps;
        self.duplicates += stats.duplicates;
        self.rejected += stats.rejected;
        self.failed_reads += stats.failed_reads;
        self.missed_changes += node.core.missed_changes();
    }
}

pub struct World {
    random: StdRng,
    pub now: Instant,
    nodes: Vec<Option<Node>>,
    /// When a killed node starts again.
    starts: BTreeMap<usize, Instant>,
    processes: u64,
    redis: LeaseTable,
    redis_down_until: Option<Instant>,
    log: Vec<Bytes>,
    log_down_until: Option<Instant>,
    is_network_bad: bool,
    /// What is on its way, by the time of its arrival: the node, its process, and the input.
    network: BTreeMap<(Instant, u64), (usize, u64, Input)>,
    sent: u64,
    counts: Counts,
}

impl World {
    pub fn new(seed: u64, nodes: usize) -> Self {
        let now = Instant::now();
        let mut world = Self {
            random: StdRng::seed_from_u64(seed),
            now,
            nodes: (0..nodes).map(|_| None).collect(),
            starts: (0..nodes).map(|index| (index, now)).collect(),
            processes: 0,
            redis: LeaseTable::default(),
            redis_down_until: None,
            log: Vec::new(),
            log_down_until: None,
            is_network_bad: false,
            network: BTreeMap::new(),
            sent: 0,
            counts: Counts::default(),
        };
        world.start_nodes();
        world
    }

    pub fn counts(mut self) -> Counts {
        for node in self.nodes.iter().flatten() {
            self.counts.add_node(node);
        }
        self.counts
    }

    /// One time in `n`.
    fn one_in(&mut self, n: u32) -> bool {
        self.random.random_range(0..n) == 0
    }

    fn milliseconds(&mut self, from: u64, to: u64) -> Instant {
        self.now + Duration::from_millis(self.random.random_range(from..=to))
    }

    pub fn cause_faults(&mut self, faults: &[Fault]) {
        for fault in faults {
            if *fault == Fault::BadNetwork {
                self.is_network_bad = true;
            } else if self.one_in(fault.interval()) {
                self.cause(*fault);
            }
        }
    }

    fn cause(&mut self, fault: Fault) {
        let index = self.random.random_range(0..self.nodes.len());
        let until = self.milliseconds(100, 12_000);
        match fault {
            Fault::BadNetwork => self.is_network_bad = true,
            Fault::StopRedis => self.stop_redis(until),
            Fault::EmptyRedis => {
                let until = self.milliseconds(5, 3000);
                self.stop_redis(until);
                self.redis.clear();
            }
            Fault::KillNode => {
                if let Some(node) = self.nodes[index].take() {
                    self.counts.add_node(&node);
                    let start = self.milliseconds(10, 10_000);
                    self.starts.insert(index, start);
                }
            }
            Fault::FreezeNode => {
                let now = self.now;
                if let Some(node) = self.nodes[index].as_mut().filter(|node| node.frozen_until.is_none()) {
                    node.frozen_until = Some(until);
                    node.frozen_since = Some(now);
                }
            }
            Fault::CutNode => {
                if let Some(node) = &mut self.nodes[index] {
                    node.cut_until = Some(until);
                }
                self.unsubscribe(index);
            }
            Fault::StopLog => self.log_down_until = Some(until),
        }
    }

    fn stop_redis(&mut self, until: Instant) {
        self.redis_down_until = Some(until);
        (0..self.nodes.len()).for_each(|index| self.unsubscribe(index));
    }

    /// The subscription of a node ends. The node may notice it late, as with a connection that is half open.
    fn unsubscribe(&mut self, index: usize) {
        let noticed = if self.one_in(4) { self.milliseconds(1000, 3000) } else { self.milliseconds(0, 20) };
        if let Some(node) = self.nodes[index].as_mut().filter(|node| node.subscribed) {
            node.subscribed = false;
            self.send_at(noticed, index, Input::Unsubscribed);
        }
    }

    /// Ends all faults.
    pub fn heal(&mut self) {
        self.is_network_bad = false;
        self.redis_down_until = None;
        self.log_down_until = None;
        for node in self.nodes.iter_mut().flatten() {
            node.frozen_until = node.frozen_until.map(|_| self.now);
            node.cut_until = None;
        }
        self.starts.values_mut().for_each(|start| *start = self.now);
    }

    /// Users come and go, and nodes commit.
    pub fn act(&mut self) {
        let index = self.random.random_range(0..self.nodes.len());
        let (user, room) = (self.random.random_range(0..12), self.random.random_range(0..3));
        let comes = self.random.random_bool(0.5);
        let (acts, left, commits) = (self.one_in(20), self.one_in(4), self.one_in(15));
        let events = self.random.random_range(1..4_u32);
        let log_works = self.log_down_until.is_none();
        let now = self.now;
        let Some(node) = self.nodes[index].as_mut().filter(|node| node.frozen_until.is_none()) else { return };
        if acts {
            let room = if room == 0 { String::new() } else { format!("room:{room}") };
            let key = PresenceKey::in_room(&room, &format!("user-{user}"));
            if comes {
                node.core.set_presence(&key, Bytes::from(format!("{index}")), now);
                node.entries.insert(key);
            } else if node.entries.remove(&key) {
                node.core.remove_presence(&key, left, now);
            }
        }
        if commits && log_works {
            self.commit(index, events);
        }
    }

    /// A node commits events: they are in the log before anything else.
    fn commit(&mut self, index: usize, count: u32) {
        let first = self.log.len() as u64 + 1;
        let events: Vec<EventFrame> = (first..first + u64::from(count))
            .map(|offset| EventFrame::new(offset, 1, ["room:1"], Bytes::from(format!("event {offset} of node {index}"))))
            .collect();
        self.log.extend(events.iter().map(|event| event.body().clone()));
        let now = self.now;
        let Some(node) = &mut self.nodes[index] else { return };
        events.iter().for_each(|event| node.sequencer.offer(event.clone(), now));
        let bytes = node.envelope(Message::Events(events));
        self.publish(index, &bytes);
    }

    /// Publishes on the bus, if the node can reach Redis.
    fn publish(&mut self, from: usize, bytes: &Bytes) {
        if !self.reaches_redis(from) {
            return;
        }
        for to in 0..self.nodes.len() {
            if self.nodes[to].as_ref().is_none_or(|node| !node.subscribed) {
                continue;
            }
            let copies = match self.is_network_bad {
                true => [0, 1, 1, 1, 1, 1, 1, 1, 1, 2][self.random.random_range(0..10)],
                false => 1,
            };
            for _ in 0..copies {
                // Without faults, Redis keeps the order of messages.
                let at = if self.is_network_bad { self.milliseconds(0, 60) } else { self.now + MILLISECOND };
                self.send_at(at, to, Input::Bytes(bytes.clone()));
            }
        }
    }

    fn reaches_redis(&self, index: usize) -> bool {
        self.redis_down_until.is_none() && self.nodes[index].as_ref().is_some_and(|node| node.cut_until.is_none())
    }

    fn send_at(&mut self, at: Instant, to: usize, input: Input) {
        let Some(process) = self.nodes[to].as_ref().map(|node| node.process) else { return };
        self.sent += 1;
        self.network.insert((at, self.sent), (to, process, input));
    }

    /// A millisecond passes.
    pub fn tick(&mut self) {
        self.now += MILLISECOND;
        let now = self.now;
        let has_ended = |until: &mut Option<Instant>| *until = until.filter(|until| *until > now);
        has_ended(&mut self.redis_down_until);
        has_ended(&mut self.log_down_until);
        self.nodes.iter_mut().flatten().for_each(|node| has_ended(&mut node.cut_until));
        self.start_nodes();
        self.deliver_network();
        for index in 0..self.nodes.len() {
            self.run_node(index);
        }
    }

    fn start_nodes(&mut self) {
        for index in 0..self.nodes.len() {
            if self.nodes[index].is_some() || self.starts.get(&index).is_none_or(|start| *start > self.now) {
                continue;
            }
            self.processes += 1;
            let node = Node::new(index, self.processes, self.log.len() as u64 + 1, self.now);
            // A start waits for Redis, and for the end of the lease of the process before.
            if self.redis_down_until.is_some() || !self.redis.is_free(&node.id, self.now) {
                continue;
            }
            self.starts.remove(&index);
            self.nodes[index] = Some(node);
        }
    }

    fn deliver_network(&mut self) {
        while let Some(entry) = self.network.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (to, process, input) = entry.remove();
            let now = self.now;
            let Some(node) = self.nodes[to].as_mut().filter(|node| node.process == process) else { continue };
            match node.frozen_until {
                Some(_) => node.inbox.push_back(input),
                None => node.take(input, now),
            }
        }
    }

    fn run_node(&mut self, index: usize) {
        let now = self.now;
        let Some(node) = &mut self.nodes[index] else { return };
        if node.frozen_until.is_some_and(|until| until > now) {
            return;
        }
        if let Some(since) = node.frozen_until.take().and(node.frozen_since.take()) {
            self.thaw(index, now - since);
        }
        self.step_node(index);
        self.reconnect(index);
        self.renew(index);
        self.ask_log(index);
    }

    /// A frozen node continues with what arrived in the meantime.
    fn thaw(&mut self, index: usize, pause: Duration) {
        let (now, log) = (self.now, &self.log);
        let Some(node) = &mut self.nodes[index] else { return };
        let inbox = std::mem::take(&mut node.inbox);
        inbox.into_iter().for_each(|input| node.take(input, now));
        node.core.step(now);
        let report = node.step(now, |offset| log[offset as usize - 1].clone());
        let is_lost = matches!(report.membership.first(), Some(MembershipEvent::LeaseLost { .. }));
        // The node had done nothing for some time before it was frozen.
        let is_at_the_limit = pause < LEASE && pause + Duration::from_millis(200) > LEASE;
        assert!(is_at_the_limit || is_lost == (pause >= LEASE), "{} was frozen for {pause:?}: {:?}", node.id, report.membership);
        self.handle(index, report);
    }

    fn step_node(&mut self, index: usize) {
        let (now, log) = (self.now, &self.log);
        let Some(node) = &mut self.nodes[index] else { return };
        // The tasks of a node step at least every 100 ms.
        if (self.sent + index as u64).is_multiple_of(50) {
            node.core.step(now);
        }
        let report = node.step(now, |offset| log[offset as usize - 1].clone());
        self.handle(index, report);
    }

    fn handle(&mut self, index: usize, report: Report) {
        for event in &report.membership {
            match event {
                MembershipEvent::NodeDown(node) => {
                    self.counts.down += 1;
                    // A new process may have taken the id while the list was on its way.
                    let left = self.redis.expires_in(&node.id, self.now).unwrap_or(LEASE);
                    assert!(left > LEASE - Duration::from_millis(10), "{} has a lease for {left:?}", node.id);
                }
                MembershipEvent::LeaseLost { .. } => self.counts.lease_lost += 1,
                MembershipEvent::Rejoined { .. } => self.counts.rejoined += 1,
                MembershipEvent::RedisAway => self.counts.redis_away += 1,
                MembershipEvent::Replaced { by } => panic!("no other process has the id, but {by} has"),
                MembershipEvent::NodeUp(_) | MembershipEvent::NodeRestarted(_) | MembershipEvent::RedisBack => {}
            }
        }
        report.publish.iter().for_each(|bytes| self.publish(index, bytes));
        if let Some(node) = self.nodes[index].as_mut().filter(|_| report.renew) {
            node.next_renewal = self.now;
        }
    }

    fn reconnect(&mut self, index: usize) {
        let is_due = self.one_in(100);
        if !is_due || !self.reaches_redis(index) {
            return;
        }
        if let Some(node) = self.nodes[index].as_mut().filter(|node| !node.subscribed) {
            node.subscribed = true;
            self.send_at(self.now + MILLISECOND, index, Input::Subscribed);
        }
    }

    fn renew(&mut self, index: usize) {
        let (reaches, now) = (self.reaches_redis(index), self.now);
        let Some(node) = self.nodes[index].as_mut().filter(|node| node.next_renewal <= now && !node.renewing) else { return };
        node.renewing = true;
        node.next_renewal = now + Duration::from_secs(1);
        let own = node.core.membership().own().clone();
        let listing = reaches.then(|| self.redis.renew(&own, node.process, now));
        let at = self.milliseconds(1, 5);
        self.send_at(at, index, Input::Lease(listing, now));
    }

    fn ask_log(&mut self, index: usize) {
        let now = self.now;
        let Some(request) = self.nodes[index].as_mut().and_then(|node| node.sequencer.poll(now)) else { return };
        let is_up = self.log_down_until.is_none();
        let input = match request {
            LogRequest::Page { from, limit } => Input::Page(is_up.then(|| self.page(from, limit))),
            LogRequest::Head => Input::Head(is_up.then_some(self.log.len() as u64)),
        };
        // The read itself takes part of the time, so the answer may be older than what arrives before it.
        let at = self.milliseconds(1, 8);
        self.send_at(at, index, input);
    }

    fn page(&self, from: u64, limit: u32) -> LogPage {
        let stored = (1..).zip(&self.log).skip(from as usize - 1);
        let events: Vec<EventFrame> =
            stored.take(limit as usize).map(|(offset, body)| EventFrame::new(offset, 1, ["room:1"], body.clone())).collect();
        let is_full = events.len() == limit as usize;
        let complete_through = if is_full { from + u64::from(limit) - 1 } else { self.log.len() as u64 };
        LogPage { events, complete_through, is_full }
    }

    /// Checks that all nodes have delivered all events and agree with the truth.
    pub fn check_end(&mut self) {
        let truth: BTreeSet<PresenceKey> = self.nodes.iter().flatten().flat_map(|node| node.entries.iter().cloned()).collect();
        assert_eq!(self.nodes.iter().flatten().count(), self.nodes.len(), "all nodes run at the end");
        for node in self.nodes.iter().flatten() {
            assert_eq!(node.sequencer.next(), self.log.len() as u64 + 1, "{} has delivered all events", node.id);
            assert_eq!(node.sequencer.pending(), (0, 0));
            assert_eq!(node.core.membership().others().count(), self.nodes.len() - 1, "{} knows all others", node.id);
            assert!(node.core.is_complete(), "{} knows all entries", node.id);
            assert_eq!(*node.seen(), truth, "{} agrees with the truth", node.id);
            assert_eq!(node.core.presence().keys().cloned().collect::<BTreeSet<_>>(), truth);
        }
    }
}
