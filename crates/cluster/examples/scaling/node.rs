//! A node with its users.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::identity::{Incarnation, NodeId, NodeInfo, NodeUrl};
use cluster::membership::{LeaseState, Listing};
use cluster::node::{CoreOutput, NodeCore};
use cluster::shared_limits::{OpenConnection, OpenConnections};
use cluster::wire::{Envelope, EphemeralFrame, EventFrame, Message, PresenceKey, encode, encode_events};

use super::Failure;
use super::load::{Rate, commits};

/// The bytes of a message of a chat between nodes.
const EVENT_BODY: usize = 300;
/// The bytes of an event of typing between nodes.
const TYPING_BODY: usize = 110;
/// The bytes of a user in a room: id, name, and avatar as JSON.
const ROOM_VALUE: usize = 120;
/// The users of a room.
const ROOM_USERS: usize = 20;

/// The nodes, as Redis lists them.
pub fn infos(nodes: usize) -> Result<Vec<NodeInfo>, Failure> {
    let info = |index: usize| {
        let id = NodeId::parse(&format!("node-{index}")).ok_or("the id is not valid")?;
        let address = NodeUrl::parse("http://10.0.0.7:3000").ok_or("the address is not valid")?;
        Ok(NodeInfo { id, incarnation: Incarnation(index as u64), address })
    };
    (0..nodes).map(info).collect()
}

/// A state machine that knows these nodes; the first is its own.
pub fn core(own: &NodeInfo, known: &[NodeInfo], now: Instant) -> NodeCore {
    let mut core = NodeCore::new(own.clone(), Duration::from_secs(2), now, Box::new(|| Incarnation(0)));
    let listing = Listing { lease: LeaseState::Missing, epoch: "1".to_owned(), nodes: known.to_vec() };
    core.renewed(listing, now, now);
    core.take_outputs();
    core
}

/// The id of a user, as long as a UUID.
pub fn user_id(node: usize, number: usize) -> String {
    format!("{node:08x}-0000-4000-8000-{number:012x}")
}

/// The entry and the value of a user who is online with one connection.
pub fn online(user: &str, opened: u64) -> (PresenceKey, Bytes) {
    let connection = OpenConnection { transport: 0, opened, id: user.get(16..).unwrap_or_default().into() };
    (PresenceKey::online(user), OpenConnections(vec![connection]).encode())
}

/// The entry and the value of a user in a room.
pub fn in_room(room: usize, user: &str) -> (PresenceKey, Bytes) {
    (PresenceKey::in_room(&format!("chat_room:{room}"), user), Bytes::from(vec![b'x'; ROOM_VALUE]))
}

pub struct SimulatedNode {
    index: usize,
    info: NodeInfo,
    core: NodeCore,
    connects: Rate,
    messages: Rate,
    users: VecDeque<(PresenceKey, PresenceKey)>,
    connected: usize,
    sent: usize,
    uncommitted: usize,
}

impl SimulatedNode {
    /// A node of a cluster, which knows all others.
    pub fn new(infos: &[NodeInfo], index: usize, now: Instant) -> Self {
        let info = infos[index].clone();
        let phase = index as f64 / infos.len() as f64;
        let core = core(&info, infos, now);
        let (connects, messages) = (Rate::of_sessions(phase), Rate::of_messages(phase));
        Self { index, info, core, connects, messages, users: VecDeque::new(), connected: 0, sent: 0, uncommitted: 0 }
    }

    /// A millisecond passes. Returns what the node publishes.
    pub fn step(&mut self, millisecond: u64, now: Instant, next_offset: &mut u64) -> Vec<Bytes> {
        for _ in 0..self.connects.next() {
            self.connect(now);
            // As many users disconnect as connect; the first second has nothing to disconnect.
            if self.users.len() > 50 {
                self.disconnect(now);
            }
        }
        for _ in 0..self.messages.next() {
            self.sent += 1;
            self.uncommitted += 1;
            self.core.publish_ephemeral(EphemeralFrame { body: Bytes::from(vec![b't'; TYPING_BODY]) }, now);
            self.core.report_usage(&format!("commands {}", user_id(self.index, self.sent)), 1, now);
        }
        if self.core.due() <= now {
            self.core.step(now);
        }
        let mut published = Vec::new();
        if commits(millisecond, self.index) && self.uncommitted > 0 {
            published.push(self.commit(next_offset));
        }
        published.extend(self.core.take_outputs().into_iter().filter_map(|output| match output {
            // Nodes ask for the lists of others at their start only. In this program the nodes do not receive the answers, so they ask every second.
            CoreOutput::Publish(Message::PresenceRequest { .. }) => None,
            CoreOutput::Publish(message) => Some(self.encode(message)),
            _ => None,
        }));
        published
    }

    fn connect(&mut self, now: Instant) {
        self.connected += 1;
        let user = user_id(self.index, self.connected);
        let ((online, connections), (room, profile)) = (online(&user, self.connected as u64), in_room(self.connected / ROOM_USERS, &user));
        self.core.set_presence(&online, connections, now);
        self.core.set_presence(&room, profile, now);
        self.users.push_back((online, room));
    }

    fn disconnect(&mut self, now: Instant) {
        let Some((online, room)) = self.users.pop_front() else { return };
        self.core.remove_presence(&room, false, now);
        self.core.remove_presence(&online, false, now);
    }

    fn commit(&mut self, next_offset: &mut u64) -> Bytes {
        let count = std::mem::take(&mut self.uncommitted) as u64;
        let first = *next_offset;
        *next_offset += count;
        let event = |offset: u64| {
            let room = format!("chat_room:{}", offset % 1_000_000);
            EventFrame::new(offset, 1, [room.as_str()], Bytes::from(vec![b'm'; EVENT_BODY]))
        };
        encode_events(&self.info.id, self.info.incarnation, &(first..first + count).map(event).collect::<Vec<_>>())
    }

    fn encode(&self, message: Message) -> Bytes {
        encode(&Envelope { node: self.info.id.clone(), incarnation: self.info.incarnation, message })
    }
}
