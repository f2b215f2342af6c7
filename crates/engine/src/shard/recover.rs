//! Sockets that may come back, and those that do.

use std::rc::Rc;
use std::sync::Arc;

use wire::engineio::Version;
use wire::socketio::{json, msgpack};

use super::{Encoded, Ending, Shard, SocketKey};
use crate::app::{App, Reason};
use crate::broadcast::{Broadcast, Stamps};
use crate::history::Position;
use crate::id::Id;
use crate::voice::{Format, Voice};

/// What a socket that comes back is, and where it left off.
#[derive(Clone, Debug)]
pub struct Recovering<'a> {
    /// The id that it had, and has again.
    pub id: Id,
    /// The secret by which its client proves it.
    pub secret: Id,
    /// What it has heard.
    pub from: Position,
    /// The rooms that it was in and is in again, each with the number behind which it came in.
    pub rooms: &'a [(&'a str, u64)],
}

/// What a client has heard already that comes into a room, and where it counts as being.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// Rooms in which it was told, each with the number behind which, and up to which.
    pub heard: &'a [(&'a str, u64, u64)],
    /// Rooms, each with the number behind which it is excepted from what those in the room are not to hear.
    pub member_of: &'a [(&'a str, u64)],
}

impl<A: App> Shard<A> {
    /// A secret by which a socket's client may prove later that it is the same; 20 characters as an [`Id`], which tells where the socket is.
    pub fn new_secret(&mut self, key: SocketKey) -> Id {
        Id::new(self.index, key.slot(), &mut self.random)
    }

    /// [`Shard::accept`] of a socket that may come back: its CONNECT has the secret as `pid`, and its events have positions. False if the
    /// client has gone in the meantime.
    pub fn accept_recoverable(&mut self, key: SocketKey, data: A::Data, secret: Id) -> bool {
        let Some(socket) = self.open(key, data) else { return false };
        socket.voice.positions = true;
        self.tell_accepted(key, Some(secret));
        true
    }

    /// Has the events of a socket carry positions that is not recoverable by itself, for a client that asked for them.
    pub fn give_positions(&mut self, key: SocketKey) {
        if let Some(socket) = self.socket_mut(key).filter(|socket| socket.seats.is_empty()) {
            socket.voice.positions = true;
        }
    }

    /// Lets a socket in as the one that it was: it is told so, then what it has missed, and then it is in its rooms; nothing comes twice or
    /// between. False if the client has gone in the meantime.
    ///
    /// Socket.IO for Node tells first what was missed. Its client keeps that aside until it is connected, also beyond the end of the connection;
    /// if the end comes between the two, it is told the same again on the next one and hears it twice.
    ///
    /// # Errors
    /// The data, if it is not known any more what the socket has missed, or if that is more than [`crate::Config::outbox_limit`].
    pub fn recover(&mut self, key: SocketKey, data: A::Data, was: &Recovering<'_>) -> Result<bool, A::Data> {
        let Some(voice) = self.socket(key).map(|socket| socket.voice) else { return Ok(false) };
        let voice = Voice { positions: true, ..voice };
        let excepted = Excepted { id: Some(was.id), rooms: was.rooms };
        let Some(missed) = self.missed(voice, was.rooms, was.from, excepted) else { return Err(data) };
        let Some(socket) = self.open(key, data) else { return Ok(false) };
        socket.voice = voice;
        let slot = socket.connection;
        self.rename(key, was.id);
        // What a ping has confirmed that was sent before says nothing about what is written only now.
        let connection = &mut self.connections[slot as usize];
        connection.heard = connection.heard.min(was.from.number);
        connection.pinged = connection.pinged.min(was.from.number);
        self.tell_accepted(key, Some(was.secret));
        self.tell_missed(slot, missed);
        for (room, _) in was.rooms {
            self.join(key, room);
        }
        Ok(true)
    }

