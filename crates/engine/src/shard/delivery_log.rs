//! The recent deliveries of a shard, for the question why a client did not receive a broadcast.
//!
//! The log has numbers only, never contents. It belongs to the shard's thread, so it needs no lock; a query is a message to each shard.
//!
//! - A **delivery** is one word of 4 bytes in a block of its broadcast: the slot of a socket, and what happened to the broadcast there.
//!   A block has four more words: the broadcast's number and the time.
//! - A **note** is an entry of 40 bytes for what happens rarely: an outbox that cannot be written, a pong, a replay, the end of a stay in a room.
//!
//! Both have a fixed size, and the oldest entries make room for new ones.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Shard, SocketKey};
use crate::app::App;

/// The words of a segment, 256 KB. The log forgets one segment at a time.
const SEGMENT_WORDS: usize = 64 * 1024;

/// The words of a block before its deliveries: its length with the highest bits of the time, the rest of the time, and the number.
const HEADER_WORDS: usize = 4;

/// The bits of a word for the slot; those above are the [`DeliveryOutcome`]. See [`crate::id::MAX_SLOTS`].
const SLOT_BITS: u32 = 24;

/// The part of the memory that notes use: a quarter.
const NOTES_SHARE: usize = 4;

/// What a shard did with a broadcast for a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryOutcome {
    /// The broadcast was put into the outbox.
    Queued,
    /// The socket catches up: the broadcast waits in the history, and follows the earlier ones.
    Deferred,
    /// The broadcast is volatile, and the client could not take it at that instant.
    Dropped,
}

impl DeliveryOutcome {
    fn of_word(word: u32) -> Self {
        match word >> SLOT_BITS {
            0 => Self::Queued,
            1 => Self::Deferred,
            _ => Self::Dropped,
        }
    }
}

/// One step of a broadcast on its way to a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryStep {
    /// The shard did this with the broadcast.
    Delivered(DeliveryOutcome),
    /// The broadcast was put into the outbox again from the history.
    Replayed,
    /// All bytes of the broadcast were passed to the kernel, or to a long-polling response.
    Written,
    /// The broadcast was dropped while it waited, because a newer one with this number contains all of it.
    Replaced(u64),
    /// The client answered a ping that was written after the broadcast.
    Confirmed,
}

/// The life of a socket, as the log identifies it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SocketTrace {
    slot: u32,
    generation: u32,
    connection: u32,
    /// The number of the last broadcast before the socket was accepted.
    pub after: u64,
    /// The number of the last broadcast before the socket ended; the last one so far if it is open.
    pub until: u64,
    /// The number up to which all broadcasts have certainly arrived.
    pub acked: u64,
    /// The bytes that wait in its connection's outbox.
    pub waiting_bytes: usize,
}

/// A rare event of a connection or a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Note {
    /// The outbox of the connection could not be written whole. It had no messages when the broadcast with this number was the last one.
    Blocked(u64),
    /// The outbox is written.
    Drained,
    /// The client has received all broadcasts up to this number.
    Confirmed(u64),
    /// A broadcast to the connection's socket in this slot was dropped for a newer one.
    Replaced { socket: u32, older: u64, newer: u64 },
    /// A broadcast was put into a socket's outbox from the history.
    Replayed(u64),
    /// A socket left a room, given as its digest, in which it was since this time.
    Left { room: u64, since: Millis },
}

/// A broadcast that was dropped for a newer one while it waited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Replacement {
    /// The slot of the socket.
    pub socket: u32,
    /// The number of the dropped broadcast.
    pub older: u64,
    /// The number of the other broadcast.
    pub newer: u64,
}

/// Milliseconds since the start of the log.
type Millis = u64;

#[derive(Clone, Copy, Debug)]
struct NoteEntry {
    at: Millis,
    /// The generation of the socket or the connection.
    of: u32,
    note: Note,
}

#[derive(Default)]
struct Segment {
    words: Vec<u32>,
    /// The smallest and the largest number of its blocks.
    numbers: (u64, u64),
}

