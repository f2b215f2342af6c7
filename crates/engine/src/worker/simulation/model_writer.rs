//! A model of the server's writer and database: commands are decided in one queue, answered, and published as events.
//!
//! The model writer remembers the sessions that clients may recover, and decides the recoveries in the order of all other commands.

use std::collections::{HashMap, VecDeque};

use super::app::{ConnectionId, ModelApp, message};
use super::script::CLIENTS;
use crate::broadcast::Broadcast;
use crate::handle::Handle;
use crate::id::Id;
use crate::position::Position;
use crate::shard::SocketKey;

/// An event as the writer has decided it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DecidedEvent {
    pub author: usize,
    pub number: u64,
    pub padding: usize,
    /// Its offset among all events, from 1.
    pub offset: u64,
}

impl DecidedEvent {
    /// Whether its broadcast has two messages.
    pub fn is_echoed(&self) -> bool {
        self.offset.is_multiple_of(3)
    }
}

/// A built-in mistake that the checks have to find.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InjectedBug {
    /// One event in seven is not published.
    Loses,
    /// One event in seven is published twice.
    Doubles,
    /// One event in seven is published after the next one.
    Reorders,
    /// A socket that leaves a room stays in it.
    KeepsMember,
    /// A paused socket is not read again.
    ForgetsToResume,
    /// A client that recovers receives later events only.
    SkipsMissed,
    /// A client that recovers receives all events again.
    RepeatsAll,
}

/// A command of a client.
pub struct Command {
    pub shard: usize,
    pub socket: SocketKey,
    pub connection_id: ConnectionId,
    /// The secret of its session.
    pub secret: Option<Id>,
    pub number: u64,
    pub ack: Option<u64>,
    pub intent: Intent,
}

pub enum Intent {
    /// Connects with the secret and id of the session that is to begin, and with the secret of the client's earlier session and its last
    /// position.
    Connect(Option<SessionKeys>, Option<(Id, Option<Position>)>),
    /// Ends the connection that a session still seems to have.
    TakeOver(SocketAddress, Option<Box<Command>>),
    /// Continues a command whose earlier connection has ended, after the commands that this end caused.
    Continue(Box<Command>),
    /// Begins a new session, because broadcasts that the old one missed are not kept any more.
    Restart(Id, SessionKeys),
    /// A session's connection has ended, and all broadcasts up to this offset have arrived; without an offset the session ends, too.
    End(Id, Option<u64>),
    Join(String),
    Leave(String),
    Publish(String, usize),
}

/// A session's secret, and its id.
pub type SessionKeys = (Id, Id);

/// The address of a session's socket: the shard, and the socket's key.
pub type SocketAddress = (usize, SocketKey);

/// A session, as the model writer remembers it.
pub struct StoredSession {
    pub id: Id,
    /// The joined rooms, each with the offset after which the session joined it.
    pub rooms: HashMap<String, u64>,
    pub acked: u64,
}

/// The writer's queue and its decisions, in place of the server's writer and database.
#[derive(Default)]
pub struct ModelWriter {
    pub queue: VecDeque<Command>,
    pub persisted_events: HashMap<String, Vec<DecidedEvent>>,
    offset: u64,
    pub sessions: HashMap<Id, StoredSession>,
    pub sockets: HashMap<Id, SocketAddress>,
    /// The numbers of recovered sessions and of rejected recoveries.
    pub resumed: usize,
    pub rejections: usize,
    pub bug: Option<InjectedBug>,
    delayed: Option<Broadcast>,
}

/// A message of the model writer to a shard.
pub struct ShardMessage {
    pub socket: SocketKey,
    pub number: u64,
    pub ack: Option<u64>,
    pub action: ShardAction,
}

pub enum ShardAction {
    Accept(ConnectionId, Option<Id>),
    Resume(ConnectionId, Id, ResumedSession),
    TakeOver(Option<Box<Command>>),
    Continue(Box<Command>),
    Join(String, usize),
    Leave(String, usize),
    Done(usize),
}

/// The state of a session that continues.
pub struct ResumedSession {
    pub id: Id,
    pub from: Position,
    pub rooms: Vec<(String, u64)>,
}

impl ModelWriter {
    /// An empty model writer.
    pub fn with(bug: Option<InjectedBug>) -> Self {
        Self { bug, ..Self::default() }
    }

