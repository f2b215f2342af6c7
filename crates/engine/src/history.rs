//! The recent broadcasts, kept so that a client that reconnects receives those that it missed.

mod eviction;
mod index;
mod recovery;
mod segment_log;
mod slice;
mod state;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use smallvec::SmallVec;

use crate::broadcast::Broadcast;
use index::Index;
pub(crate) use index::MissedRange;
pub use recovery::{Archive, Recovery, ReplayDecoder};
pub use slice::{FoundEntry, Run, Slice};
use state::{HistoryEntry, HistoryState};

/// The broadcasts that are encoded again for replay may take [`Recovery::bytes`] divided by this, in addition to the kept ones.
const REPLAY_BYTES_DIVISOR: usize = 4;

/// The most broadcasts of one slice; see [`History::slice`].
const MAX_SLICE_BROADCASTS: usize = 256;

/// The broadcasts that can be replayed, shared by all shards. The hub appends a broadcast before it puts it into any mailbox.
pub(crate) struct History {
    recovery: Recovery,
    /// The time from which the seconds of [`index`] are counted.
    start: Instant,
    state: Mutex<HistoryState>,
    /// The memory in bytes of the broadcasts that are encoded again for replay.
    replay_bytes: Arc<AtomicUsize>,
}

/// Memory that is freed when the lock is released.
type Expired = (SmallVec<[HistoryEntry; 2]>, Vec<Arc<Broadcast>>);

impl History {
    pub fn new(recovery: Recovery) -> Self {
        let state = HistoryState::new(Index::new(recovery.floor, &recovery.holes));
        Self { recovery, start: Instant::now(), state: Mutex::new(state), replay_bytes: Arc::default() }
    }

    /// The archive with the content that is no longer in memory.
    pub fn archive(&self) -> Option<&Arc<dyn Archive>> {
        self.recovery.archive.as_ref()
    }

    /// Locks the state. A panic of another thread does not poison it: each method leaves the state valid before it calls foreign code.
    fn lock(&self) -> MutexGuard<'_, HistoryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a broadcast that has a number. Numbers rise.
    pub fn append(&self, broadcast: &Broadcast, at: Instant) {
        let Some(number) = broadcast.number else { return };
        let mut state = self.lock();
        let size = state.put(number, broadcast, self.recovery.decoder.is_some());
        state.index.push(number, self.second(at), &broadcast.audience, broadcast.account, size);
        let expired = self.expire_locked(&mut state, at);
        drop(state);
        // All shards and publishers wait for this lock, so large contents are freed only after it is released.
        drop(expired);
    }

    /// Forgets the broadcasts that are too old, also while no new one is published.
    pub fn expire(&self, now: Instant) {
        let expired = self.expire_locked(&mut self.lock(), now);
        drop(expired);
    }

    /// Forgets all broadcasts up to a number.
    pub fn expire_up_to(&self, number: u64) {
        let mut state = self.lock();
        state.index.expire_up_to(number);
        // At the start time no broadcast is too old, so this call drops only the contents up to the number.
        let expired = self.expire_locked(&mut state, self.start);
        drop(state);
        drop(expired);
    }

    /// Takes out up to `most` broadcasts that were evicted and are still stored; with the holes that they leave, see [`Recovery::holes`].
    pub fn take_evicted(&self, most: usize) -> (Vec<u64>, Vec<(Arc<str>, u64)>) {
        self.lock().index.take_evicted(most)
    }

    /// A time in seconds since the start. Four bytes are enough for 136 years, and there is one for each kept broadcast.
    fn second(&self, at: Instant) -> u32 {
        u32::try_from(at.saturating_duration_since(self.start).as_secs()).unwrap_or(u32::MAX)
    }

    /// Takes out the broadcasts that are too old, too many, or too large.
    fn expire_locked(&self, state: &mut HistoryState, now: Instant) -> Expired {
        let (limits, mut expired, mut replays) = (&self.recovery, SmallVec::new(), Vec::new());
        // Replayed broadcasts must not evict others that clients may have missed. So they have a limit of their own, are dropped together,
        // and are encoded again when a client needs them.
        if state.replayed > 0 && self.replay_bytes.load(Ordering::Relaxed) > limits.bytes / REPLAY_BYTES_DIVISOR {
            replays.extend(state.entries.iter_mut().filter_map(|entry| entry.replay.take()));
            state.replayed = 0;
        }
        // In the first seconds after a boot the clock may be too young for the subtraction; then no broadcast is too old.
        if let Some(oldest) = now.checked_sub(limits.window) {
            state.index.expire_older(self.second(oldest));
        }
        state.index.evict(limits.capacity as u64, limits.archive.is_some());
        while let Some(oldest) = state.entries.front() {
            let exceeds_memory = state.index.memory_bytes() + state.entries_memory > limits.bytes;
            if oldest.number > state.index.floor() && !exceeds_memory {
                break;
            }
            // With an archive the number stays in the index, because the content can be read from there. Without one the broadcast is lost,
            // and so are all older ones: a client must not receive a later broadcast without an earlier one.
            if limits.archive.is_none() {
                let number = oldest.number;
                state.index.expire_up_to(number);
            }
            expired.extend(state.take_oldest());
        }
        (expired, replays)
    }

