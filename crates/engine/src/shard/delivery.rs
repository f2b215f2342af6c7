//! Delivery: from broadcasts to outboxes, and from outboxes to the kernel.

use std::io::{self, IoSlice};
use std::rc::Rc;
use std::time::Instant;

use smallvec::smallvec;

use super::delivery_log::{DeliveryLog, DeliveryOutcome, Replacement};
use super::stats::DeliveryCounts;
use super::{CloseAction, ConnectionKey, FlushPriority, Shard, SocketKey, Transport, WebSocket};
use crate::app::{App, DisconnectReason};
use crate::broadcast::{Audience, Broadcast};
use crate::config::Config;
use crate::encoding::Encoding;
use crate::id::Id;
use crate::message::ConflationKey;
use crate::outbox::{Frames, Outbox, SpareQueues};
use crate::position::Position;
use crate::rooms::{Group, Member};

/// The most messages of one write.
const MAX_IO_SLICES: usize = 256;

/// The most bytes that wait for a long-polling client which is between two polls and still keeps up.
pub(super) const MAX_BETWEEN_POLLS_BYTES: usize = 16 * 1024;

/// The close code and reason for a client with too much pending output (1013 in IANA's registry: try again later).
pub(super) const TOO_SLOW: (u16, &str) = (1013, "too slow");

/// A broadcast's parts for one voice; see [`Broadcast::parts`].
type Parts = Vec<(Option<ConflationKey>, Frames)>;

/// A socket that receives a broadcast.
#[derive(Clone, Copy)]
struct Receiver {
    /// The slot of the socket.
    socket: u32,
    /// The position of the socket, if it catches up.
    catch_up: Option<Position>,
}

/// The parts of a shard that count and log a delivery, and the emptied queues.
struct Recorder<'a> {
    counts: &'a mut DeliveryCounts,
    log: &'a mut DeliveryLog,
    now: Instant,
    spare: &'a mut SpareQueues,
}

/// A broadcast in one encoding.
struct EncodedBroadcast<'a> {
    broadcast: &'a Broadcast,
    encoding: Encoding,
    config: &'a Config,
    /// The position of the sockets that do not catch up.
    position: u64,
    /// Whether the broadcast goes into each outbox as it is, whether or not the client keeps up.
    unconditional: bool,
    /// The frames; `None` if sockets with this encoding do not receive the broadcast.
    frames: Option<Frames>,
    /// The parts, made for the first connection that does not keep up.
    parts: Option<Parts>,
}

impl<'a> EncodedBroadcast<'a> {
    fn new(broadcast: &'a Broadcast, encoding: Encoding, config: &'a Config, position: u64) -> Self {
        let bytes = broadcast.encoded(encoding, &config.namespaces, config.position_context(position));
        let frames = bytes.map(|bytes| Rc::from(&bytes[..]));
        let unconditional = !broadcast.volatile && !broadcast.newest_only && broadcast.supersedes.is_none();
        Self { broadcast, encoding, config, position, unconditional, frames, parts: None }
    }

    fn parts(&mut self) -> &Parts {
        let Self { broadcast, encoding, config, position, .. } = *self;
        self.parts.get_or_insert_with(|| broadcast.parts(encoding, &config.namespaces, config.position_context(position)))
    }
}

impl<A: App> Shard<A> {
    /// Puts a broadcast once into the outbox of every connection of this shard that receives it.
    pub(crate) fn deliver(&mut self, broadcast: &Broadcast) {
        // A socket whose mark is equal has received this broadcast, or is excepted from it. A new number for each broadcast makes all older
        // marks invalid at once. Sockets start with the mark 0, so the number 0 is never used.
        self.mark = self.mark.wrapping_add(1).max(1);
        self.position = broadcast.number.unwrap_or(self.position);
        // Exceptions are marked first, so that the loops over the receivers have only one test.
        for room in &broadcast.except_rooms {
            let own = self.named(room).map(SocketKey::slot);
            for socket in self.rooms.groups(room).iter().flat_map(|group| &group.members).map(|member| member.socket).chain(own) {
                self.sockets[socket as usize].mark = self.mark;
            }
        }
        for id in &broadcast.except_sockets {
            if let Some(socket) = self.slot_of(*id) {
                self.sockets[socket as usize].mark = self.mark;
            }
        }
        self.delivery_log.begin(broadcast.number, self.now);
        match &broadcast.audience {
            Audience::Everyone => self.deliver_to_everyone(broadcast),
            Audience::Rooms(rooms) => {
                // In one room each socket is a member once. So the usual broadcast to one room without exceptions reads no socket: the
                // members' list has the connections.
                let marked = rooms.len() > 1 || !broadcast.except_rooms.is_empty() || !broadcast.except_sockets.is_empty();
                for room in &**rooms {
                    self.deliver_to_room(broadcast, room, marked);
                }
            }
        }
        self.delivery_log.end();
    }