    pub fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Decides up to `most` commands, as the writer does with a batch: it responds to each, and then publishes its event, and the shards
    /// receive all of them at once.
    pub fn work(&mut self, hub: &Handle<ModelApp>, most: usize) {
        let _batch = hub.batch();
        for _ in 0..most.min(self.queue.len()) {
            let Some(Command { shard, socket, connection_id, secret, number, ack, intent }) = self.queue.pop_front() else { break };
            let mut published = None;
            let action = match intent {
                Intent::Connect(keys, resume) => self.connect(connection_id, keys, resume),
                Intent::TakeOver((other_shard, old), command) => {
                    hub.send(other_shard, ShardMessage { socket: old, number, ack, action: ShardAction::TakeOver(command) });
                    continue;
                }
                Intent::Continue(command) => ShardAction::Continue(command),
                Intent::Restart(old, keys) => {
                    self.sessions.remove(&old);
                    self.connect(connection_id, Some(keys), None)
                }
                Intent::End(secret, None) => {
                    self.sessions.remove(&secret);
                    continue;
                }
                Intent::End(secret, Some(acked)) => {
                    self.sessions.entry(secret).and_modify(|session| session.acked = acked);
                    continue;
                }
                Intent::Join(room) => {
                    let (seq, since) = (self.seq(&room), self.offset);
                    if let Some(session) = secret.and_then(|secret| self.sessions.get_mut(&secret)) {
                        session.rooms.entry(room.clone()).or_insert(since);
                    }
                    ShardAction::Join(room, seq)
                }
                Intent::Leave(room) => {
                    let seq = self.seq(&room);
                    if let Some(session) = secret.and_then(|secret| self.sessions.get_mut(&secret)) {
                        session.rooms.remove(&room);
                    }
                    ShardAction::Leave(room, seq)
                }
                Intent::Publish(room, padding) => {
                    self.offset += 1;
                    let persisted = DecidedEvent { author: connection_id.client, number, padding, offset: self.offset };
                    self.persisted_events.entry(room.clone()).or_default().push(persisted.clone());
                    let seq = self.seq(&room);
                    published = Some((seq, message_of(&room, seq, &persisted), message_of(&room, seq, &persisted)));
                    ShardAction::Done(seq)
                }
            };
            hub.send(shard, ShardMessage { socket, number, ack, action });
            if let Some((seq, persisted, duplicate)) = published {
                self.publish(hub, seq, persisted, duplicate);
            }
        }
    }

    /// Publishes `count` events of a room that no client has requested.
    pub fn chatter(&mut self, hub: &Handle<ModelApp>, room: &str, count: usize) {
        let _batch = hub.batch();
        for _ in 0..count {
            self.offset += 1;
            let persisted = DecidedEvent { author: CLIENTS, number: self.offset, padding: 40, offset: self.offset };
            self.persisted_events.entry(room.to_owned()).or_default().push(persisted.clone());
            let seq = self.seq(room);
            self.publish(hub, seq, message_of(room, seq, &persisted), message_of(room, seq, &persisted));
        }
    }

    /// Accepts a client, with a new session or with its earlier one.
    fn connect(&mut self, connection_id: ConnectionId, keys: Option<SessionKeys>, resume: Option<(Id, Option<Position>)>) -> ShardAction {
        let Some((secret, id)) = keys else { return ShardAction::Accept(connection_id, None) };
        if let Some((secret, position)) = resume
            && let Some(session) = self.sessions.get_mut(&secret)
        {
            let acked = Position::from(session.acked);
            let from = match self.bug {
                Some(InjectedBug::SkipsMissed) => Position::from(self.offset),
                Some(InjectedBug::RepeatsAll) => Position::default(),
                _ => position.map_or(acked, |position| position.max(acked)),
            };
            session.acked = from.number;
            let rooms = session.rooms.iter().map(|(room, since)| (room.clone(), *since)).collect();
            return ShardAction::Resume(connection_id, secret, ResumedSession { id: session.id, from, rooms });
        }
        self.sessions.insert(secret, StoredSession { id, rooms: HashMap::new(), acked: self.offset });
        ShardAction::Accept(connection_id, Some(secret))
    }

    fn seq(&self, room: &str) -> usize {
        self.persisted_events.get(room).map_or(0, Vec::len)
    }

    fn publish(&mut self, hub: &Handle<ModelApp>, seq: usize, persisted: Broadcast, duplicate: Broadcast) {
        match self.bug.filter(|_| seq.is_multiple_of(7)) {
            Some(InjectedBug::Loses) => return,
            Some(InjectedBug::Doubles) => hub.publish(duplicate),
            Some(InjectedBug::Reorders) => {
                self.delayed = Some(persisted);
                return;
            }
            _ => {}
        }
        hub.publish(persisted);
        if let Some(delayed) = self.delayed.take() {
            hub.publish(delayed);
        }
    }
}

/// Makes the broadcast of an event.
pub fn message_of(room: &str, seq: usize, persisted: &DecidedEvent) -> Broadcast {
    let DecidedEvent { author, number, padding, offset } = *persisted;
    let mut lines = vec![format!("event {room} {seq} {author} {number} {}", "x".repeat(padding))];
    if persisted.is_echoed() {
        lines.push(format!("echo {room} {seq}"));
    }
    let source = move |namespace| lines.iter().map(|line| message(namespace, line.clone())).collect();
    Broadcast::to_rooms([room.into()], source).numbered(offset).charged_to(author as u64)
}