    /// Tells a socket what was said behind `from` in a room that it comes into, but for what it has heard in another. False, and nothing is
    /// told, if it is not known any more, or if it is more than [`crate::Config::outbox_limit`].
    pub fn catch_up(&mut self, key: SocketKey, room: &str, from: Position, known: Known<'_>) -> bool {
        let Some((voice, slot, id)) = self.socket(key).map(|socket| (socket.voice, socket.connection, socket.id)) else { return true };
        let Some(history) = &self.history else { return false };
        let Some(broadcasts) = history.missed([(room, 0)], from.number, self.position) else { return false };
        // What is said to everybody is heard with the first room.
        let heard = |broadcast: &Broadcast| match broadcast.is_for_everyone() {
            true => !known.heard.is_empty(),
            false => known.heard.iter().any(|(room, behind, until)| {
                broadcast.number.is_some_and(|number| (behind + 1..=*until).contains(&number)) && broadcast.is_for(room)
            }),
        };
        let broadcasts = broadcasts.into_iter().filter(|broadcast| !heard(broadcast));
        let excepted = Excepted { id: Some(id), rooms: known.member_of };
        let Some(missed) = self.encode_missed(voice, broadcasts, from, excepted) else { return false };
        self.tell_missed(slot, missed);
        true
    }

    /// Tells a socket once more what was said to many: of these, which stand in the order in which they were said, as many of the newest as its
    /// outbox has room for. They are encoded once for each voice, with the position of the first time: no event among them may end in a text,
    /// which clients would take for the present one.
    pub fn tell_again(&mut self, key: SocketKey, broadcasts: &[Arc<Broadcast>]) {
        let Some((voice, slot)) = self.socket(key).map(|socket| (socket.voice, socket.connection)) else { return };
        let mut room = self.config.outbox_limit.saturating_sub(self.connections[slot as usize].outbox.bytes());
        let encoded = broadcasts.iter().rev().filter_map(|broadcast| broadcast.encoded(voice, &self.config.namespaces, self.stamps()));
        let mut newest: Vec<Arc<[u8]>> = encoded
            .take_while(|bytes| {
                let fits = bytes.len() <= room;
                room = room.saturating_sub(bytes.len());
                fits
            })
            .collect();
        newest.reverse();
        if !newest.is_empty() {
            self.send(slot, Rc::from(newest.concat()));
        }
    }

    /// Whether a socket's client can prove later that it is the same: one of Socket.IO 3 or later, where [`crate::Config::recovery`] is set.
    pub fn may_recover(&self, key: SocketKey) -> bool {
        self.history.is_some() && self.socket(key).is_some_and(|socket| socket.is_socketio() && socket.voice.version == Version::V4)
    }

    /// Ends a socket's whole connection, for its client has come back on another.
    pub fn take_over(&mut self, key: SocketKey) {
        let Some(slot) = self.socket(key).map(|socket| socket.connection) else { return };
        self.end_connection(slot, Reason::TakenOver, Ending::Drop);
    }

    /// The number of the last broadcast that has one and was delivered here.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Up to which number everything that a socket was to hear has certainly arrived: its client has answered a ping that was sent behind it.
    pub fn confirmed(&self, key: SocketKey) -> Option<u64> {
        Some(self.connections.get(self.socket(key)?.connection as usize)?.heard)
    }

    /// The accepted socket whose secret was made by [`Shard::new_secret`] when it stood in this shard, if the slot is still somebody's: the
    /// caller has to look whether it is the same.
    pub fn at(&self, secret: Id) -> Option<SocketKey> {
        let slot = (secret.shard() == self.index).then_some(secret.slot())?;
        let socket = self.sockets.get(slot as usize).filter(|socket| socket.data.is_some())?;
        Some(SocketKey::new(self.index, slot, socket.generation))
    }