/// The recent deliveries of a shard; see the module.
pub struct DeliveryLog {
    start: Instant,
    segments: VecDeque<Segment>,
    max_segments: usize,
    /// Whether the log has forgotten deliveries.
    is_full: bool,
    notes: VecDeque<NoteEntry>,
    max_notes: usize,
    /// The number and the time of the last broadcast and the first word of its block, while it is delivered.
    block: Option<(u64, Millis)>,
    block_start: usize,
}

impl DeliveryLog {
    /// A log of about `bytes` bytes, which are used as they are needed. It keeps nothing if there is no room for a segment.
    pub(super) fn new(bytes: usize, start: Instant) -> Self {
        let notes = bytes / NOTES_SHARE;
        let max_segments = (bytes - notes) / (SEGMENT_WORDS * size_of::<u32>());
        let max_notes = if max_segments == 0 { 0 } else { notes / size_of::<NoteEntry>() };
        Self {
            start,
            segments: VecDeque::new(),
            max_segments,
            is_full: false,
            notes: VecDeque::new(),
            max_notes,
            block: None,
            block_start: 0,
        }
    }

    // ---- Recording ----

    /// Begins the block of a broadcast. Broadcasts without a number are not logged.
    pub(super) fn begin(&mut self, number: Option<u64>, now: Instant) {
        self.block = number.filter(|_| self.max_segments > 0).map(|number| (number, self.millis(now)));
        if self.block.is_some() {
            self.begin_block();
        }
    }

    fn begin_block(&mut self) {
        let Some((number, at)) = self.block else { return };
        let is_full = |segment: &Segment| segment.words.len() + HEADER_WORDS >= SEGMENT_WORDS;
        if self.segments.back().is_none_or(is_full) {
            self.add_segment(number);
        }
        let Some(segment) = self.segments.back_mut() else { return };
        self.block_start = segment.words.len();
        segment.words.extend([(at >> 32) as u32 & 0xFF, at as u32, (number >> 32) as u32, number as u32]);
        segment.numbers = (segment.numbers.0.min(number), segment.numbers.1.max(number));
    }

    fn add_segment(&mut self, number: u64) {
        // The words of a forgotten segment are used again, so a full log allocates no more memory.
        let oldest = if self.segments.len() >= self.max_segments { self.segments.pop_front() } else { None };
        self.is_full |= oldest.is_some();
        let mut words = oldest.map_or_else(|| Vec::with_capacity(SEGMENT_WORDS), |segment| segment.words);
        words.clear();
        self.segments.push_back(Segment { words, numbers: (number, number) });
    }

    /// Adds a delivery of the present broadcast.
    #[inline]
    pub(super) fn add(&mut self, socket: u32, outcome: DeliveryOutcome) {
        if self.block.is_none() {
            return;
        }
        if let Some(segment) = self.segments.back_mut()
            && segment.words.len() < SEGMENT_WORDS
        {
            segment.words.push(socket | (outcome as u32) << SLOT_BITS);
        } else {
            self.continue_block(socket, outcome);
        }
    }

    #[cold]
    fn continue_block(&mut self, socket: u32, outcome: DeliveryOutcome) {
        self.close_block();
        self.begin_block();
        if let Some(segment) = self.segments.back_mut() {
            segment.words.push(socket | (outcome as u32) << SLOT_BITS);
        }
    }

    /// Ends the block of the present broadcast.
    pub(super) fn end(&mut self) {
        if self.block.is_some() {
            self.close_block();
            self.block = None;
        }
    }

    /// Stores the length of the block, or removes a block without deliveries.
    fn close_block(&mut self) {
        let start = self.block_start;
        let Some(segment) = self.segments.back_mut() else { return };
        match segment.words.len() - start - HEADER_WORDS {
            0 => segment.words.truncate(start),
            length => segment.words[start] |= (length as u32) << 8,
        }
    }

    fn note(&mut self, of: u32, note: Note, now: Instant) {
        if self.max_notes == 0 {
            return;
        }
        if self.notes.len() >= self.max_notes {
            self.notes.pop_front();
        }
        let at = self.millis(now);
        self.notes.push_back(NoteEntry { at, of, note });
    }

