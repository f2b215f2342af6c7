//! A node of the simulation: the state machines of the crate, and what the tasks around them would do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::identity::{Incarnation, NodeId, NodeInfo, NodeUrl};
use cluster::membership::{Listing, MembershipEvent};
use cluster::node::{CoreOutput, NodeCore};
use cluster::presence::PresenceTransition;
use cluster::sequencer::{LogPage, OffsetSequencer, SequencerConfig};
use cluster::wire::{Envelope, EventFrame, Message, PresenceKey, decode, encode};

/// How long the users of a dead node stay online.
pub const GRACE: Duration = Duration::from_secs(2);

/// What arrives at a node.
pub enum Input {
    Bytes(Bytes),
    Page(Option<LogPage>),
    Head(Option<u64>),
    /// The result of a renewal, and when it began.
    Lease(Option<Listing>, Instant),
    Subscribed,
    Unsubscribed,
}

/// What the node has reported and delivered.
#[derive(Default)]
pub struct Report {
    pub publish: Vec<Bytes>,
    pub membership: Vec<MembershipEvent>,
    pub renew: bool,
}

pub struct Node {
    pub id: NodeId,
    pub process: u64,
    pub core: NodeCore,
    pub sequencer: OffsetSequencer,
    /// The users' entries on this node: the truth.
    pub entries: BTreeSet<PresenceKey>,
    /// Entries that this node's own clients saw come.
    seen: BTreeSet<PresenceKey>,
    /// What arrived while the node was frozen.
    pub inbox: VecDeque<Input>,
    pub frozen_until: Option<Instant>,
    pub frozen_since: Option<Instant>,
    pub cut_until: Option<Instant>,
    pub subscribed: bool,
    pub next_renewal: Instant,
    /// Whether a renewal has no result yet. There is one at a time.
    pub renewing: bool,
    /// The next offset that must be delivered.
    expected: u64,
    /// Users whose transitions were counted, for the message of a failure.
    transitions: BTreeMap<PresenceKey, u32>,
}

impl Node {
    pub fn new(index: usize, process: u64, next: u64, now: Instant) -> Self {
        let id = NodeId::parse(&format!("node-{index}")).expect("the name is valid");
        let address = NodeUrl::parse(&format!("http://node-{index}:3000")).expect("the name is valid");
        let mut incarnation = process << 32;
        let fresh = Box::new(move || {
            incarnation += 1;
            Incarnation(incarnation)
        });
        let own = NodeInfo { id: id.clone(), incarnation: Incarnation(process << 32), address };
        // Small bounds, so that the runs exceed them.
        let config = SequencerConfig { page_limit: 16, max_pending: 24, ..SequencerConfig::default() };
        Self {
            id,
            process,
            core: NodeCore::new(own, GRACE, now, fresh),
            sequencer: OffsetSequencer::new(config, next, now),
            entries: BTreeSet::new(),
            seen: BTreeSet::new(),
            inbox: VecDeque::new(),
            frozen_until: None,
            frozen_since: None,
            cut_until: None,
            subscribed: false,
            next_renewal: now,
            renewing: false,
            expected: next,
            transitions: BTreeMap::new(),
        }
    }

    pub fn envelope(&self, message: Message) -> Bytes {
        let own = self.core.membership().own();
        encode(&Envelope { node: own.id.clone(), incarnation: own.incarnation, message })
    }

    pub fn take(&mut self, input: Input, now: Instant) {
        self.renewing &= !matches!(input, Input::Lease(..));
        match input {
            Input::Bytes(bytes) => match decode(bytes).expect("nodes send valid messages") {
                Envelope { message: Message::Events(events), .. } => events.into_iter().for_each(|event| self.sequencer.offer(event, now)),
                envelope => self.core.receive(envelope, now),
            },
            Input::Page(Some(page)) => self.sequencer.page_read(page, now),
            Input::Head(Some(head)) => self.sequencer.head_read(head, now),
            Input::Page(None) | Input::Head(None) => self.sequencer.read_failed(now),
            Input::Lease(Some(listing), began) => self.core.renewed(listing, began, now),
            Input::Lease(None, _) => self.core.renewal_failed(now),
            Input::Subscribed => self.sequencer.bus_connected(),
            Input::Unsubscribed => self.sequencer.bus_lost(),
        }
    }

    /// Does what is due, and checks what was delivered.
    pub fn step(&mut self, now: Instant, content: impl Fn(u64) -> Bytes) -> Report {
        if self.core.due() <= now {
            self.core.step(now);
        }
        let mut report = Report::default();
        // Ending the connections of a lost lease causes further outputs.
        loop {
            let outputs = self.core.take_outputs();
            if outputs.is_empty() {
                break;
            }
            outputs.into_iter().for_each(|output| self.execute(output, now, &mut report));
        }
        let delivered: Vec<EventFrame> = self.sequencer.take_ready().collect();
        for event in delivered {
            assert_eq!(event.first(), self.expected, "{} delivers each offset once and in order", self.id);
            assert_eq!(*event.body(), content(event.first()), "{} delivers the content of the log", self.id);
            self.expected = event.last() + 1;
        }
        report
    }

    fn execute(&mut self, output: CoreOutput, now: Instant, report: &mut Report) {
        match output {
            CoreOutput::Publish(message) => report.publish.push(self.envelope(message)),
            CoreOutput::Membership(event) => {
                if let MembershipEvent::LeaseLost { .. } = event {
                    assert!(report.publish.is_empty(), "the lost lease is reported before anything else");
                    for key in std::mem::take(&mut self.entries) {
                        self.core.remove_presence(&key, false, now);
                    }
                }
                report.membership.push(event);
            }
            CoreOutput::Presence(PresenceTransition::Added { key, .. }) => {
                *self.transitions.entry(key.clone()).or_default() += 1;
                assert!(self.seen.insert(key.clone()), "{} announces {key:?} twice: {:?}", self.id, self.transitions[&key]);
            }
            CoreOutput::Presence(PresenceTransition::Removed { key, .. }) => {
                assert!(self.seen.remove(&key), "{} announces the end of {key:?} twice", self.id);
            }
            CoreOutput::Ephemeral(..) | CoreOutput::OtherValue(..) | CoreOutput::Usage(..) => {}
            CoreOutput::RenewNow => report.renew = true,
        }
    }

    /// The entries that this node's clients know.
    pub fn seen(&self) -> &BTreeSet<PresenceKey> {
        &self.seen
    }
}
