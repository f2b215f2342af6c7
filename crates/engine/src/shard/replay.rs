//! Sockets that catch up: the broadcasts that were published while their clients were away are read from the history in slices, while the
//! clients read.
//!
//! A socket that catches up has a cursor. Numbered broadcasts are put into its outbox from the history, in order, and none is delivered
//! live: they wait in the history, and take no memory of the socket. When the cursor reaches the shard's own position the socket is live,
//! in the same turn, so each broadcast is delivered once. A broadcast without a number (presence, typing) is delivered at once, as to every
//! other socket, unless it is volatile.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use super::delivery::TOO_SLOW;
use super::recovery::{AlreadyDelivered, ExclusionContext};
use super::{CloseAction, Phase, Shard, SocketKey};
use crate::app::{App, DisconnectReason};
use crate::broadcast::Broadcast;
use crate::encoding::Encoding;
use crate::history::{Archive, Run, Slice};
use crate::position::Position;

/// The most slices that are searched for a socket in one turn.
const MAX_SLICES_PER_TURN: usize = 4;

/// The most rooms in all pasts of a socket, with the rooms that each past has to remember. Beyond, the socket cannot catch up in the next room.
const MAX_PENDING_ROOMS: usize = 16_384;

/// Broadcasts that are to be read from the archive for a socket.
pub(crate) struct ArchiveRead {
    pub socket: SocketKey,
    pub numbers: Vec<u64>,
    /// If these are all broadcasts of a slice: the number up to which there is no other.
    pub whole: Option<u64>,
    pub bytes: usize,
    pub archive: Arc<dyn Archive>,
}

/// The archive's answer to a [`ArchiveRead`].
pub(crate) struct ArchiveReadResult {
    pub socket: SocketKey,
    pub numbers: Vec<u64>,
    pub whole: Option<u64>,
    /// The first of the broadcasts; `None` if the archive cannot be read now.
    pub read: Option<Vec<Broadcast>>,
}

/// The state of a socket that catches up. It has an entry for each of its rooms, and one for each room that the socket joined or left since
/// it began to catch up.
#[derive(Default)]
pub(crate) struct CatchUp {
    /// The position up to which broadcasts were put into its outbox.
    pub at: Position,
    /// The rooms that the socket is or was in.
    stays: Vec<RoomStay>,
    /// Rooms whose earlier broadcasts the socket receives after all broadcasts from before it joined them, in the order of joining. Rooms
    /// that the socket joined together have one past.
    pasts: VecDeque<ReplayState>,
    /// Whether an answer of the archive is awaited.
    reads: bool,
    /// Whether that answer is of no use any more, because the socket has left a room.
    stale: bool,
}

/// A room that a socket is or was in, between two numbers.
struct RoomStay {
    room: Box<str>,
    since: u64,
    until: u64,
}

/// The broadcasts to rooms from before a socket joined them.
struct ReplayState {
    /// The rooms, each with the number after which its broadcasts are for the socket.
    rooms: Vec<(Box<str>, u64)>,
    /// The position after which the past begins.
    from: Position,
    /// The number up to which the past goes.
    until: u64,
    /// See [`AlreadyDelivered`].
    heard: Vec<(Box<str>, u64, u64)>,
    member_of: Vec<(Box<str>, u64)>,
}

impl CatchUp {
    /// The socket joins a room.
    pub fn join(&mut self, room: &str, since: u64) {
        let told = self.at.number;
        self.stays.retain(|stay| stay.until > told);
        self.stays.push(RoomStay { room: room.into(), since, until: u64::MAX });
    }

    /// The socket leaves a room: it receives no more of the room's broadcasts.
    pub fn leave(&mut self, room: &str, at: u64) {
        for stay in self.stays.iter_mut().filter(|stay| stay.until == u64::MAX && *stay.room == *room) {
            stay.until = at;
        }
        self.pasts.retain_mut(|past| {
            past.rooms.retain(|(other, _)| **other != *room);
            !past.rooms.is_empty()
        });
        self.stale |= self.reads;
    }
}

