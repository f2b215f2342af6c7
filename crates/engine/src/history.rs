//! The recent broadcasts, kept so that clients that were away for a moment receive the ones that they missed.

mod eviction;
mod index;
mod position;
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
pub use position::Position;
pub use recovery::{Archive, Recovery, ReplayDecoder};
pub use slice::{FoundEntry, Run, Slice};
use state::HistoryState;
pub(crate) use state::{Exclusions, HistoryEntry};

/// Broadcasts that are encoded again for clients that missed them may take this part of [`Recovery::bytes`], in addition to them.
const MAX_EXPIRED_PER_BROADCAST: usize = 4;

/// The most broadcasts of one slice; see [`History::slice`].
const SLICE_EVENTS: usize = 256;

/// The broadcasts that can be replayed, shared by all shards. A broadcast comes here before it comes into any mailbox.
pub(crate) struct History {
    recovery: Recovery,
    /// The time from which the seconds of [`index`] are counted.
    begun: Instant,
    shelf: Mutex<HistoryState>,
    /// The memory in bytes of the broadcasts that are encoded again for clients that missed them.
    told: Arc<AtomicUsize>,
}

/// Memory that is freed when the lock is released.
type Expired = (SmallVec<[HistoryEntry; 2]>, Vec<Arc<Broadcast>>);

impl History {
    pub fn new(recovery: Recovery) -> Self {
        let shelf = HistoryState::new(Index::new(recovery.floor, &recovery.holes));
        Self { recovery, begun: Instant::now(), shelf: Mutex::new(shelf), told: Arc::default() }
    }

    /// The archive with the content that is in memory no longer.
    pub fn archive(&self) -> Option<&Arc<dyn Archive>> {
        self.recovery.archive.as_ref()
    }

    fn lock(&self) -> MutexGuard<'_, HistoryState> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a broadcast that has a number. Numbers rise.
    pub fn append(&self, broadcast: &Broadcast, at: Instant) {
        let Some(number) = broadcast.number else { return };
        let mut shelf = self.lock();
        let size = shelf.put(number, broadcast, self.recovery.revive.is_some());
        shelf.index.push(number, self.second(at), &broadcast.audience, broadcast.account, size);
        let forgotten = self.expire_locked(&mut shelf, at);
        drop(shelf);
        // Their memory is freed without the lock.
        drop(forgotten);
    }

    /// Forgets the broadcasts that are too old, also while no new one is published.
    pub fn expire(&self, now: Instant) {
        let forgotten = self.expire_locked(&mut self.lock(), now);
        drop(forgotten);
    }

    /// Forgets all broadcasts up to a number.
    pub fn expire_up_to(&self, number: u64) {
        let mut shelf = self.lock();
        shelf.index.expire_up_to(number);
        let forgotten = self.expire_locked(&mut shelf, self.begun);
        drop(shelf);
        drop(forgotten);
    }

    /// Takes out up to `most` broadcasts that were evicted and are still stored; with the holes that they leave, see [`Recovery::holes`].
    pub fn take_evicted(&self, most: usize) -> (Vec<u64>, Vec<(Arc<str>, u64)>) {
        self.lock().index.take_evicted(most)
    }

    fn second(&self, at: Instant) -> u32 {
        u32::try_from(at.saturating_duration_since(self.begun).as_secs()).unwrap_or(u32::MAX)
    }

    /// Takes out the broadcasts that are too old, too many, or too large. Broadcasts that are encoded again for some clients must not evict
    /// others that clients may have missed: they are dropped separately, and encoded again when needed.
    fn expire_locked(&self, shelf: &mut HistoryState, now: Instant) -> Expired {
        let (limits, mut forgotten, mut told) = (&self.recovery, SmallVec::new(), Vec::new());
        if shelf.told > 0 && self.told.load(Ordering::Relaxed) > limits.bytes / MAX_EXPIRED_PER_BROADCAST {
            told.extend(shelf.words.iter_mut().filter_map(|kept| kept.replay.take()));
            shelf.told = 0;
        }
        if let Some(oldest) = now.checked_sub(limits.window) {
            shelf.index.expire_older(self.second(oldest));
        }
        shelf.index.evict(limits.keep as u64, limits.archive.is_some());
        while let Some(oldest) = shelf.words.front() {
            let too_heavy = shelf.index.weight() + shelf.words_weight > limits.bytes;
            if oldest.number > shelf.index.floor() && !too_heavy {
                break;
            }
            if limits.archive.is_none() {
                let number = oldest.number;
                shelf.index.expire_up_to(number);
            }
            forgotten.extend(shelf.take_oldest());
        }
        (forgotten, told)
    }

