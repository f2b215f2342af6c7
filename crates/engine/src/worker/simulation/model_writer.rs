//! A model of the server's writer and database: commands are decided in one queue, answered, and published as facts.
//!
//! The desk remembers the sessions that clients may recover, and decides the recoveries in the order of all other commands.

use std::collections::{HashMap, VecDeque};

use super::app::{ConnectionId, ModelApp, message};
use super::script::CLIENTS;
use crate::broadcast::Broadcast;
use crate::handle::Handle;
use crate::id::Id;
use crate::position::Position;
use crate::shard::SocketKey;

/// A fact as the writer has decided it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DecidedEvent {
    pub author: usize,
    pub number: u64,
    pub padding: usize,
    /// Its offset among all facts, from 1.
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
    /// One fact in seven is not published.
    Loses,
    /// One fact in seven is published twice.
    Doubles,
    /// One fact in seven is published after the next one.
    Reorders,
    /// A socket that leaves a room stays in it.
    KeepsMembers,
    /// A paused socket is not read again.
    ForgetsToResume,
    /// A client that recovers receives later facts only.
    SkipsWhatWasMissed,
    /// A client that recovers receives all facts again.
    Repeats,
}

/// A command of a client.
pub struct Command {
    pub shard: usize,
    pub socket: SocketKey,
    pub who: ConnectionId,
    /// The secret of its session.
    pub secret: Option<Id>,
    pub number: u64,
    pub ack: Option<u64>,
    pub wish: Intent,
}

pub enum Intent {
    /// Connects with the secret and id of the session that is to begin, and with the secret of the client's earlier session and its last
    /// position.
    Enter(Option<SessionKeys>, Option<(Id, Option<Position>)>),
    /// Ends the connection that a session still seems to have.
    TakeOver(SocketAddress, Option<Box<Command>>),
    /// Continues a command whose earlier connection has ended, after the commands that this end caused.
    Again(Box<Command>),
    /// Begins a new session, because broadcasts that the old one missed are not kept any more.
    Restart(Id, SessionKeys),
    /// A session's connection has ended, and all broadcasts up to this offset have arrived; without an offset the session ends, too.
    End(Id, Option<u64>),
    Join(String),
    Leave(String),
    Say(String, usize),
}

/// A session's secret, and its id.
pub type SessionKeys = (Id, Id);

/// The place of a session's socket: the shard, and the socket's key.
pub type SocketAddress = (usize, SocketKey);

/// A session, as the desk remembers it.
pub struct StoredSession {
    pub id: Id,
    /// The joined rooms, each with the offset after which the session joined it.
    pub rooms: HashMap<String, u64>,
    pub confirmed: u64,
}

/// The writer's queue and its decisions, in place of the server's writer and database.
#[derive(Default)]
pub struct ModelWriter {
    pub queue: VecDeque<Command>,
    pub persisted_events: HashMap<String, Vec<DecidedEvent>>,
    offset: u64,
    pub sessions: HashMap<Id, StoredSession>,
    pub seats: HashMap<Id, SocketAddress>,
    /// The numbers of recovered sessions and of rejected recoveries.
    pub returns: usize,
    pub refusals: usize,
    pub flaw: Option<InjectedBug>,
    held: Option<Broadcast>,
}

/// A message of the desk to a shard.
pub struct ShardMessage {
    pub socket: SocketKey,
    pub number: u64,
    pub ack: Option<u64>,
    pub does: ShardAction,
}

pub enum ShardAction {
    Accept(ConnectionId, Option<Id>),
    Return(ConnectionId, Id, ResumedSession),
    TakeOver(Option<Box<Command>>),
    Again(Box<Command>),
    Join(String, usize),
    Leave(String, usize),
    Answer(usize),
}

/// The state of a session that continues.
pub struct ResumedSession {
    pub id: Id,
    pub from: Position,
    pub rooms: Vec<(String, u64)>,
}

impl ModelWriter {
    /// An empty desk.
    pub fn with(flaw: Option<InjectedBug>) -> Self {
        Self { flaw, ..Self::default() }
    }

