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
use crate::history::{Archive, MissedRange, Run, Slice};
use crate::position::Position;

/// The most slices that are searched for a socket in one turn.
const MAX_SLICES_PER_TURN: usize = 4;

/// The most rooms in all pending replays of a socket, with the rooms that each replay stores. Beyond that, the socket cannot catch up in
/// the next room.
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

/// The archive's response to a [`ArchiveRead`].
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
    room_stays: Vec<RoomStay>,
    /// Rooms whose earlier broadcasts the socket receives after all broadcasts from before it joined them, in the order of joining. Rooms
    /// that the socket joined together have one replay.
    replays: VecDeque<ReplayState>,
    /// Whether a response of the archive is awaited.
    is_reading: bool,
    /// Whether that response is outdated, because the socket has left a room.
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
    /// The position after which the replay begins.
    from: Position,
    /// The number up to which the replay goes.
    until: u64,
    /// See [`AlreadyDelivered`].
    received: Vec<(Box<str>, u64, u64)>,
    member_of: Vec<(Box<str>, u64)>,
}

impl CatchUp {
    /// The socket joins a room.
    pub fn join(&mut self, room: &str, since: u64) {
        // A stay that ended before the cursor has no broadcasts left to except the socket from. Without this the list would grow with every
        // join.
        let reached = self.at.number;
        self.room_stays.retain(|stay| stay.until > reached);
        self.room_stays.push(RoomStay { room: room.into(), since, until: u64::MAX });
    }

    /// The socket leaves a room: it receives no more of the room's broadcasts.
    pub fn leave(&mut self, room: &str, at: u64) {
        for stay in self.room_stays.iter_mut().filter(|stay| stay.until == u64::MAX && *stay.room == *room) {
            stay.until = at;
        }
        self.replays.retain_mut(|replay| {
            replay.rooms.retain(|(other, _)| **other != *room);
            !replay.rooms.is_empty()
        });
        // The archive may already have read broadcasts of this room, which the socket must not receive any more.
        self.stale |= self.is_reading;
    }
}

impl ReplayState {
    /// The number of rooms that the replay stores.
    fn room_count(&self) -> usize {
        self.rooms.len() + self.received.len() + self.member_of.len()
    }

    /// Whether the socket has received or will receive a broadcast in another room.
    fn is_delivered_elsewhere(&self, broadcast: &Broadcast) -> bool {
        // A broadcast to every connection is replayed with the first room.
        if broadcast.is_for_everyone() {
            return !self.received.is_empty();
        }
        let in_time = |after: u64, until: u64| broadcast.number.is_some_and(|number| number > after && number <= until);
        self.received.iter().any(|(room, after, until)| in_time(*after, *until) && broadcast.is_for(room))
    }
}