    pub(crate) fn stamps(&self) -> Stamps<'_> {
        Stamps::of(&self.config, self.position)
    }

    /// From now on a socket has another id than the one that tells its place.
    fn rename(&mut self, key: SocketKey, id: Id) {
        if let Some(socket) = self.socket_mut(key)
            && std::mem::replace(&mut socket.id, id) != id
        {
            self.renamed.insert(id, key.slot());
        }
    }

    /// Tells a client of Socket.IO that it is connected.
    pub(super) fn tell_accepted(&mut self, key: SocketKey, secret: Option<Id>) {
        let Some(socket) = self.socket(key) else { return };
        let (voice, slot, id) = (socket.voice, socket.connection, socket.id);
        let v2 = self.connections[slot as usize].version == Version::V3;
        let data = match secret {
            // A client of Socket.IO 2 takes the id from the Engine.IO handshake and expects no data here.
            _ if v2 => String::new(),
            Some(secret) => format!(r#"{{"sid":"{}","pid":"{}"}}"#, id.text(), secret.text()),
            None => format!(r#"{{"sid":"{}"}}"#, id.text()),
        };
        self.send_packet(slot, voice, |nsp, format| match format {
            Format::MsgPack => Encoded::Binary(msgpack::connect(nsp, &data)),
            _ => Encoded::Text(json::connect(nsp, &data)),
        });
    }

    fn missed(&self, voice: Voice, rooms: &[(&str, u64)], from: Position, excepted: Excepted<'_>) -> Option<Missed> {
        let broadcasts = self.history.as_ref()?.missed(rooms.iter().copied(), from.number, self.position)?;
        self.encode_missed(voice, broadcasts.into_iter(), from, excepted)
    }

    /// What was missed, in a voice; `None` if it is too much.
    fn encode_missed(
        &self,
        voice: Voice,
        broadcasts: impl Iterator<Item = Arc<Broadcast>>,
        from: Position,
        excepted: Excepted<'_>,
    ) -> Option<Missed> {
        let (mut missed, mut kinds) = (Vec::new(), Vec::new());
        for broadcast in broadcasts.filter(|broadcast| !excepted.from(broadcast)) {
            if broadcast.namespace.is_some_and(|only| only != voice.namespace) {
                continue;
            }
            if from.part > 0 && broadcast.number == Some(from.number + 1) {
                broadcast.encode_behind(&mut missed, from.part, voice, &self.config.namespaces, self.stamps());
            } else if let Some(bytes) = broadcast.encoded(voice, &self.config.namespaces, self.stamps()) {
                missed.extend_from_slice(&bytes);
            } else {
                // This namespace does not hear of it.
                continue;
            }
            kinds.push(broadcast.kind);
            if missed.len() > self.config.outbox_limit {
                return None;
            }
        }
        Some(Missed { bytes: missed, kinds })
    }

    fn tell_missed(&mut self, slot: u32, missed: Missed) {
        if missed.bytes.is_empty() {
            return;
        }
        for kind in missed.kinds {
            if self.connections[slot as usize].owe(kind) {
                self.meter.delivered.add_all([(kind, 1)]);
            }
        }
        self.send(slot, Rc::from(missed.bytes));
    }
}

/// What somebody has missed.
struct Missed {
    /// Whole frames.
    bytes: Vec<u8>,
    /// The kind of each broadcast that is in them.
    kinds: Vec<u8>,
}

/// Who somebody is to whom a broadcast may except.
#[derive(Clone, Copy)]
pub(crate) struct Excepted<'a> {
    /// The socket's id; without a socket nobody knows which it was.
    pub id: Option<Id>,
    /// Where it is, in each behind a number.
    pub rooms: &'a [(&'a str, u64)],
}

impl Excepted<'_> {
    pub fn from(&self, broadcast: &Broadcast) -> bool {
        let was_in = |behind: u64| broadcast.number.is_none_or(|number| number > behind);
        let in_room = |excepted: &Arc<str>| self.rooms.iter().any(|(room, behind)| was_in(*behind) && **excepted == **room);
        self.id.is_some_and(|id| broadcast.except_sockets.contains(&id)) || broadcast.except_rooms.iter().any(in_room)
    }
}
