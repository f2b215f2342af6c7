//! Sockets that may be resumed, and those that are.

use std::rc::Rc;
use std::sync::Arc;

use wire::engineio::Version;
use wire::socketio::{json, msgpack};

use super::{CloseAction, EncodedPacket, Shard, SocketKey};
use crate::app::{App, DisconnectReason};
use crate::broadcast::Broadcast;
use crate::encoding::{Encoding, Format};
use crate::history::{History, MissedRange};
use crate::id::Id;
use crate::position::{Position, PositionContext};

/// The state of a socket that is resumed.
#[derive(Clone, Debug)]
pub struct SocketResume<'a> {
    /// The id that the socket had, and gets again.
    pub id: Id,
    /// The secret that proves the client's claim to the socket.
    pub secret: Id,
    /// The position up to which its client has received broadcasts.
    pub from: Position,
    /// The rooms that the socket was in and is in again, each with the number of the last broadcast before it joined.
    pub rooms: &'a [(&'a str, u64)],
}

/// The broadcasts that the client of a socket has received before the socket joins a room, and the rooms in which the socket counts as a
/// member.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlreadyDelivered<'a> {
    /// Rooms with broadcasts that the client received, each with the numbers after which and up to which it received them.
    pub received: &'a [(&'a str, u64, u64)],
    /// Rooms, each with the number after which the socket is excepted from the broadcasts that except the room.
    pub member_of: &'a [(&'a str, u64)],
}

impl<A: App> Shard<A> {
    /// Makes a secret that a socket's client may later use to resume the socket. It has the form of an [`Id`], 20 characters that contain
    /// the socket's shard and slot.
    pub fn new_secret(&mut self, key: SocketKey) -> Id {
        Id::new(self.index, key.slot(), &mut self.random)
    }

    /// Accepts a socket that may be resumed later, as [`Shard::accept`]: its CONNECT has the secret as `pid`, and its events have
    /// positions. False if the client has disconnected in the meantime.
    pub fn accept_recoverable(&mut self, key: SocketKey, data: A::Data, secret: Id) -> bool {
        let Some(socket) = self.open(key, data) else { return false };
        socket.encoding.positions = true;
        self.send_accepted(key, Some(secret));
        true
    }

    /// Adds positions to the events of a socket that is not recoverable by itself, for a client that asked for them.
    pub fn enable_positions(&mut self, key: SocketKey) {
        // The encoding selects the socket's group in each room, so it must not change while the socket is in one.
        if let Some(socket) = self.socket_mut(key).filter(|socket| socket.memberships.is_empty()) {
            socket.encoding.positions = true;
        }
    }

    /// Resumes a socket. Its client receives CONNECT, and then the broadcasts that it missed: as many as fit into a slice at once, the
    /// others while it reads. The socket is in its rooms from here on, and numbered broadcasts to them come after the missed ones, each
    /// once. False if the client has disconnected in the meantime.
    ///
    /// Socket.IO for Node sends the missed events before CONNECT. Its client keeps them aside until it is connected, also beyond the end of
    /// the connection. If the connection ends between the two, the next one sends the same events again and the client handles them twice.
    ///
    /// # Errors
    /// The data, if a broadcast that the socket has missed is possibly not kept any more.
    pub fn recover(&mut self, key: SocketKey, data: A::Data, resume: &SocketResume<'_>) -> Result<bool, A::Data> {
        // All checks come before the socket is opened: a client that has received CONNECT with its old id must receive all that it missed.
        let Some(socket) = self.socket(key) else { return Ok(false) };
        let encoding = Encoding { positions: true, ..socket.encoding };
        let is_kept = |history: &Arc<History>| {
            history.has_all(resume.rooms.iter().copied(), MissedRange { everyone: true, from: resume.from.number, until: self.position })
        };
        if !self.history.as_ref().is_some_and(is_kept) {
            return Err(data);
        }
        let Some(socket) = self.open(key, data) else { return Ok(false) };
        socket.encoding = encoding;
        let slot = socket.connection;
        self.rename(key, resume.id);
        // Pings that were confirmed before do not cover the broadcasts that are written only now.
        let connection = &mut self.connections[slot as usize];
        connection.last_received = connection.last_received.min(resume.from.number);
        connection.last_ping = connection.last_ping.min(resume.from.number);
        connection.written_up_to = connection.written_up_to.min(resume.from.number);
        // CONNECT is before the missed events, for the reason above.
        self.send_accepted(key, Some(resume.secret));
        // The rooms are joined before the catch-up begins, because a join during the catch-up counts as a later one.
        for (room, _) in resume.rooms {
            self.join(key, room);
        }
        self.begin_catch_up(key, resume.from, resume.rooms);
        self.replay(slot);
        Ok(true)
    }

    /// Replays to a socket the broadcasts after `from` to rooms that it joins, for each room only those after its own number, without the
    /// ones that the socket received in other rooms: as many as fit into a slice at once, the others while its client reads, before any
    /// later broadcast. False, and none is sent, if one of them is possibly not kept any more, or if the client does not read the pending
    /// broadcasts of other rooms.
    pub fn catch_up(&mut self, key: SocketKey, rooms: &[(&str, u64)], from: Position, delivered: AlreadyDelivered<'_>) -> bool {
        let Some(slot) = self.socket(key).map(|socket| socket.connection) else { return true };
        let Some(history) = &self.history else { return false };
        let range = MissedRange { everyone: delivered.received.is_empty(), from: from.number, until: self.position };
        if !history.has_all(rooms.iter().copied(), range) {
            return false;
        }
        if !self.begin_replay(key, rooms, from, delivered) {
            return false;
        }
        self.replay(slot);
        true
    }