    pub(super) fn replaced(&mut self, connection: u32, replacement: Replacement, now: Instant) {
        let Replacement { socket, older, newer } = replacement;
        self.note(connection, Note::Replaced { socket, older, newer }, now);
    }

    pub(super) fn replayed(&mut self, socket: u32, number: u64, now: Instant) {
        self.note(socket, Note::Replayed(number), now);
    }

    pub(super) fn confirmed(&mut self, connection: u32, up_to: u64, now: Instant) {
        self.note(connection, Note::Confirmed(up_to), now);
    }

    pub(super) fn blocked(&mut self, connection: u32, written_up_to: u64, now: Instant) {
        self.note(connection, Note::Blocked(written_up_to), now);
    }

    pub(super) fn drained(&mut self, connection: u32, now: Instant) {
        self.note(connection, Note::Drained, now);
    }

    pub(super) fn left(&mut self, socket: u32, room: &str, since: Millis, now: Instant) {
        self.note(socket, Note::Left { room: room_digest(room), since }, now);
    }

    /// A time as the log stores it.
    pub(super) fn millis(&self, at: Instant) -> Millis {
        at.saturating_duration_since(self.start).as_millis() as Millis
    }

    // ---- Queries ----

    /// The time of a stored time.
    pub(super) fn instant(&self, at: Millis) -> Instant {
        self.start + Duration::from_millis(at)
    }

    /// Whether the log keeps deliveries at all.
    pub fn is_kept(&self) -> bool {
        self.max_segments > 0
    }

    /// The time since which the log has all deliveries: its start, or the time of its oldest delivery once it has forgotten some. `None` if no log is kept.
    pub fn reaches_back_to(&self) -> Option<Instant> {
        let oldest = self.segments.iter().find(|segment| segment.words.len() > HEADER_WORDS).filter(|_| self.is_full);
        let since = oldest.map_or(self.start, |segment| self.instant(block_time(&segment.words)));
        self.is_kept().then_some(since)
    }

    /// The first time at which a broadcast was delivered to a socket of this shard; `None` if it was delivered to none, or if the log does not reach back
    /// as far.
    pub fn delivered_at(&self, number: u64) -> Option<Instant> {
        self.blocks(number).map(|(at, _)| self.instant(at)).min()
    }

    /// The steps of a broadcast on its way to a socket, in the order of their times.
    pub fn steps(&self, trace: &SocketTrace, number: u64) -> Vec<(Instant, DeliveryStep)> {
        let mut steps: Vec<(Millis, DeliveryStep)> = Vec::new();
        if number > trace.after && number <= trace.until {
            for (at, words) in self.blocks(number) {
                let own = words.iter().filter(|word| **word & ((1 << SLOT_BITS) - 1) == trace.slot);
                steps.extend(own.map(|word| (at, DeliveryStep::Delivered(DeliveryOutcome::of_word(*word)))));
            }
        }
        steps.extend(self.notes_of(trace.generation).filter_map(|(at, note)| match note {
            Note::Replayed(replayed) if replayed == number => Some((at, DeliveryStep::Replayed)),
            _ => None,
        }));
        steps.extend(self.notes_of(trace.connection).filter_map(|(at, note)| match note {
            Note::Replaced { socket, older, newer } if socket == trace.slot && older == number => Some((at, DeliveryStep::Replaced(newer))),
            _ => None,
        }));
        steps.sort_by_key(|(at, _)| *at);
        let queued = steps.iter().rev().find(|(_, step)| {
            matches!(step, DeliveryStep::Delivered(DeliveryOutcome::Queued) | DeliveryStep::Replayed | DeliveryStep::Replaced(_))
        });
        if let Some((queued, step)) = queued.copied()
            && !matches!(step, DeliveryStep::Replaced(_))
            && let Some(written) = self.written_at(trace, number, queued)
        {
            steps.push((written, DeliveryStep::Written));
            let confirmed = self.notes_of(trace.connection).find(|(at, note)| {
                let covers = matches!(note, Note::Confirmed(up_to) if *up_to >= number);
                covers && *at >= written
            });
            steps.extend(confirmed.map(|(at, _)| (at, DeliveryStep::Confirmed)));
        }
        steps.into_iter().map(|(at, step)| (self.instant(at), step)).collect()
    }