impl ReplayState {
    /// The number of rooms that the past remembers.
    fn remembers(&self) -> usize {
        self.rooms.len() + self.heard.len() + self.member_of.len()
    }

    /// Whether the socket has received or will receive a broadcast in another room.
    fn is_heard_elsewhere(&self, broadcast: &Broadcast) -> bool {
        // A broadcast to every connection is replayed with the first room.
        if broadcast.is_for_everyone() {
            return !self.heard.is_empty();
        }
        let in_time = |behind: u64, until: u64| broadcast.number.is_some_and(|number| number > behind && number <= until);
        self.heard.iter().any(|(room, behind, until)| in_time(*behind, *until) && broadcast.is_for(room))
    }
}

/// The next step for a socket that catches up.
enum NextSlice {
    /// The socket has received all broadcasts.
    Nothing,
    /// The socket has received the past of a room.
    PastIsOver,
    /// A slice, and the position at which it begins.
    Slice(Position, Slice),
    /// A missed broadcast is possibly not kept any more.
    Lost,
}

impl<A: App> Shard<A> {
    /// Lets a socket, which is in its rooms already, catch up from `at` on. From each room it receives only the broadcasts after the room's
    /// number.
    pub(super) fn begin_catch_up(&mut self, key: SocketKey, at: Position, rooms: &[(&str, u64)]) {
        let Some(socket) = self.sockets.get_mut(key.slot() as usize) else { return };
        let own = socket.id.text();
        // Its own id is a room, too.
        let rooms = rooms.iter().copied().chain([(own.as_str(), 0)]);
        let stays = rooms.map(|(room, since)| RoomStay { room: room.into(), since, until: u64::MAX }).collect();
        if socket.behind.replace(Box::new(CatchUp { at, stays, ..CatchUp::default() })).is_none() {
            self.connections[socket.connection as usize].behind += 1;
        }
    }

    /// Adds the past of rooms that a socket joins now: the broadcasts to each room after the room's number. False if the socket has as many
    /// pending pasts as it may have.
    pub(super) fn begin_replay(&mut self, key: SocketKey, rooms: &[(&str, u64)], from: Position, known: AlreadyDelivered<'_>) -> bool {
        let until = self.position;
        let owed =
            self.sockets[key.slot() as usize].behind.iter().flat_map(|behind| &behind.pasts).map(ReplayState::remembers).sum::<usize>();
        if owed > 0 && owed + rooms.len() + known.heard.len() + known.member_of.len() > MAX_PENDING_ROOMS {
            return false;
        }
        if self.sockets[key.slot() as usize].behind.is_none() {
            let here: Vec<String> = self.rooms_of(key).map(str::to_owned).collect();
            let here: Vec<(&str, u64)> = here.iter().map(|room| (room.as_str(), 0)).collect();
            self.begin_catch_up(key, until.into(), &here);
        }
        if let Some(behind) = &mut self.sockets[key.slot() as usize].behind {
            let heard = known.heard.iter().map(|(room, behind, until)| ((*room).into(), *behind, *until)).collect();
            let member_of = known.member_of.iter().map(|(room, behind)| ((*room).into(), *behind)).collect();
            let rooms = rooms.iter().map(|(room, since)| ((*room).into(), *since)).collect();
            behind.pasts.push_back(ReplayState { rooms, from, until, heard, member_of });
        }
        true
    }

    /// The number up to which all broadcasts to a connection's sockets are, or were, in its outbox.
    pub(crate) fn delivered_to(&self, slot: u32) -> u64 {
        let sockets = self.connections[slot as usize].sockets.iter();
        let behind = sockets.filter_map(|socket| self.sockets.get(*socket as usize)?.behind.as_ref());
        behind.map(|behind| behind.at.number).fold(self.position, u64::min)
    }