    /// The slot of the socket with this id, if it is here.
    pub(super) fn slot_of(&self, id: Id) -> Option<u32> {
        if let Some(slot) = self.renamed.get(&id) {
            return Some(*slot);
        }
        let is_it = |slot: &u32| self.sockets.get(*slot as usize).is_some_and(|socket| socket.id == id);
        if id.shard() != self.index {
            return None;
        }
        Some(id.slot()).filter(is_it).or_else(|| {
            // In the main namespace, a client of Socket.IO 2 has its connection's id, which contains the connection's slot.
            self.connections.get(id.slot() as usize)?.sockets.iter().copied().find(is_it)
        })
    }

    fn deliver_to_room(&mut self, broadcast: &Broadcast, room: &str, marked: bool) {
        let own = self.named(room).and_then(|key| self.socket(key).map(|socket| (key.slot(), socket)));
        let own = own.map(|(slot, socket)| {
            let member = Member { connection: socket.connection, socket: slot };
            Group { encoding: socket.encoding, members: smallvec![member] }
        });
        for group in self.rooms.groups(room).iter().chain(&own) {
            if broadcast.namespace.is_some_and(|only| only != group.encoding.namespace) {
                continue;
            }
            // The first shard that needs this encoding encodes the broadcast under its lock; all others copy the bytes once for the whole
            // group.
            let mut encoded = EncodedBroadcast::new(broadcast, group.encoding, &self.config, self.position);
            if encoded.frames.is_none() {
                continue;
            }
            let mut tracked = 0;
            let mut recorder = Recorder { counts: &mut self.counts, log: &mut self.delivery_log, now: self.now, spare: &mut self.spare };
            for member in &group.members {
                if marked && std::mem::replace(&mut self.sockets[member.socket as usize].mark, self.mark) == self.mark {
                    continue;
                }
                let connection = &mut self.connections[member.connection as usize];
                // Most connections have no socket that catches up, and their sockets are not looked at.
                let catch_up = if connection.catching_up > 0 { self.sockets[member.socket as usize].catch_up.as_ref() } else { None };
                let receiver = Receiver { socket: member.socket, catch_up: catch_up.map(|catch_up| catch_up.at) };
                if let Some(is_tracked) = connection.put(&mut encoded, receiver, &mut recorder) {
                    tracked += u64::from(is_tracked);
                    self.flush_queue.soon(member.connection, &mut connection.queued);
                }
            }
            self.delivery_stats.delivered.add_all([(broadcast.kind, tracked)]);
        }
    }

    fn deliver_to_everyone(&mut self, broadcast: &Broadcast) {
        let mut encodings: Vec<EncodedBroadcast<'_>> = Vec::new();
        let mut tracked = 0;
        let mut recorder = Recorder { counts: &mut self.counts, log: &mut self.delivery_log, now: self.now, spare: &mut self.spare };
        for (slot, socket) in &self.sockets {
            if socket.data.is_none()
                || socket.mark == self.mark
                || broadcast.namespace.is_some_and(|only| only != socket.encoding.namespace)
            {
                continue;
            }
            // Few encodings are in use at once, so a linear search is faster than a map.
            let known = encodings.iter().position(|known| known.encoding == socket.encoding).unwrap_or_else(|| {
                encodings.push(EncodedBroadcast::new(broadcast, socket.encoding, &self.config, self.position));
                encodings.len() - 1
            });
            let connection = &mut self.connections[socket.connection as usize];
            let receiver = Receiver { socket: slot as u32, catch_up: socket.catch_up.as_ref().map(|catch_up| catch_up.at) };
            if let Some(is_tracked) = connection.put(&mut encodings[known], receiver, &mut recorder) {
                tracked += u64::from(is_tracked);
                self.flush_queue.later(socket.connection, &mut connection.queued);
            }
        }
        self.delivery_stats.delivered.add_all([(broadcast.kind, tracked)]);
    }