    /// The stays of a socket in a room that have ended, each from and until.
    pub fn ended_stays(&self, trace: &SocketTrace, room: &str) -> Vec<(Instant, Instant)> {
        let digest = room_digest(room);
        let ended = |(at, note)| match note {
            Note::Left { room, since } if room == digest => Some((self.instant(since), self.instant(at))),
            _ => None,
        };
        self.notes_of(trace.generation).filter_map(ended).collect()
    }

    /// When the outbox was written that the broadcast was put into at `queued`; `None` if the broadcast still waits, or waited when the connection ended.
    fn written_at(&self, trace: &SocketTrace, number: u64, queued: Millis) -> Option<Millis> {
        let mut blocked = false;
        for (at, note) in self.notes_of(trace.connection) {
            match note {
                // The broadcast may have been put into the outbox some turns before the shard tried to write it.
                Note::Blocked(written) => blocked = at <= queued || written < number,
                Note::Drained if blocked && at >= queued => return Some(at),
                Note::Drained => blocked = false,
                _ => {}
            }
        }
        (!blocked).then_some(queued)
    }

    fn notes_of(&self, of: u32) -> impl Iterator<Item = (Millis, Note)> {
        self.notes.iter().filter(move |entry| entry.of == of).map(|entry| (entry.at, entry.note))
    }

    /// The blocks of a broadcast: the time, and the deliveries of each.
    fn blocks(&self, number: u64) -> impl Iterator<Item = (Millis, &[u32])> {
        let segments = self.segments.iter().filter(move |segment| segment.numbers.0 <= number && number <= segment.numbers.1);
        segments.flat_map(|segment| Blocks(&segment.words)).filter(move |block| block.0 == number).map(|(_, at, words)| (at, words))
    }
}

/// The blocks of a segment: the number, the time, and the deliveries of each.
struct Blocks<'a>(&'a [u32]);