    /// Puts the next broadcasts that a connection's sockets have missed into its outbox, as many as fit into a slice.
    pub(crate) fn replay(&mut self, slot: u32) {
        let connection = &self.connections[slot as usize];
        if connection.phase != Phase::Open {
            return;
        }
        for socket in connection.sockets.clone() {
            let mut slices = 0;
            while slices < MAX_SLICES_PER_TURN && self.replay_some(slot, socket) {
                slices += 1;
            }
            if slices == MAX_SLICES_PER_TURN {
                // Its namespace receives few of the broadcasts: other connections get their turn before the next slices.
                self.mark_dirty(slot);
            }
        }
    }

    /// Puts the next slice into an outbox. True if there may be more at once.
    fn replay_some(&mut self, slot: u32, socket: u32) -> bool {
        let room = self.slice().saturating_sub(self.connections[slot as usize].outbox.bytes());
        let Some(mut behind) = self.sockets[socket as usize].behind.take_if(|behind| !behind.reads && room > 0) else { return false };
        let goes_on = match self.next(&behind, room) {
            NextSlice::Nothing => {
                self.connections[slot as usize].behind -= 1;
                return false;
            }
            NextSlice::PastIsOver => behind.pasts.pop_front().is_some(),
            NextSlice::Slice(from, slice) => {
                self.send_slice(socket, &mut behind, from, slice);
                !behind.reads
            }
            NextSlice::Lost => {
                self.end_too_slow(slot);
                false
            }
        };
        self.sockets[socket as usize].behind = Some(behind);
        goes_on
    }

    /// Ends a connection whose client missed broadcasts that are not kept any more: it was away for too long, or reads too slowly. Its next
    /// connection begins a new session.
    fn end_too_slow(&mut self, slot: u32) {
        let (code, reason) = TOO_SLOW;
        self.end_connection(slot, DisconnectReason::TooSlow, CloseAction::Say(code, reason.into()));
    }

    fn slice(&self) -> usize {
        self.config.replay_slice.min(self.config.outbox_limit / 4).max(1)
    }

    /// The next step of a socket, with a slice of about `bytes` bytes.
    fn next(&self, behind: &CatchUp, bytes: usize) -> NextSlice {
        let Some(history) = &self.history else { return NextSlice::Nothing };
        // The past of a room comes after all broadcasts that other rooms received before the socket joined it.
        let past = behind.pasts.front().filter(|past| behind.at.number >= past.until);
        let until = behind.pasts.front().map_or(self.position, |past| past.until);
        let (from, slice) = match past {
            Some(past) if past.from.number >= past.until => return NextSlice::PastIsOver,
            Some(past) => {
                let everyone = past.heard.is_empty();
                let rooms = past.rooms.iter().map(|(room, since)| (&**room, *since));
                (past.from, history.slice(rooms, everyone, past.from.number, past.until, bytes))
            }
            None if behind.at.number >= until => return NextSlice::Nothing,
            None => {
                let rooms = behind.stays.iter().filter(|stay| stay.until == u64::MAX).map(|stay| (&*stay.room, stay.since));
                (behind.at, history.slice(rooms, true, behind.at.number, until, bytes))
            }
        };
        slice.map_or(NextSlice::Lost, |slice| NextSlice::Slice(from, slice))
    }

    /// Puts the first broadcasts of a slice into an outbox if they are in memory, else asks the archive for them.
    fn send_slice(&mut self, socket: u32, behind: &mut CatchUp, from: Position, slice: Slice) {
        match slice.first_run() {
            Run::InMemory(broadcasts, reached) => {
                self.send_broadcasts(socket, behind, from, broadcasts.iter().map(|broadcast| &**broadcast), reached);
            }
            Run::Archived(numbers, whole) => {
                let Some(archive) = self.history.as_ref().and_then(|history| history.archive().cloned()) else { return };
                let (socket, bytes) = (SocketKey::new(self.index, socket, self.sockets[socket as usize].generation), self.slice());
                behind.reads = true;
                self.to_read.push(ArchiveRead { socket, numbers, whole, bytes, archive });
            }
        }
    }