    /// Finds the first broadcasts of a range to these rooms (for each room only those after its own number): each once, in order, about
    /// `bytes` bytes of them and at least one. `None` if one of all of them is possibly not kept any more.
    pub fn slice<'a>(&self, rooms: impl IntoIterator<Item = (&'a str, u64)>, range: MissedRange, bytes: usize) -> Option<Slice> {
        let mut state = self.lock();
        let mut numbers = state.index.between(rooms, range, MAX_SLICE_BROADCASTS)?;
        let HistoryState { index, entries, log, replayed, .. } = &mut *state;
        // A full list of numbers may have been cut off, so the slice must not claim to reach the end of the range.
        let mut is_whole = numbers.len() < MAX_SLICE_BROADCASTS;
        let (mut broadcasts, mut size) = (Vec::with_capacity(numbers.len()), 0);
        for number in numbers.drain(..) {
            if size >= bytes {
                is_whole = false;
                break;
            }
            broadcasts.push(match entries.binary_search_by_key(&number, |entry| entry.number) {
                Ok(position) => {
                    let entry = &mut entries[position];
                    size += entry.memory;
                    *replayed += usize::from(entry.replay.is_none());
                    FoundEntry::InMemory(entry.replayed(index, log, self.recovery.decoder.as_ref(), &self.replay_bytes))
                }
                Err(_) => FoundEntry::Archived(number),
            });
        }
        let reached = if is_whole { range.until } else { broadcasts.last().map_or(range.until, FoundEntry::number) };
        Some(Slice { broadcasts, reached })
    }

    /// Whether [`History::slice`] would return a slice.
    pub fn has_all<'a>(&self, rooms: impl IntoIterator<Item = (&'a str, u64)>, range: MissedRange) -> bool {
        self.lock().index.has_all_between(rooms, range)
    }

    /// The number of kept broadcasts, and their approximate memory in bytes.
    pub fn size(&self) -> (usize, usize) {
        let state = self.lock();
        (state.index.len(), state.index.memory_bytes() + state.entries_memory + self.replay_bytes.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wire::engineio::Version;

    use super::segment_log::SEGMENT_BYTES;
    use super::*;
    use crate::encoding::{Encoding, Format, Namespace};
    use crate::message::{MessageSource, OutboundMessage};
    use crate::position::PositionContext;

    fn recovery(capacity: usize, bytes: usize, decoder: Option<ReplayDecoder>) -> Recovery {
        let (holes, archive) = (Vec::new(), None);
        Recovery { epoch: "e".into(), position: 0, floor: 0, holes, capacity, window: Duration::from_secs(60), bytes, decoder, archive }
    }

    fn history(capacity: usize) -> History {
        History::new(recovery(capacity, 1 << 20, None))
    }

    fn event(number: u64, rooms: &[&str]) -> Broadcast {
        let rooms: Arc<[_]> = rooms.iter().map(|room| Arc::from(*room)).collect();
        Broadcast::to_rooms(rooms, |_| vec![OutboundMessage::event("message", "1").unwrap()]).numbered(number)
    }

    impl History {
        fn missed<'a>(&self, rooms: impl IntoIterator<Item = (&'a str, u64)>, from: u64, until: u64) -> Option<Vec<Arc<Broadcast>>> {
            let slice = self.slice(rooms, MissedRange { everyone: true, from, until }, usize::MAX)?;
            let loaded = |found| match found {
                FoundEntry::InMemory(broadcast) => broadcast,
                FoundEntry::Archived(number) => panic!("{number} is not in memory"),
            };
            Some(slice.broadcasts.into_iter().map(loaded).collect())
        }
    }

    fn numbers(missed: Option<Vec<Arc<Broadcast>>>) -> Option<Vec<u64>> {
        missed.map(|missed| missed.iter().filter_map(|broadcast| broadcast.number).collect())
    }

    #[test]
    fn slice_starts_at_the_number_of_each_room_and_is_in_order() {
        let (history, now) = (history(100), Instant::now());
        for (number, rooms) in [(1, &["a"][..]), (2, &["b"]), (4, &["a", "b"]), (5, &["c"]), (7, &["b"]), (8, &["a"])] {
            history.append(&event(number, rooms), now);
        }
        let missed = |rooms: &[(&str, u64)], from, until| numbers(history.missed(rooms.iter().copied(), from, until));
        assert_eq!(missed(&[("a", 0), ("b", 0)], 0, 9), Some(vec![1, 2, 4, 7, 8]));
        assert_eq!(missed(&[("a", 0), ("b", 4)], 1, 7), Some(vec![4, 7]));
        assert_eq!(missed(&[("b", 5)], 0, 9), Some(vec![7]));
        assert_eq!(missed(&[("empty", 0)], 3, 9), Some(vec![]));
    }

    #[test]
    fn slice_with_a_forgotten_broadcast_is_none() {
        let (history, now) = (history(2), Instant::now());
        for number in 1..=4 {
            history.append(&event(number, &["a"]), now);
        }
        assert_eq!(numbers(history.missed([("a", 0)], 1, 9)), None);
        assert_eq!(numbers(history.missed([("a", 0)], 2, 9)), Some(vec![3, 4]));
        // Broadcasts that are too old are forgotten when a new one is kept.
        history.append(&event(5, &["b"]), now + Duration::from_secs(61));
        assert_eq!(numbers(history.missed([("a", 0)], 3, 9)), None);
        assert_eq!(numbers(history.missed([("a", 0), ("b", 0)], 4, 9)), Some(vec![5]));
        assert_eq!(history.lock().index.rooms(), 1, "a room without kept broadcasts takes no memory");
    }

    /// Content that is recorded as the given number of bytes, each with the value of the broadcast's number.
    struct RecordedSource(u64, usize);

    impl MessageSource for RecordedSource {
        fn render(&self, _: Namespace) -> Vec<OutboundMessage> {
            vec![OutboundMessage::event("message", format!("[{},{}]", self.0, self.1)).unwrap()]
        }

        fn record(&self, bytes: &mut Vec<u8>) -> bool {
            bytes.extend(std::iter::repeat_n(self.0 as u8, self.1));
            // Empty content records no bytes.
            self.1 > 0
        }
    }

    /// A history whose decoder restores content from its bytes, checks them, and counts its calls.
    fn recorded_history(capacity: usize, bytes: usize) -> (History, Arc<AtomicUsize>) {
        let decoded = Arc::<AtomicUsize>::default();
        let counter = decoded.clone();
        let decoder = ReplayDecoder::new(move |number, bytes: &[u8]| {
            counter.fetch_add(1, Ordering::Relaxed);
            assert!(bytes.iter().all(|byte| *byte == number as u8), "{number} has the bytes of other broadcasts");
            Arc::new(RecordedSource(number, bytes.len()))
        });
        (History::new(recovery(capacity, bytes, Some(decoder))), decoded)
    }

    const JSON: Encoding =
        Encoding { namespace: Namespace(0), version: Version::V4, format: Format::Json, base64: false, deflate: None, positions: false };

    fn encoded_args(broadcast: &Broadcast) -> String {
        let bytes = broadcast.encoded(JSON, &["/".to_owned()], PositionContext { epoch: "e", at: 9.into() }).unwrap_or_default();
        String::from_utf8_lossy(&bytes).rsplit_once('[').map_or(String::new(), |(_, args)| args.trim_end_matches(']').to_owned())
    }

    #[test]
    fn recorded_content_is_decoded_once_for_each_encoding() {
        let (history, decoded) = recorded_history(usize::MAX, usize::MAX);
        let now = Instant::now();
        let lengths = [10, SEGMENT_BYTES, 1, 0, 3 * SEGMENT_BYTES, 7, SEGMENT_BYTES - 1, 2, 30];
        for (number, length) in (1..).zip(lengths) {
            history.append(&Broadcast::to_rooms(["a".into()], RecordedSource(number, length)).numbered(number), now);
        }
        history.expire_up_to(4);
        let (missed, indices) = (history.missed([("a", 0)], 4, 9).unwrap(), 4..9);
        for (broadcast, index) in missed.iter().zip(indices) {
            assert_eq!(encoded_args(broadcast), format!("{},{}", index + 1, lengths[index]));
        }
        let replayed_again = history.missed([("a", 0)], 4, 9).unwrap();
        replayed_again.iter().for_each(|broadcast| drop(encoded_args(broadcast)));
        assert_eq!((missed.len(), decoded.load(Ordering::Relaxed)), (5, 5));
        assert!(history.lock().log.segments() <= 4, "segments without kept broadcasts are freed");
    }

    #[test]
    fn memory_counts_kept_and_replayed_broadcasts() {
        let (history, _) = recorded_history(99, 5000);
        let now = Instant::now();
        let capacity = |number| history.append(&Broadcast::to_rooms(["a".into()], RecordedSource(number, 100)).numbered(number), now);
        capacity(1);
        let (_, first) = history.size();
        capacity(2);
        let each = history.size().1 - first;
        let room = first - each;
        assert!((100..1000).contains(&each) && (100..300).contains(&room), "{each} {room}");
        for number in 3..=4 {
            capacity(number);
        }
        assert_eq!(history.size(), (4, room + 4 * each));
        let missed = history.missed([("a", 0)], 0, 9).unwrap();
        let (_, replayed) = history.size();
        encoded_args(&missed[0]);
        assert!(replayed > room + 4 * each && history.size().1 > replayed);
        drop(missed);
        capacity(5);
        assert_eq!(history.size(), (5, room + 5 * each), "broadcasts that are encoded again evict nothing");
        assert_eq!(numbers(history.missed([("a", 0)], 0, 9)), Some(vec![1, 2, 3, 4, 5]));
        for number in 6..=40 {
            capacity(number);
        }
        let (count, bytes) = history.size();
        assert!(count == (bytes - room) / each && bytes <= 5000 && bytes + each > 5000, "{count} take {bytes}");
        history.expire(now + Duration::from_secs(61));
        assert_eq!((history.size(), history.lock().index.rooms()), ((0, 0), 0));
    }
}