impl<'a> Iterator for Blocks<'a> {
    type Item = (u64, Millis, &'a [u32]);

    fn next(&mut self) -> Option<Self::Item> {
        let (header, rest) = self.0.split_at_checked(HEADER_WORDS)?;
        let (deliveries, rest) = rest.split_at_checked((header[0] >> 8) as usize)?;
        self.0 = rest;
        Some((u64::from(header[2]) << 32 | u64::from(header[3]), block_time(header), deliveries))
    }
}

fn block_time(header: &[u32]) -> Millis {
    u64::from(header[0] & 0xFF) << 32 | u64::from(header[1])
}

/// A digest of a room's name (FNV-1a), which identifies the room in notes.
fn room_digest(room: &str) -> u64 {
    room.bytes().fold(0xcbf2_9ce4_8422_2325, |digest, byte| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl<A: App> Shard<A> {
    /// The recent deliveries of this shard.
    pub fn delivery_log(&self) -> &DeliveryLog {
        &self.delivery_log
    }

    /// How the delivery log identifies a socket. It stays valid after the socket has ended.
    pub fn trace(&self, key: SocketKey) -> Option<SocketTrace> {
        let socket = self.socket(key)?;
        let connection = self.connections.get(socket.connection as usize)?;
        Some(SocketTrace {
            slot: key.slot(),
            generation: socket.generation,
            connection: connection.generation,
            after: socket.accepted_after,
            until: self.position,
            acked: connection.last_received,
            waiting_bytes: connection.outbox.bytes(),
        })
    }

    /// Since when a socket has been in a room; `None` if it is not in the room.
    pub fn in_room_since(&self, key: SocketKey, room: &str) -> Option<Instant> {
        let memberships = &self.socket(key)?.memberships;
        let membership = memberships.iter().find(|membership| self.rooms.is_in(membership.slot, room))?;
        Some(self.delivery_log.instant(membership.since))
    }

    /// Notes whether the outbox of a connection is written, if that has changed.
    pub(crate) fn note_outbox(&mut self, slot: u32) {
        let Some(connection) = self.connections.get(slot as usize) else { return };
        let (is_empty, was_blocked, generation) = (connection.outbox.is_empty(), connection.outbox_blocked, connection.generation);
        if is_empty {
            let written = if connection.catching_up > 0 { self.delivered_to(slot) } else { self.position };
            self.connections[slot as usize].written_up_to = written;
        }
        if is_empty == was_blocked {
            let connection = &mut self.connections[slot as usize];
            connection.outbox_blocked = !is_empty;
            match is_empty {
                true => self.delivery_log.drained(generation, self.now),
                false => self.delivery_log.blocked(generation, connection.written_up_to, self.now),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: usize = 1 << 20;

    fn trace(slot: u32) -> SocketTrace {
        SocketTrace { slot, generation: 100 + slot, connection: 200 + slot, after: 0, until: u64::MAX, acked: 0, waiting_bytes: 0 }
    }

    struct Clock(Instant);

    impl Clock {
        fn at(&self, millis: u64) -> Instant {
            self.0 + Duration::from_millis(millis)
        }
    }

    fn deliver(log: &mut DeliveryLog, number: u64, now: Instant, sockets: &[u32]) {
        log.begin(Some(number), now);
        sockets.iter().for_each(|socket| log.add(*socket, DeliveryOutcome::Queued));
        log.end();
    }

    fn log() -> (DeliveryLog, Clock) {
        let start = Instant::now();
        (DeliveryLog::new(MB, start), Clock(start))
    }

    #[test]
    fn delivery_is_written_at_once_and_confirmed_by_a_later_pong() {
        let (mut log, clock) = log();
        deliver(&mut log, 7, clock.at(10), &[1, 2]);
        log.confirmed(201, 6, clock.at(20));
        log.confirmed(202, 7, clock.at(30));
        log.confirmed(201, 9, clock.at(40));
        let queued = DeliveryStep::Delivered(DeliveryOutcome::Queued);
        let expected = [(clock.at(10), queued), (clock.at(10), DeliveryStep::Written), (clock.at(40), DeliveryStep::Confirmed)];
        assert_eq!(log.steps(&trace(1), 7), expected);
        assert_eq!(log.steps(&trace(3), 7), [], "another socket");
        assert_eq!(log.steps(&trace(1), 8), [], "another broadcast");
        assert_eq!(log.steps(&SocketTrace { after: 7, ..trace(1) }, 7), [], "a later socket in the same slot");
        assert_eq!(log.steps(&SocketTrace { until: 6, ..trace(1) }, 7), [], "an earlier socket in the same slot");
    }

    #[test]
    fn delivery_to_a_full_outbox_waits_until_it_is_drained() {
        let (mut log, clock) = log();
        deliver(&mut log, 1, clock.at(10), &[1]);
        log.blocked(201, 0, clock.at(10));
        deliver(&mut log, 2, clock.at(20), &[1]);
        let queued = DeliveryStep::Delivered(DeliveryOutcome::Queued);
        assert_eq!(log.steps(&trace(1), 1), [(clock.at(10), queued)]);
        assert_eq!(log.steps(&trace(1), 2), [(clock.at(20), queued)]);
        log.drained(201, clock.at(30));
        assert_eq!(log.steps(&trace(1), 2), [(clock.at(20), queued), (clock.at(30), DeliveryStep::Written)]);
        // The shard writes some turns later, and the outbox is blocked only then.
        deliver(&mut log, 3, clock.at(40), &[1]);
        log.blocked(201, 2, clock.at(45));
        assert_eq!(log.steps(&trace(1), 3), [(clock.at(40), queued)]);
        assert_eq!(log.steps(&trace(1), 2).len(), 2, "it was written before");
        log.replaced(201, Replacement { socket: 1, older: 3, newer: 5 }, clock.at(50));
        log.drained(201, clock.at(60));
        assert_eq!(log.steps(&trace(1), 3), [(clock.at(40), queued), (clock.at(50), DeliveryStep::Replaced(5))]);
    }

    #[test]
    fn deferred_broadcast_is_written_after_its_replay() {
        let (mut log, clock) = log();
        log.begin(Some(4), clock.at(10));
        log.add(1, DeliveryOutcome::Deferred);
        log.add(2, DeliveryOutcome::Dropped);
        log.end();
        assert_eq!(log.steps(&trace(1), 4), [(clock.at(10), DeliveryStep::Delivered(DeliveryOutcome::Deferred))]);
        assert_eq!(log.steps(&trace(2), 4), [(clock.at(10), DeliveryStep::Delivered(DeliveryOutcome::Dropped))]);
        log.replayed(101, 4, clock.at(20));
        let steps: Vec<DeliveryStep> = log.steps(&trace(1), 4).into_iter().map(|(_, step)| step).collect();
        assert_eq!(steps, [DeliveryStep::Delivered(DeliveryOutcome::Deferred), DeliveryStep::Replayed, DeliveryStep::Written]);
    }

    #[test]
    fn full_log_forgets_the_oldest_deliveries_and_grows_no_more() {
        let (mut log, clock) = log();
        let sockets: Vec<u32> = (0..1000).collect();
        for number in 1..=2000 {
            deliver(&mut log, number, clock.at(number), &sockets);
        }
        let words: usize = log.segments.iter().map(|segment| segment.words.capacity()).sum();
        assert_eq!(words, 3 * SEGMENT_WORDS);
        assert_eq!(log.steps(&trace(999), 2000).len(), 2);
        assert_eq!(log.steps(&trace(0), 1), []);
        let oldest = (1..=2000).find(|number| !log.steps(&trace(999), *number).is_empty()).unwrap();
        assert!((1800..1860).contains(&oldest), "{oldest}");
        assert!((oldest..=2000).all(|number| log.steps(&trace(0), number).len() == 2 || number == oldest));
        assert!(log.reaches_back_to() > Some(clock.at(1)) && log.reaches_back_to() <= Some(clock.at(oldest)));
        for number in 0..50_000 {
            log.confirmed(1, number, clock.at(number));
        }
        assert_eq!(log.notes.len(), log.max_notes);
        assert!(size_of::<NoteEntry>() <= 40);
    }

    #[test]
    fn broadcast_to_more_sockets_than_a_segment_has_words_is_logged_whole() {
        let (mut log, clock) = log();
        let sockets: Vec<u32> = (0..100_000).collect();
        deliver(&mut log, 1, clock.at(1), &sockets);
        for socket in [0, SEGMENT_WORDS as u32 - 5, SEGMENT_WORDS as u32, 99_999] {
            assert_eq!(log.steps(&trace(socket), 1).len(), 2, "{socket}");
        }
    }

    #[test]
    fn log_without_memory_and_broadcasts_without_number_leave_no_entries() {
        let start = Instant::now();
        let mut none = DeliveryLog::new(0, start);
        deliver(&mut none, 1, start, &[1]);
        none.confirmed(201, 1, start);
        assert_eq!((none.segments.len(), none.notes.len()), (0, 0));
        let (mut log, clock) = log();
        log.begin(None, clock.at(1));
        log.add(1, DeliveryOutcome::Queued);
        log.end();
        deliver(&mut log, 2, clock.at(2), &[]);
        assert_eq!((log.reaches_back_to(), none.reaches_back_to()), (Some(clock.at(0)), None));
    }

    #[test]
    fn ended_stay_in_a_room_is_found_by_its_name() {
        let (mut log, clock) = log();
        log.left(101, "household:7", 5, clock.at(9));
        assert_eq!(log.ended_stays(&trace(1), "household:7"), [(clock.at(5), clock.at(9))]);
        assert_eq!(log.ended_stays(&trace(1), "household:8"), []);
        assert_eq!(log.ended_stays(&trace(2), "household:7"), []);
    }
}