/// The next step for a socket that catches up.
enum NextSlice {
    /// The socket has received all broadcasts.
    CaughtUp,
    /// The socket has received the replay of a room.
    ReplayEnds,
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
        let room_stays = rooms.map(|(room, since)| RoomStay { room: room.into(), since, until: u64::MAX }).collect();
        if socket.catch_up.replace(Box::new(CatchUp { at, room_stays, ..CatchUp::default() })).is_none() {
            self.connections[socket.connection as usize].catching_up += 1;
        }
    }

    /// Adds the replay of rooms that a socket joins now: the broadcasts to each room after the room's number. False if the socket has as
    /// many pending replays as it may have.
    pub(super) fn begin_replay(&mut self, key: SocketKey, rooms: &[(&str, u64)], from: Position, delivered: AlreadyDelivered<'_>) -> bool {
        let until = self.position;
        let pending_rooms = self.sockets[key.slot() as usize]
            .catch_up
            .iter()
            .flat_map(|catch_up| &catch_up.replays)
            .map(ReplayState::room_count)
            .sum::<usize>();
        if pending_rooms > 0 && pending_rooms + rooms.len() + delivered.received.len() + delivered.member_of.len() > MAX_PENDING_ROOMS {
            return false;
        }
        if self.sockets[key.slot() as usize].catch_up.is_none() {
            let joined: Vec<String> = self.rooms_of(key).map(str::to_owned).collect();
            let joined: Vec<(&str, u64)> = joined.iter().map(|room| (room.as_str(), 0)).collect();
            self.begin_catch_up(key, until.into(), &joined);
        }
        if let Some(catch_up) = &mut self.sockets[key.slot() as usize].catch_up {
            let received = delivered.received.iter().map(|(room, after, until)| ((*room).into(), *after, *until)).collect();
            let member_of = delivered.member_of.iter().map(|(room, after)| ((*room).into(), *after)).collect();
            let rooms = rooms.iter().map(|(room, since)| ((*room).into(), *since)).collect();
            catch_up.replays.push_back(ReplayState { rooms, from, until, received, member_of });
        }
        true
    }

    /// The number up to which all broadcasts to a connection's sockets are, or were, in its outbox.
    pub(crate) fn delivered_to(&self, slot: u32) -> u64 {
        let sockets = self.connections[slot as usize].sockets.iter();
        let catch_up = sockets.filter_map(|socket| self.sockets.get(*socket as usize)?.catch_up.as_ref());
        catch_up.map(|catch_up| catch_up.at.number).fold(self.position, u64::min)
    }

    /// Puts the next broadcasts that a connection's sockets have missed into its outbox, as many as fit into a slice.
    pub(crate) fn replay(&mut self, slot: u32) {
        let connection = &self.connections[slot as usize];
        if connection.phase != Phase::Open {
            return;
        }
        // The list is copied, because a slice changes the shard.
        for socket in connection.sockets.clone() {
            let mut slices = 0;
            while slices < MAX_SLICES_PER_TURN && self.replay_some(slot, socket) {
                slices += 1;
            }
            if slices == MAX_SLICES_PER_TURN {
                // Its namespace receives few of the broadcasts: other connections get their turn before the next slices.
                self.mark_for_flush(slot);
            }
        }
    }

    /// Puts the next slice into an outbox. True if there may be more at once.
    fn replay_some(&mut self, slot: u32, socket: u32) -> bool {
        let free = self.slice_bytes().saturating_sub(self.connections[slot as usize].outbox.bytes());
        // The state is taken out of the socket while the shard is used, and is put back unless the socket is live now.
        let Some(mut catch_up) = self.sockets[socket as usize].catch_up.take_if(|catch_up| !catch_up.is_reading && free > 0) else {
            return false;
        };
        let continues = match self.next_slice(&catch_up, free) {
            NextSlice::CaughtUp => {
                self.connections[slot as usize].catching_up -= 1;
                return false;
            }
            NextSlice::ReplayEnds => catch_up.replays.pop_front().is_some(),
            NextSlice::Slice(from, slice) => {
                self.send_slice(socket, &mut catch_up, from, slice);
                !catch_up.is_reading
            }
            NextSlice::Lost => {
                self.end_too_slow(slot);
                false
            }
        };
        self.sockets[socket as usize].catch_up = Some(catch_up);
        continues
    }

    /// Ends a connection whose client missed broadcasts that are not kept any more: it was away for too long, or reads too slowly. Its next
    /// connection begins a new session.
    fn end_too_slow(&mut self, slot: u32) {
        let (code, reason) = TOO_SLOW;
        self.end_connection(slot, DisconnectReason::TooSlow, CloseAction::CloseFrame(code, reason.into()));
    }

    fn slice_bytes(&self) -> usize {
        // A fourth of the limit leaves room for live messages, so that a slice alone never makes a client too slow.
        self.config.replay_slice.min(self.config.outbox_limit / 4).max(1)
    }

    /// The next step of a socket, with a slice of about `bytes` bytes.
    fn next_slice(&self, catch_up: &CatchUp, bytes: usize) -> NextSlice {
        let Some(history) = &self.history else { return NextSlice::CaughtUp };
        // The replay of a room follows all broadcasts that other rooms received before the socket joined it.
        let replay = catch_up.replays.front().filter(|replay| catch_up.at.number >= replay.until);
        let until = catch_up.replays.front().map_or(self.position, |replay| replay.until);
        let (from, slice) = match replay {
            Some(replay) if replay.from.number >= replay.until => return NextSlice::ReplayEnds,
            Some(replay) => {
                // Broadcasts to every connection are replayed with the first room only.
                let range = MissedRange { everyone: replay.received.is_empty(), from: replay.from.number, until: replay.until };
                let rooms = replay.rooms.iter().map(|(room, since)| (&**room, *since));
                (replay.from, history.slice(rooms, range, bytes))
            }
            None if catch_up.at.number >= until => return NextSlice::CaughtUp,
            None => {
                let rooms = catch_up.room_stays.iter().filter(|stay| stay.until == u64::MAX).map(|stay| (&*stay.room, stay.since));
                (catch_up.at, history.slice(rooms, MissedRange { everyone: true, from: catch_up.at.number, until }, bytes))
            }
        };
        slice.map_or(NextSlice::Lost, |slice| NextSlice::Slice(from, slice))
    }

    /// Puts the first broadcasts of a slice into an outbox if they are in memory, and requests them from the archive if not.
    fn send_slice(&mut self, socket: u32, catch_up: &mut CatchUp, from: Position, slice: Slice) {
        match slice.first_run() {
            Run::InMemory(broadcasts, reached) => {
                self.send_broadcasts(socket, catch_up, from, broadcasts.iter().map(|broadcast| &**broadcast), reached);
            }
            Run::Archived(numbers, whole) => {
                let Some(archive) = self.history.as_ref().and_then(|history| history.archive().cloned()) else { return };
                let (socket, bytes) = (SocketKey::new(self.index, socket, self.sockets[socket as usize].generation), self.slice_bytes());
                catch_up.is_reading = true;
                self.to_read.push(ArchiveRead { socket, numbers, whole, bytes, archive });
            }
        }
    }

    /// Puts broadcasts after the position `from` into an outbox; with them the socket has received all broadcasts up to the number
    /// `reached`.
    fn send_broadcasts<'a>(
        &mut self,
        socket: u32,
        catch_up: &mut CatchUp,
        from: Position,
        broadcasts: impl Iterator<Item = &'a Broadcast>,
        reached: u64,
    ) {
        let Some(known) = self.sockets.get(socket as usize) else { return };
        let (encoding, slot, id, generation) = (known.encoding, known.connection, known.id, known.generation);
        let replay = catch_up.replays.front().filter(|replay| catch_up.at.number >= replay.until);
        let member_of: Vec<(&str, u64, u64)> = match replay {
            Some(replay) => replay.member_of.iter().map(|(room, since)| (&**room, *since, u64::MAX)).collect(),
            None => catch_up.room_stays.iter().map(|stay| (&*stay.room, stay.since, stay.until)).collect(),
        };
        let exclusions = ExclusionContext { id, rooms: &member_of };
        let is_for_socket = |broadcast: &&Broadcast| {
            !exclusions.excepts(broadcast)
                && broadcast.namespace.is_none_or(|only| only == encoding.namespace)
                && replay.is_none_or(|replay| !replay.is_delivered_elsewhere(broadcast))
        };
        let (mut bytes, mut kinds) = (Vec::new(), Vec::new());
        for broadcast in broadcasts.filter(is_for_socket) {
            if self.encode_missed(broadcast, from, encoding, &mut bytes) {
                kinds.push(broadcast.kind);
                if let Some(number) = broadcast.number {
                    self.delivery_log.replayed(generation, number, self.now);
                }
            }
        }
        // The cursor moves also if no broadcast was for this socket; otherwise the same slice would be searched again.
        match replay {
            Some(_) => catch_up.replays[0].from = reached.into(),
            None => catch_up.at = reached.into(),
        }
        for kind in kinds {
            if self.connections[slot as usize].track_delivery(kind) {
                self.delivery_stats.delivered.add_all([(kind, 1)]);
            }
        }
        if !bytes.is_empty() {
            self.send(slot, Rc::from(bytes));
        }
    }

    /// Appends a missed broadcast. False if sockets with this encoding do not receive it.
    fn encode_missed(&self, broadcast: &Broadcast, from: Position, encoding: Encoding, bytes: &mut Vec<u8>) -> bool {
        let positions = self.position_context();
        // The client has received a part of this broadcast before its connection broke. Only this client needs the rest, so it is not
        // shared.
        if from.part > 0 && broadcast.number == Some(from.number + 1) {
            broadcast.encode_with_skipped(bytes, from.part, encoding, &self.config.namespaces, positions);
            return true;
        }
        let encoded = broadcast.encoded(encoding, &self.config.namespaces, positions);
        bytes.extend_from_slice(encoded.as_deref().unwrap_or_default());
        encoded.is_some()
    }

    /// Handles the archive's response.
    pub(crate) fn archive_read(&mut self, ArchiveReadResult { socket: key, numbers, whole, read }: ArchiveReadResult) {
        let Some(socket) = self.socket_mut(key) else { return };
        let slot = socket.connection;
        let Some(mut catch_up) = socket.catch_up.take_if(|catch_up| catch_up.is_reading) else { return };
        catch_up.is_reading = false;
        let from = match catch_up.replays.front().filter(|replay| catch_up.at.number >= replay.until) {
            Some(replay) => replay.from,
            None => catch_up.at,
        };
        let Some(read) = read else {
            // The archive cannot be read now. The client reconnects, and receives the same then.
            self.sockets[key.slot() as usize].catch_up = Some(catch_up);
            return self.end_connection(slot, DisconnectReason::TransportError, CloseAction::Drop);
        };
        // The archive leaves out what it has deleted in the meantime. A client must not receive a broadcast after a missing one.
        let found = read.iter().zip(&numbers).take_while(|(broadcast, number)| broadcast.number == Some(**number)).count();
        let lost = found < read.len() || read.is_empty();
        let reached = match (found == numbers.len(), whole) {
            (true, Some(reached)) => reached,
            _ => read[..found].last().and_then(|last| last.number).unwrap_or(from.number),
        };
        // A result that was requested before the socket left a room may contain that room's broadcasts, so it is requested again.
        if !std::mem::take(&mut catch_up.stale) && from.number < reached {
            self.send_broadcasts(key.slot(), &mut catch_up, from, read[..found].iter(), reached);
        }
        self.sockets[key.slot() as usize].catch_up = Some(catch_up);
        match lost {
            true => self.end_too_slow(slot),
            false => self.mark_for_flush(slot),
        }
    }
}