    /// Writes the output of the first connections in a row of the line, at most `most` of them, so that a large room does not keep the
    /// other connections from being read. A connection with more output than the limit is ended.
    pub(crate) fn flush_some(&mut self, priority: FlushPriority, most: usize) {
        let mut flushed = 0;
        while flushed < most {
            let Some(slot) = self.flush_queue.next(priority) else { return };
            let Some(connection) = self.connections.get_mut(slot as usize) else { continue };
            if connection.queued != priority {
                // The connection was served in the other row, or the slot has a new owner that has not entered this row.
                continue;
            }
            connection.queued = FlushPriority::Idle;
            self.flush(slot);
            flushed += 1;
        }
    }

    pub(crate) fn flush(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        let result = match &mut connection.transport {
            // The kernel's buffer is full. Its next edge marks the connection again, so a write now would only cost a system call.
            Transport::WebSocket(socket) if socket.blocked => Ok(()),
            Transport::WebSocket(socket) => write_outbox(socket, &mut connection.outbox, &mut self.spare),
            Transport::Polling(_) => {
                self.respond_to_poll(slot);
                Ok(())
            }
        };
        self.note_outbox(slot);
        let connection = &mut self.connections[slot as usize];
        // The shard cannot call the application, so the worker reports the number at the end of the turn.
        if connection.outbox.bytes() >= super::waiting_bytes::MIN_COUNTED_OUTPUT || connection.waiting.is_some() {
            self.to_count.push(ConnectionKey { slot, generation: connection.generation });
        }
        match result {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.mark_for_flush(slot),
            Err(_) => self.end_connection(slot, DisconnectReason::TransportError, CloseAction::Drop),
            // One message that is larger by itself is not the client's fault.
            Ok(()) if connection.outbox.bytes() > self.config.outbox_limit && connection.outbox.has_several() => {
                let (code, reason) = TOO_SLOW;
                // A connection that is closing already, for this or another reason, is dropped.
                let is_closing = connection.phase == super::Phase::Closing;
                let action = if is_closing { CloseAction::Drop } else { CloseAction::CloseFrame(code, reason.into()) };
                self.end_connection(slot, DisconnectReason::TooSlow, action);
            }
            Ok(()) if connection.phase == super::Phase::Closing => self.close_written(slot),
            // The outbox has room again, so the next missed broadcasts can follow.
            Ok(()) if connection.catching_up > 0 => self.replay(slot),
            Ok(()) => {}
        }
    }

    /// Handles a closing WebSocket whose close frame has left: the server's side is finished.
    fn close_written(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        if connection.outbox.is_empty()
            && let Transport::WebSocket(socket) = &mut connection.transport
            && !socket.blocked
        {
            socket.stream.shutdown();
        }
    }
}

/// Writes waiting messages to a WebSocket, until the outbox is empty or the kernel's buffer is full.
fn write_outbox(socket: &mut WebSocket, outbox: &mut Outbox, spare: &mut SpareQueues) -> io::Result<()> {
    let mut result = Ok(());
    while let Some((first, more)) = outbox.front() {
        // Most of the time there is one message: a plain write costs less than a list of one.
        let written = if more {
            let mut slices = [IoSlice::new(&[]); MAX_IO_SLICES];
            let count = outbox.slices(&mut slices);
            socket.stream.write_several(&slices[..count])
        } else {
            socket.stream.write(first)
        };
        match written {
            Ok(0) => result = Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                outbox.advance(written, spare);
                continue;
            }
            Err(error) => result = Err(error),
        }
        break;
    }
    // TLS may have taken all bytes and still hold some of them.
    match result.and_then(|()| socket.stream.flush()) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            socket.blocked = true;
            Ok(())
        }
        other => other,
    }
}

impl<A: App> super::Connection<A> {
    /// Whether messages that are put into its outbox leave it at once.
    fn is_flowing(&self) -> bool {
        match &self.transport {
            Transport::WebSocket(socket) => !socket.blocked,
            Transport::Polling(polling) => polling.get.is_some() || self.outbox.bytes() < MAX_BETWEEN_POLLS_BYTES,
        }
    }