    pub fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Decides up to `most` commands, as the writer does with a batch: each is answered and its fact then published, and the shards receive all of
    /// them at once.
    pub fn work(&mut self, hub: &Handle<ModelApp>, most: usize) {
        let _hold = hub.batch();
        for _ in 0..most.min(self.queue.len()) {
            let Some(Command { shard, socket, who, secret, number, ack, wish }) = self.queue.pop_front() else { break };
            let mut told = None;
            let does = match wish {
                Intent::Enter(place, back) => self.enter(who, place, back),
                Intent::TakeOver((there, old), command) => {
                    hub.send(there, ShardMessage { socket: old, number, ack, does: ShardAction::TakeOver(command) });
                    continue;
                }
                Intent::Again(command) => ShardAction::Again(command),
                Intent::Restart(old, place) => {
                    self.sessions.remove(&old);
                    self.enter(who, Some(place), None)
                }
                Intent::End(secret, None) => {
                    self.sessions.remove(&secret);
                    continue;
                }
                Intent::End(secret, Some(confirmed)) => {
                    self.sessions.entry(secret).and_modify(|session| session.confirmed = confirmed);
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
                Intent::Say(room, padding) => {
                    self.offset += 1;
                    let persisted = DecidedEvent { author: who.client, number, padding, offset: self.offset };
                    self.persisted_events.entry(room.clone()).or_default().push(persisted.clone());
                    let seq = self.seq(&room);
                    told = Some((seq, message_of(&room, seq, &persisted), message_of(&room, seq, &persisted)));
                    ShardAction::Answer(seq)
                }
            };
            hub.send(shard, ShardMessage { socket, number, ack, does });
            if let Some((seq, persisted, again)) = told {
                self.publish(hub, seq, persisted, again);
            }
        }
    }

    /// Publishes `count` facts of a room that no client has asked for.
    pub fn chatter(&mut self, hub: &Handle<ModelApp>, room: &str, count: usize) {
        let _hold = hub.batch();
        for _ in 0..count {
            self.offset += 1;
            let persisted = DecidedEvent { author: CLIENTS, number: self.offset, padding: 40, offset: self.offset };
            self.persisted_events.entry(room.to_owned()).or_default().push(persisted.clone());
            let seq = self.seq(room);
            self.publish(hub, seq, message_of(room, seq, &persisted), message_of(room, seq, &persisted));
        }
    }

    /// Accepts a client, with a new session or with its earlier one.
    fn enter(&mut self, who: ConnectionId, place: Option<SessionKeys>, back: Option<(Id, Option<Position>)>) -> ShardAction {
        let Some((secret, id)) = place else { return ShardAction::Accept(who, None) };
        if let Some((secret, offered)) = back
            && let Some(session) = self.sessions.get_mut(&secret)
        {
            let confirmed = Position::from(session.confirmed);
            let from = match self.flaw {
                Some(InjectedBug::SkipsWhatWasMissed) => Position::from(self.offset),
                Some(InjectedBug::Repeats) => Position::default(),
                _ => offered.map_or(confirmed, |offered| offered.max(confirmed)),
            };
            session.confirmed = from.number;
            let rooms = session.rooms.iter().map(|(room, since)| (room.clone(), *since)).collect();
            return ShardAction::Return(who, secret, ResumedSession { id: session.id, from, rooms });
        }
        self.sessions.insert(secret, StoredSession { id, rooms: HashMap::new(), confirmed: self.offset });
        ShardAction::Accept(who, Some(secret))
    }

    fn seq(&self, room: &str) -> usize {
        self.persisted_events.get(room).map_or(0, Vec::len)
    }

    fn publish(&mut self, hub: &Handle<ModelApp>, seq: usize, persisted: Broadcast, again: Broadcast) {
        match self.flaw.filter(|_| seq.is_multiple_of(7)) {
            Some(InjectedBug::Loses) => return,
            Some(InjectedBug::Doubles) => hub.publish(again),
            Some(InjectedBug::Reorders) => {
                self.held = Some(persisted);
                return;
            }
            _ => {}
        }
        hub.publish(persisted);
        if let Some(held) = self.held.take() {
            hub.publish(held);
        }
    }
}

/// Makes the broadcast of a fact.
pub fn message_of(room: &str, seq: usize, persisted: &DecidedEvent) -> Broadcast {
    let DecidedEvent { author, number, padding, offset } = *persisted;
    let mut lines = vec![format!("fact {room} {seq} {author} {number} {}", "x".repeat(padding))];
    if persisted.is_echoed() {
        lines.push(format!("echo {room} {seq}"));
    }
    let say = move |namespace| lines.iter().map(|line| message(namespace, line.clone())).collect();
    Broadcast::to_rooms([room.into()], say).numbered(offset).charged_to(author as u64)
}