    /// Puts broadcasts after the position `from` into an outbox; with them the socket has received all broadcasts up to the number
    /// `reached`.
    fn send_broadcasts<'a>(
        &mut self,
        socket: u32,
        behind: &mut CatchUp,
        from: Position,
        broadcasts: impl Iterator<Item = &'a Broadcast>,
        reached: u64,
    ) {
        let Some(known) = self.sockets.get(socket as usize) else { return };
        let (encoding, slot, id) = (known.encoding, known.connection, known.id);
        let past = behind.pasts.front().filter(|past| behind.at.number >= past.until);
        let member_of: Vec<(&str, u64, u64)> = match past {
            Some(past) => past.member_of.iter().map(|(room, since)| (&**room, *since, u64::MAX)).collect(),
            None => behind.stays.iter().map(|stay| (&*stay.room, stay.since, stay.until)).collect(),
        };
        let excepted = ExclusionContext { id, rooms: &member_of };
        let for_it = |broadcast: &&Broadcast| {
            !excepted.from(broadcast)
                && broadcast.namespace.is_none_or(|only| only == encoding.namespace)
                && past.is_none_or(|past| !past.is_heard_elsewhere(broadcast))
        };
        let (mut bytes, mut kinds) = (Vec::new(), Vec::new());
        for broadcast in broadcasts.filter(for_it) {
            if self.encode_missed(broadcast, from, encoding, &mut bytes) {
                kinds.push(broadcast.kind);
            }
        }
        match past {
            Some(_) => behind.pasts[0].from = reached.into(),
            None => behind.at = reached.into(),
        }
        for kind in kinds {
            if self.connections[slot as usize].track_delivery(kind) {
                self.meter.delivered.add_all([(kind, 1)]);
            }
        }
        if !bytes.is_empty() {
            self.send(slot, Rc::from(bytes));
        }
    }

    /// Appends a missed broadcast. False if sockets with this encoding do not receive it.
    fn encode_missed(&self, broadcast: &Broadcast, from: Position, encoding: Encoding, bytes: &mut Vec<u8>) -> bool {
        let positions = self.position_context();
        if from.part > 0 && broadcast.number == Some(from.number + 1) {
            broadcast.encode_with_skipped(bytes, from.part, encoding, &self.config.namespaces, positions);
            return true;
        }
        let encoded = broadcast.encoded(encoding, &self.config.namespaces, positions);
        bytes.extend_from_slice(encoded.as_deref().unwrap_or_default());
        encoded.is_some()
    }

    /// Handles the archive's answer.
    pub(crate) fn archive_read(&mut self, ArchiveReadResult { socket: key, numbers, whole, read }: ArchiveReadResult) {
        let Some(socket) = self.socket_mut(key) else { return };
        let slot = socket.connection;
        let Some(mut behind) = socket.behind.take_if(|behind| behind.reads) else { return };
        behind.reads = false;
        let from = match behind.pasts.front().filter(|past| behind.at.number >= past.until) {
            Some(past) => past.from,
            None => behind.at,
        };
        let Some(read) = read else {
            // The archive cannot be read now. The client reconnects, and receives the same then.
            self.sockets[key.slot() as usize].behind = Some(behind);
            return self.end_connection(slot, DisconnectReason::TransportError, CloseAction::Drop);
        };
        let there = read.iter().zip(&numbers).take_while(|(broadcast, number)| broadcast.number == Some(**number)).count();
        let lost = there < read.len() || read.is_empty();
        let reached = match (there == numbers.len(), whole) {
            (true, Some(reached)) => reached,
            _ => read[..there].last().and_then(|last| last.number).unwrap_or(from.number),
        };
        // What the socket asked for before it left a room is asked for once more.
        if !std::mem::take(&mut behind.stale) && from.number < reached {
            self.send_broadcasts(key.slot(), &mut behind, from, read[..there].iter(), reached);
        }
        self.sockets[key.slot() as usize].behind = Some(behind);
        match lost {
            true => self.end_too_slow(slot),
            false => self.mark_dirty(slot),
        }
    }
}