    /// Finds the first broadcasts after `from` and up to `until` to these rooms (for each room only those after its own number) and, if
    /// `everyone`, to every connection: each once, in order, about `bytes` bytes of them and at least one. `None` if one of all of them is
    /// possibly not kept any more.
    pub fn slice<'a>(
        &self,
        rooms: impl IntoIterator<Item = (&'a str, u64)>,
        everyone: bool,
        from: u64,
        until: u64,
        bytes: usize,
    ) -> Option<Slice> {
        let mut shelf = self.lock();
        let mut numbers = shelf.index.between(rooms, everyone, from, until, SLICE_EVENTS)?;
        let HistoryState { words, log, told, .. } = &mut *shelf;
        let mut whole = numbers.len() < SLICE_EVENTS;
        let (mut said, mut size) = (Vec::with_capacity(numbers.len()), 0);
        for number in numbers.drain(..) {
            if size >= bytes {
                whole = false;
                break;
            }
            said.push(match words.binary_search_by_key(&number, |kept| kept.number) {
                Ok(place) => {
                    let kept = &mut words[place];
                    size += kept.weight;
                    *told += usize::from(kept.replay.is_none());
                    FoundEntry::Here(kept.again(log, self.recovery.revive.as_ref(), &self.told))
                }
                Err(_) => FoundEntry::Stored(number),
            });
        }
        let reached = if whole { until } else { said.last().map_or(until, FoundEntry::number) };
        Some(Slice { said, reached })
    }