    /// Puts a broadcast into the outbox, as far as the client takes it now.
    /// Returns `None` if no message was put there; otherwise whether the client owes a confirmation for it.
    #[inline]
    fn put(&mut self, encoded: &mut EncodedBroadcast<'_>, receiver: Receiver, recorder: &mut Recorder<'_>) -> Option<bool> {
        if receiver.catch_up.is_some() || !encoded.unconditional {
            return self.put_conditionally(encoded, receiver, recorder);
        }
        self.outbox.push(encoded.frames.as_ref()?.clone(), recorder.spare);
        recorder.counts.delivered += 1;
        recorder.log.add(receiver.socket, DeliveryOutcome::Queued);
        Some(encoded.broadcast.number.is_some() && self.track_delivery(encoded.broadcast.kind))
    }

    /// [`put`](Self::put) where it depends on the socket or on whether its client keeps up. It is a function of its own so that the loop
    /// over the members of a room stays small.
    #[inline(never)]
    fn put_conditionally(
        &mut self,
        encoded: &mut EncodedBroadcast<'_>,
        Receiver { socket, catch_up }: Receiver,
        recorder: &mut Recorder<'_>,
    ) -> Option<bool> {
        let (broadcast, encoding) = (encoded.broadcast, encoded.encoding);
        let Recorder { counts, log, now, spare } = recorder;
        let frames = encoded.frames.as_ref()?;
        // A client that catches up sees an old state, for which a volatile message has no meaning.
        if broadcast.volatile && (catch_up.is_some() || !self.can_take_volatile()) {
            counts.dropped += 1;
            log.add(socket, DeliveryOutcome::Dropped);
            return None;
        }
        if let Some(at) = catch_up {
            if broadcast.number.is_some() {
                // The socket receives it from the history.
                log.add(socket, DeliveryOutcome::Deferred);
                return None;
            }
            // Its position is not the one of the other receivers, so their bytes cannot be shared.
            counts.delivered += 1;
            let parts = broadcast.parts(encoding, &encoded.config.namespaces, encoded.config.position_context(at));
            counts.conflated += self.push_newest_parts(&parts, spare);
            return Some(false);
        }
        counts.delivered += 1;
        log.add(socket, DeliveryOutcome::Queued);
        if self.is_flowing() && !(broadcast.newest_only && self.outbox.has_keys()) {
            self.outbox.push(frames.clone(), spare);
        } else if broadcast.newest_only {
            counts.conflated += self.push_newest_parts(encoded.parts(), spare);
            return Some(false);
        } else if let Some(key) = broadcast.supersedes {
            // The namespaces of a connection share its outbox.
            let key = key.wrapping_add(u64::from(encoding.namespace.0));
            let number = broadcast.number.unwrap_or_default();
            if let Some(older) = self.outbox.push_superseding(key, number, frames.clone(), spare) {
                log.replaced(self.generation, Replacement { socket, older, newer: number }, *now);
                // One confirmation is for both, the broadcast and the one that it supersedes.
                counts.conflated += 1;
                return Some(false);
            }
        } else {
            self.outbox.push(frames.clone(), spare);
        }
        Some(broadcast.number.is_some() && self.track_delivery(broadcast.kind))
    }

    /// Puts parts of a broadcast into an outbox that does not flow; each replaces an older one with its key. Returns the number of replaced
    /// parts.
    fn push_newest_parts(&mut self, parts: &Parts, spare: &mut SpareQueues) -> u64 {
        let mut replaced = 0;
        for (key, frames) in parts {
            match key {
                Some(key) => replaced += u64::from(self.outbox.push_newest(*key, frames.clone(), spare)),
                None => self.outbox.push(frames.clone(), spare),
            }
        }
        replaced
    }

    /// Whether a volatile message may be sent: no other message waits, and the transport can take it at this instant.
    fn can_take_volatile(&self) -> bool {
        self.outbox.is_empty()
            && match &self.transport {
                Transport::WebSocket(socket) => !socket.blocked,
                Transport::Polling(polling) => polling.get.is_some(),
            }
    }
}