    /// Sends broadcasts to a socket again. Of the given broadcasts, which are in order, it sends as many of the newest as its outbox has
    /// room for. They are encoded once for each encoding, with the position of the first time: no event among them may end in a text, which
    /// clients would take for the present position.
    pub fn send_replayed(&mut self, key: SocketKey, broadcasts: &[Arc<Broadcast>]) {
        let Some((encoding, slot)) = self.socket(key).map(|socket| (socket.encoding, socket.connection)) else { return };
        let mut free = self.config.outbox_limit.saturating_sub(self.connections[slot as usize].outbox.bytes());
        let encoded =
            broadcasts.iter().rev().filter_map(|broadcast| broadcast.encoded(encoding, &self.config.namespaces, self.position_context()));
        // From the newest to the oldest: if not all fit, the client needs the newest ones.
        let mut newest: Vec<Arc<[u8]>> = encoded
            .take_while(|bytes| {
                let fits = bytes.len() <= free;
                free = free.saturating_sub(bytes.len());
                fits
            })
            .collect();
        newest.reverse();
        if !newest.is_empty() {
            self.send(slot, Rc::from(newest.concat()));
        }
    }

    /// Whether a socket's client can resume the socket later: a client of Socket.IO 3 or later, where [`crate::Config::recovery`] is set.
    pub fn may_recover(&self, key: SocketKey) -> bool {
        self.history.is_some() && self.socket(key).is_some_and(|socket| socket.is_socketio() && socket.encoding.version == Version::V4)
    }

    /// Ends a socket's whole connection, because its client has resumed the socket on another.
    pub fn take_over(&mut self, key: SocketKey) {
        let Some(slot) = self.socket(key).map(|socket| socket.connection) else { return };
        // Without a close frame: the client does not use this connection any more, and its new one has the session.
        self.end_connection(slot, DisconnectReason::TakenOver, CloseAction::Drop);
    }

    /// The number of the last numbered broadcast that was delivered here.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The number up to which all broadcasts to a socket have certainly arrived: its client has answered a ping that was sent after them.
    pub fn acked(&self, key: SocketKey) -> Option<u64> {
        Some(self.connections.get(self.socket(key)?.connection as usize)?.last_received)
    }

    /// The accepted socket in the slot for which [`Shard::new_secret`] made this secret on this shard, if the slot is still in use. The
    /// slot may have a new socket: the caller has to compare the secrets.
    pub fn at(&self, secret: Id) -> Option<SocketKey> {
        let slot = (secret.shard() == self.index).then_some(secret.slot())?;
        let socket = self.sockets.get(slot as usize).filter(|socket| socket.data.is_some())?;
        Some(SocketKey::new(self.index, slot, socket.generation))
    }

    pub(crate) fn position_context(&self) -> PositionContext<'_> {
        self.config.position_context(self.position)
    }

    /// The position context of a message to one socket: if it catches up, its own position.
    pub(super) fn position_context_of(&self, key: SocketKey) -> PositionContext<'_> {
        let catch_up = self.socket(key).and_then(|socket| socket.catch_up.as_ref());
        self.config.position_context(catch_up.map_or(self.position.into(), |catch_up| catch_up.at))
    }

    /// Gives a socket another id than the one that contains its slot.
    fn rename(&mut self, key: SocketKey, id: Id) {
        if let Some(socket) = self.socket_mut(key)
            && std::mem::replace(&mut socket.id, id) != id
        {
            // The old id contains another slot, so a search by id needs this entry.
            self.renamed.insert(id, key.slot());
        }
    }

    /// Sends CONNECT to a client of Socket.IO.
    pub(super) fn send_accepted(&mut self, key: SocketKey, secret: Option<Id>) {
        let Some(socket) = self.socket(key) else { return };
        let (encoding, slot, id) = (socket.encoding, socket.connection, socket.id);
        let v2 = self.connections[slot as usize].version == Version::V3;
        let data = match secret {
            // A client of Socket.IO 2 takes the id from the Engine.IO handshake and expects no data here.
            _ if v2 => String::new(),
            Some(secret) => format!(r#"{{"sid":"{}","pid":"{}"}}"#, id.text(), secret.text()),
            None => format!(r#"{{"sid":"{}"}}"#, id.text()),
        };
        self.send_packet(slot, encoding, |nsp, format| match format {
            Format::MsgPack => EncodedPacket::Binary(msgpack::connect(nsp, &data)),
            _ => EncodedPacket::Text(json::connect(nsp, &data)),
        });
    }
}

/// The identity of a socket that a broadcast may except.
#[derive(Clone, Copy)]
pub(crate) struct ExclusionContext<'a> {
    /// The socket's id.
    pub id: Id,
    /// The rooms that the socket is or was in, each with the numbers after which and up to which it is or was.
    pub rooms: &'a [(&'a str, u64, u64)],
}

impl ExclusionContext<'_> {
    /// Whether a broadcast excepts the socket.
    pub fn excepts(&self, broadcast: &Broadcast) -> bool {
        let was_in = |after: u64, until: u64| broadcast.number.is_none_or(|number| number > after && number <= until);
        let in_room = |excepted: &Arc<str>| self.rooms.iter().any(|(room, after, until)| was_in(*after, *until) && **excepted == **room);
        broadcast.except_sockets.contains(&self.id) || broadcast.except_rooms.iter().any(in_room)
    }
}