    /// Whether [`History::slice`] would return a slice.
    pub fn has_all<'a>(&self, rooms: impl IntoIterator<Item = (&'a str, u64)>, everyone: bool, from: u64, until: u64) -> bool {
        self.lock().index.has_all_between(rooms, everyone, from, until)
    }

    /// The number of kept broadcasts, and their approximate memory in bytes.
    pub fn size(&self) -> (usize, usize) {
        let shelf = self.lock();
        (shelf.index.len(), shelf.index.weight() + shelf.words_weight + self.told.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wire::engineio::Version;

    use super::segment_log::SEGMENT_BYTES;
    use super::*;
    use crate::broadcast::{MessageSource, OutboundMessage, PositionContext};
    use crate::encoding::{Encoding, Format, Namespace};

    fn recovery(keep: usize, bytes: usize, revive: Option<ReplayDecoder>) -> Recovery {
        let (holes, archive) = (Vec::new(), None);
        Recovery { epoch: "e".into(), position: 0, floor: 0, holes, keep, window: Duration::from_secs(60), bytes, revive, archive }
    }

    fn history(keep: usize) -> History {
        History::new(recovery(keep, 1 << 20, None))
    }

    fn said(number: u64, rooms: &[&str]) -> Broadcast {
        let rooms: Arc<[_]> = rooms.iter().map(|room| Arc::from(*room)).collect();
        Broadcast::to_rooms(rooms, |_| vec![OutboundMessage::event("said", "1").unwrap()]).numbered(number)
    }

    impl History {
        fn missed<'a>(&self, rooms: impl IntoIterator<Item = (&'a str, u64)>, from: u64, until: u64) -> Option<Vec<Arc<Broadcast>>> {
            let slice = self.slice(rooms, true, from, until, usize::MAX)?;
            let here = |found| match found {
                FoundEntry::Here(broadcast) => broadcast,
                FoundEntry::Stored(number) => panic!("{number} is not in memory"),
            };
            Some(slice.said.into_iter().map(here).collect())
        }
    }

    fn numbers(missed: Option<Vec<Arc<Broadcast>>>) -> Option<Vec<u64>> {
        missed.map(|missed| missed.iter().filter_map(|broadcast| broadcast.number).collect())
    }

    #[test]
    fn what_was_missed_comes_once_in_order_and_in_each_room_from_its_own_number_on() {
        let (history, now) = (history(100), Instant::now());
        for (number, rooms) in [(1, &["a"][..]), (2, &["b"]), (4, &["a", "b"]), (5, &["c"]), (7, &["b"]), (8, &["a"])] {
            history.append(&said(number, rooms), now);
        }
        let missed = |rooms: &[(&str, u64)], from, until| numbers(history.missed(rooms.iter().copied(), from, until));
        assert_eq!(missed(&[("a", 0), ("b", 0)], 0, 9), Some(vec![1, 2, 4, 7, 8]));
        assert_eq!(missed(&[("a", 0), ("b", 4)], 1, 7), Some(vec![4, 7]));
        assert_eq!(missed(&[("b", 5)], 0, 9), Some(vec![7]));
        assert_eq!(missed(&[("nobody", 0)], 3, 9), Some(vec![]));
    }

    #[test]
    fn who_missed_what_is_kept_no_longer_is_told_so() {
        let (history, now) = (history(2), Instant::now());
        for number in 1..=4 {
            history.append(&said(number, &["a"]), now);
        }
        assert_eq!(numbers(history.missed([("a", 0)], 1, 9)), None);
        assert_eq!(numbers(history.missed([("a", 0)], 2, 9)), Some(vec![3, 4]));
        // Broadcasts that are too old are forgotten when a new one is kept.
        history.append(&said(5, &["b"]), now + Duration::from_secs(61));
        assert_eq!(numbers(history.missed([("a", 0)], 3, 9)), None);
        assert_eq!(numbers(history.missed([("a", 0), ("b", 0)], 4, 9)), Some(vec![5]));
        assert_eq!(history.lock().index.rooms(), 1, "a room of which nothing is kept takes no memory");
    }

    /// Content that is recorded as the given number of bytes, each with the value of the broadcast's number.
    struct Written(u64, usize);

    impl MessageSource for Written {
        fn render(&self, _: Namespace) -> Vec<OutboundMessage> {
            vec![OutboundMessage::event("said", format!("[{},{}]", self.0, self.1)).unwrap()]
        }

        fn record(&self, bytes: &mut Vec<u8>) -> bool {
            bytes.extend(std::iter::repeat_n(self.0 as u8, self.1));
            // Empty content records no bytes.
            self.1 > 0
        }
    }

    /// A history whose `revive` function restores content from its bytes, checks them, and counts its calls.
    fn written(keep: usize, bytes: usize) -> (History, Arc<AtomicUsize>) {
        let asked = Arc::<AtomicUsize>::default();
        let counts = asked.clone();
        let revive = ReplayDecoder::new(move |number, bytes: &[u8]| {
            counts.fetch_add(1, Ordering::Relaxed);
            assert!(bytes.iter().all(|byte| *byte == number as u8), "{number} has the bytes of others");
            Arc::new(Written(number, bytes.len()))
        });
        (History::new(recovery(keep, bytes, Some(revive))), asked)
    }

    const VOICE: Encoding =
        Encoding { namespace: Namespace(0), version: Version::V4, format: Format::Json, base64: false, deflate: None, positions: false };

    fn hears(broadcast: &Broadcast) -> String {
        let bytes = broadcast.encoded(VOICE, &["/".to_owned()], PositionContext { epoch: "e", at: 9.into() }).unwrap_or_default();
        String::from_utf8_lossy(&bytes).rsplit_once('[').map_or(String::new(), |(_, words)| words.trim_end_matches(']').to_owned())
    }

    #[test]
    fn words_are_kept_as_bytes_and_read_again_once_a_voice_wherever_they_stand() {
        let (history, asked) = written(usize::MAX, usize::MAX);
        let now = Instant::now();
        let lengths = [10, SEGMENT_BYTES, 1, 0, 3 * SEGMENT_BYTES, 7, SEGMENT_BYTES - 1, 2, 30];
        for (number, length) in (1..).zip(lengths) {
            history.append(&Broadcast::to_rooms(["a".into()], Written(number, length)).numbered(number), now);
        }
        history.expire_up_to(4);
        let (missed, kept) = (history.missed([("a", 0)], 4, 9).unwrap(), 4..9);
        for (broadcast, place) in missed.iter().zip(kept) {
            assert_eq!(hears(broadcast), format!("{},{}", place + 1, lengths[place]));
        }
        let again = history.missed([("a", 0)], 4, 9).unwrap();
        again.iter().for_each(|broadcast| drop(hears(broadcast)));
        assert_eq!((missed.len(), asked.load(Ordering::Relaxed)), (5, 5));
        assert!(history.lock().log.pieces() <= 4, "pieces of which nothing is kept are gone");
    }

    #[test]
    fn what_is_kept_counts_with_what_is_encoded_of_it_later() {
        let (history, _) = written(99, 5000);
        let now = Instant::now();
        let keep = |number| history.append(&Broadcast::to_rooms(["a".into()], Written(number, 100)).numbered(number), now);
        keep(1);
        let (_, first) = history.size();
        keep(2);
        let each = history.size().1 - first;
        let room = first - each;
        assert!((100..1000).contains(&each) && (100..300).contains(&room), "{each} {room}");
        for number in 3..=4 {
            keep(number);
        }
        assert_eq!(history.size(), (4, room + 4 * each));
        let missed = history.missed([("a", 0)], 0, 9).unwrap();
        let (_, told) = history.size();
        hears(&missed[0]);
        assert!(told > room + 4 * each && history.size().1 > told);
        drop(missed);
        keep(5);
        assert_eq!(history.size(), (5, room + 5 * each), "broadcasts that are encoded again evict nothing");
        assert_eq!(numbers(history.missed([("a", 0)], 0, 9)), Some(vec![1, 2, 3, 4, 5]));
        for number in 6..=40 {
            keep(number);
        }
        let (count, bytes) = history.size();
        assert!(count == (bytes - room) / each && bytes <= 5000 && bytes + each > 5000, "{count} take {bytes}");
        history.expire(now + Duration::from_secs(61));
        assert_eq!((history.size(), history.lock().index.rooms()), ((0, 0), 0));
    }
}
