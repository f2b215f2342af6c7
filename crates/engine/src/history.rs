//! What was said lately: kept so that whoever was away for a moment can be told what was missed.

mod index;
mod log;
mod shares;

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use crate::broadcast::{Audience, Broadcast, Say, Saying};
use crate::id::Id;
use crate::voice::Namespace;
use index::Index;
use log::{Log, Place};

/// What makes something that was kept as bytes ([`Say::record`]) sayable again. Inputs: the number, and the bytes.
#[derive(Clone)]
pub struct Revive(Arc<Read>);

type Read = dyn Fn(u64, &[u8]) -> Arc<dyn Say> + Send + Sync;

impl Revive {
    /// By this function.
    pub fn new(read: impl Fn(u64, &[u8]) -> Arc<dyn Say> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }
}

impl fmt::Debug for Revive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Revive")
    }
}

/// Reads what is kept from where it is stored, when it is in memory no longer.
pub trait Archive: Send + Sync {
    /// Reads the broadcasts with these numbers, which rise: as many of the first as have `bytes` bytes or somewhat more, and at least one. `then` is
    /// called once, on any thread, with them in order; one that is stored no longer is left out. `None` if nothing can be read now. Must not block.
    fn read(&self, numbers: Vec<u64>, bytes: usize, then: Box<dyn FnOnce(Option<Vec<Broadcast>>) + Send>);
}

/// How broadcasts are numbered and for how long they are kept; see [`crate::Config::recovery`].
#[derive(Clone)]
pub struct Recovery {
    /// The text before each number, so that clients cannot take the numbers of another life of the server for this one's.
    pub epoch: String,
    /// The number of the last broadcast before the start.
    pub position: u64,
    /// Up to which number nothing is kept from before the start; what came behind it is given to [`crate::Handle::recall`].
    pub floor: u64,
    /// Rooms in which something behind `floor` was evicted, each with the last such number; what everybody heard has the empty name.
    pub holes: Vec<(Arc<str>, u64)>,
    /// How many broadcasts are kept; one with more than a kilobyte of words, or for many rooms, counts as several. Beyond, those who said most lose
    /// their oldest in the rooms in which they said most (see [`Broadcast::charged_to`]).
    pub keep: usize,
    /// For how long.
    pub window: Duration,
    /// About how many bytes of memory they take at most. What is encoded of them for those who come back may take a quarter more. With an archive the
    /// oldest words are read from there, and 70 bytes for each broadcast stay in memory whatever this says; without one they are forgotten.
    pub bytes: usize,
    /// By what is said again what was kept as bytes. Without it nothing is.
    pub revive: Option<Revive>,
    /// Where everything is stored that is kept.
    pub archive: Option<Arc<dyn Archive>>,
}

impl fmt::Debug for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recovery").field("epoch", &self.epoch).field("position", &self.position).finish_non_exhaustive()
    }
}

/// A place in the order of what was said: behind the broadcast with this number, or within it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Position {
    /// Everything up to the broadcast with this number was heard,
    pub number: u64,
    /// and so many messages of the one with the next number: a broadcast may be several.
    pub part: u16,
}

impl Position {
    /// The text form that clients keep: opaque to them.
    pub fn text(self, epoch: &str) -> String {
        let mut text = String::with_capacity(epoch.len() + 24);
        self.write(epoch, &mut text);
        text
    }

    /// Appends the text form.
    pub(crate) fn write(self, epoch: &str, text: &mut String) {
        // A text takes whatever is written to it.
        let _ = match self.part {
            0 => write!(text, "{epoch}-{}", self.number),
            part => write!(text, "{epoch}-{}.{part}", self.number),
        };
    }

    /// Behind one of the messages of a broadcast, the `index`th of `count`.
    pub fn behind(number: u64, index: usize, count: usize) -> Self {
        match index + 1 {
            // Everything before the broadcast was heard, and so many of its messages.
            heard if heard < count => Self { number: number.saturating_sub(1), part: u16::try_from(heard).unwrap_or(u16::MAX) },
            _ => Self::from(number),
        }
    }

    /// Reads the text form: the epoch, and the place in it. `None` if it is not one.
    pub fn parse(text: &str) -> Option<(&str, Self)> {
        let (epoch, place) = text.rsplit_once('-')?;
        let (number, part) = place.split_once('.').unwrap_or((place, "0"));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let position = Self { number: number.parse().ok()?, part: part.parse().ok()? };
        (digits(number) && digits(part)).then_some((epoch, position))
    }
}

impl From<u64> for Position {
    fn from(number: u64) -> Self {
        Self { number, part: 0 }
    }
}

/// A broadcast whose words are in memory.
pub(crate) struct Kept {
    pub number: u64,
    pub audience: Audience,
    /// Who was not to hear it; most except nobody.
    pub except: Option<Box<Except>>,
    pub namespace: Option<Namespace>,
    pub kind: u8,
    words: Words,
    weight: usize,
    /// What those are told who have missed it, from the first of them on.
    again: Option<Arc<Broadcast>>,
}

/// Who is not to hear something.
#[derive(Clone, Default)]
pub(crate) struct Except {
    pub rooms: Vec<Arc<str>>,
    pub sockets: Vec<Id>,
}

/// What was said.
enum Words {
    Logged(Place),
    Said(Arc<dyn Say>),
}

/// About how many bytes are taken by what is kept of a broadcast besides its words, and for each room that it names.
const WEIGHT: usize = 128;
const WEIGHT_OF_A_ROOM: usize = 64;

/// What is made of it for those who have missed it may take this part of the bytes, beyond them.
const TOLD: usize = 4;

/// The most broadcasts of one slice; see [`History::slice`].
const SLICE: usize = 256;

/// What was kept as bytes, for those who have missed it. It is read when it is said, once a voice: not while others wait for the history.
struct Logged {
    number: u64,
    bytes: Box<[u8]>,
    revive: Revive,
}

impl Say for Logged {
    fn say(&self, namespace: Namespace) -> Vec<Saying> {
        (self.revive.0)(self.number, &self.bytes).say(namespace)
    }

    fn weight(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }
}

/// What is kept: the numbers of all of it, and the newest words.
struct Shelf {
    index: Index,
    /// The broadcasts whose words are in memory, in order. What was evicted may still be here; its number is in no room.
    words: VecDeque<Kept>,
    words_weight: usize,
    log: Log,
    /// How many of them have what is told of them again.
    told: usize,
}

/// A part of what was missed.
pub struct Slice {
    /// What was said, in order.
    pub said: Vec<Found>,
    /// Up to which number there is nothing else: the end of what was asked for, or the last of a slice that is full.
    pub reached: u64,
}

/// Where a broadcast is.
pub enum Found {
    /// In memory.
    Here(Arc<Broadcast>),
    /// In the [`Archive`], under this number.
    Stored(u64),
}

/// What can be replayed, shared by all shards. A broadcast comes here before it comes into any mailbox.
pub(crate) struct History {
    recovery: Recovery,
    /// When the seconds begin by which it is counted what is too old.
    begun: Instant,
    shelf: Mutex<Shelf>,
    /// How many bytes were made of it for those who have missed it.
    told: Arc<AtomicUsize>,
}

/// What is given back when nobody waits any more.
type Forgotten = (SmallVec<[Kept; 2]>, Vec<Arc<Broadcast>>);

impl History {
    pub fn new(recovery: Recovery) -> Self {
        let index = Index::new(recovery.floor, &recovery.holes);
        let shelf = Shelf { index, words: VecDeque::new(), words_weight: 0, log: Log::default(), told: 0 };
        Self { recovery, begun: Instant::now(), shelf: Mutex::new(shelf), told: Arc::default() }
    }

    /// Where the words are that are in memory no longer.
    pub fn archive(&self) -> Option<&Arc<dyn Archive>> {
        self.recovery.archive.as_ref()
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a broadcast that has a number. Numbers rise.
    pub fn keep(&self, broadcast: &Broadcast, at: Instant) {
        let Some(number) = broadcast.number else { return };
        let mut shelf = self.lock();
        let size = shelf.put(number, broadcast, self.recovery.revive.is_some());
        shelf.index.push(number, self.second(at), &broadcast.audience, broadcast.account, size);
        let forgotten = self.forget_in(&mut shelf, at);
        drop(shelf);
        // Nobody waits while their memory is given back.
        drop(forgotten);
    }

    /// Forgets what is too old, also while nothing new is said.
    pub fn forget(&self, now: Instant) {
        let forgotten = self.forget_in(&mut self.lock(), now);
        drop(forgotten);
    }

    /// Forgets everything up to a number.
    pub fn forget_up_to(&self, number: u64) {
        let mut shelf = self.lock();
        shelf.index.forget_up_to(number);
        let forgotten = self.forget_in(&mut shelf, self.begun);
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

    /// Takes out what is too old, too much, or too heavy. What was made of it for some must not drive out what others may have missed: that goes
    /// by itself, and is made again.
    fn forget_in(&self, shelf: &mut Shelf, now: Instant) -> Forgotten {
        let (limits, mut forgotten, mut told) = (&self.recovery, SmallVec::new(), Vec::new());
        if shelf.told > 0 && self.told.load(Ordering::Relaxed) > limits.bytes / TOLD {
            told.extend(shelf.words.iter_mut().filter_map(|kept| kept.again.take()));
            shelf.told = 0;
        }
        if let Some(oldest) = now.checked_sub(limits.window) {
            shelf.index.forget_older(self.second(oldest));
        }
        shelf.index.evict(limits.keep as u64, limits.archive.is_some());
        while let Some(oldest) = shelf.words.front() {
            let too_heavy = shelf.index.weight() + shelf.words_weight > limits.bytes;
            if oldest.number > shelf.index.floor() && !too_heavy {
                break;
            }
            if limits.archive.is_none() {
                let number = oldest.number;
                shelf.index.forget_up_to(number);
            }
            forgotten.extend(shelf.take_oldest());
        }
        (forgotten, told)
    }

    fn again(&self, log: &Log, kept: &mut Kept) -> Arc<Broadcast> {
        if let Some(again) = &kept.again {
            return again.clone();
        }
        let say = match (&kept.words, &self.recovery.revive) {
            (Words::Said(say), _) => say.clone(),
            (Words::Logged(place), Some(revive)) => {
                Arc::new(Logged { number: kept.number, bytes: log.get(place).into(), revive: revive.clone() })
            }
            // Nothing is logged then.
            (Words::Logged(_), None) => Arc::new(|_| Vec::new()),
        };
        let again = Arc::new(Broadcast::again(kept, say, &self.told));
        kept.again.insert(again).clone()
    }

    /// The first of what was said behind `from` and up to `until` in these rooms (in each only behind its own number) and, if `everyone`, to
    /// everybody: each once, in order, about `bytes` bytes of it and at least one. `None` if some of all that is kept no longer.
    pub fn slice<'a>(
        &self,
        rooms: impl IntoIterator<Item = (&'a str, u64)>,
        everyone: bool,
        from: u64,
        until: u64,
        bytes: usize,
    ) -> Option<Slice> {
        let mut shelf = self.lock();
        let mut numbers = shelf.index.between(rooms, everyone, from, until, SLICE)?;
        let Shelf { words, log, told, .. } = &mut *shelf;
        let mut whole = numbers.len() < SLICE;
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
                    *told += usize::from(kept.again.is_none());
                    Found::Here(self.again(log, kept))
                }
                Err(_) => Found::Stored(number),
            });
        }
        let reached = if whole { until } else { said.last().map_or(until, Found::number) };
        Some(Slice { said, reached })
    }

    /// Whether [`History::slice`] has an answer.
    pub fn has_all<'a>(&self, rooms: impl IntoIterator<Item = (&'a str, u64)>, everyone: bool, from: u64, until: u64) -> bool {
        self.lock().index.has_all_between(rooms, everyone, from, until)
    }

    /// How many broadcasts are kept, and about how many bytes of memory they take.
    pub fn size(&self) -> (usize, usize) {
        let shelf = self.lock();
        (shelf.index.len(), shelf.index.weight() + shelf.words_weight + self.told.load(Ordering::Relaxed))
    }
}

/// The first broadcasts of a slice, as many as are in one place.
pub enum Run {
    /// In memory; with them, and nothing else, the slice goes up to this number.
    Here(Vec<Arc<Broadcast>>, u64),
    /// In the [`Archive`], under these numbers. If they are the whole slice, the number up to which it goes.
    Stored(Vec<u64>, Option<u64>),
}

impl Slice {
    /// Its first broadcasts that are in one place; a slice without broadcasts is in memory.
    pub fn first_run(self) -> Run {
        let Self { said, reached } = self;
        let stored: Vec<u64> = said.iter().take_while(|found| matches!(found, Found::Stored(_))).map(Found::number).collect();
        if !stored.is_empty() {
            let whole = (stored.len() == said.len()).then_some(reached);
            return Run::Stored(stored, whole);
        }
        let count = said.len();
        let here = said.into_iter().map_while(|found| match found {
            Found::Here(broadcast) => Some(broadcast),
            Found::Stored(_) => None,
        });
        let here: Vec<_> = here.collect();
        let last = here.last().and_then(|last| last.number).filter(|_| here.len() < count);
        Run::Here(here, last.unwrap_or(reached))
    }
}

impl Found {
    /// The broadcast's number.
    pub fn number(&self) -> u64 {
        match self {
            Self::Here(broadcast) => broadcast.number.unwrap_or_default(),
            Self::Stored(number) => *number,
        }
    }
}

impl Shelf {
    /// Puts the newest words in their place, and says how many bytes they have.
    fn put(&mut self, number: u64, broadcast: &Broadcast, logs: bool) -> usize {
        let Broadcast { audience, except_rooms, except_sockets, namespace, kind, .. } = broadcast;
        let say = broadcast.shared_say();
        let (words, size) = match logs.then(|| self.log.append(&**say)).flatten() {
            Some(place) => {
                let size = place.len();
                (Words::Logged(place), size)
            }
            None => (Words::Said(say.clone()), say.weight()),
        };
        let excepts = !except_rooms.is_empty() || !except_sockets.is_empty();
        let except = excepts.then(|| Box::new(Except { rooms: except_rooms.clone(), sockets: except_sockets.clone() }));
        let rooms = match audience {
            Audience::Everyone => 0,
            Audience::Rooms(rooms) => rooms.len(),
        };
        let weight = WEIGHT + size + WEIGHT_OF_A_ROOM * (rooms + except_rooms.len());
        let (audience, namespace, kind) = (audience.clone(), *namespace, *kind);
        self.words.push_back(Kept { number, audience, except, namespace, kind, words, weight, again: None });
        self.words_weight += weight;
        size
    }

    fn take_oldest(&mut self) -> Option<Kept> {
        let oldest = self.words.pop_front()?;
        self.words_weight -= oldest.weight;
        self.told -= usize::from(oldest.again.is_some());
        if let Words::Logged(place) = &oldest.words {
            self.log.forget_before(place);
        }
        Some(oldest)
    }
}

#[cfg(test)]
mod tests {
    use wire::engineio::Version;

    use super::log::PIECE;
    use super::*;
    use crate::broadcast::Stamps;
    use crate::voice::{Format, Voice};

    fn recovery(keep: usize, bytes: usize, revive: Option<Revive>) -> Recovery {
        let (holes, archive) = (Vec::new(), None);
        Recovery { epoch: "e".into(), position: 0, floor: 0, holes, keep, window: Duration::from_secs(60), bytes, revive, archive }
    }

    fn history(keep: usize) -> History {
        History::new(recovery(keep, 1 << 20, None))
    }

    fn said(number: u64, rooms: &[&str]) -> Broadcast {
        let rooms: Arc<[_]> = rooms.iter().map(|room| Arc::from(*room)).collect();
        Broadcast::to_rooms(rooms, |_| vec![Saying::event("said", "1").unwrap()]).numbered(number)
    }

    impl History {
        fn missed<'a>(&self, rooms: impl IntoIterator<Item = (&'a str, u64)>, from: u64, until: u64) -> Option<Vec<Arc<Broadcast>>> {
            let slice = self.slice(rooms, true, from, until, usize::MAX)?;
            let here = |found| match found {
                Found::Here(broadcast) => broadcast,
                Found::Stored(number) => panic!("{number} is not in memory"),
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
            history.keep(&said(number, rooms), now);
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
            history.keep(&said(number, &["a"]), now);
        }
        assert_eq!(numbers(history.missed([("a", 0)], 1, 9)), None);
        assert_eq!(numbers(history.missed([("a", 0)], 2, 9)), Some(vec![3, 4]));
        // What is too old goes when something new comes.
        history.keep(&said(5, &["b"]), now + Duration::from_secs(61));
        assert_eq!(numbers(history.missed([("a", 0)], 3, 9)), None);
        assert_eq!(numbers(history.missed([("a", 0), ("b", 0)], 4, 9)), Some(vec![5]));
        assert_eq!(history.lock().index.rooms(), 1, "a room of which nothing is kept takes no memory");
    }

    /// Something that is kept as so many bytes, each its number's last.
    struct Written(u64, usize);

    impl Say for Written {
        fn say(&self, _: Namespace) -> Vec<Saying> {
            vec![Saying::event("said", format!("[{},{}]", self.0, self.1)).unwrap()]
        }

        fn record(&self, bytes: &mut Vec<u8>) -> bool {
            bytes.extend(std::iter::repeat_n(self.0 as u8, self.1));
            // What is empty has no words.
            self.1 > 0
        }
    }

    /// A history that says again how long and of which bytes that was which it has kept, and counts how often it was asked.
    fn written(keep: usize, bytes: usize) -> (History, Arc<AtomicUsize>) {
        let asked = Arc::<AtomicUsize>::default();
        let counts = asked.clone();
        let revive = Revive::new(move |number, bytes: &[u8]| {
            counts.fetch_add(1, Ordering::Relaxed);
            assert!(bytes.iter().all(|byte| *byte == number as u8), "{number} has the bytes of others");
            Arc::new(Written(number, bytes.len()))
        });
        (History::new(recovery(keep, bytes, Some(revive))), asked)
    }

    const VOICE: Voice =
        Voice { namespace: Namespace(0), version: Version::V4, format: Format::Json, base64: false, deflate: None, positions: false };

    fn hears(broadcast: &Broadcast) -> String {
        let bytes = broadcast.encoded(VOICE, &["/".to_owned()], Stamps { epoch: "e", at: 9.into() }).unwrap_or_default();
        String::from_utf8_lossy(&bytes).rsplit_once('[').map_or(String::new(), |(_, words)| words.trim_end_matches(']').to_owned())
    }

    #[test]
    fn words_are_kept_as_bytes_and_read_again_once_a_voice_wherever_they_stand() {
        let (history, asked) = written(usize::MAX, usize::MAX);
        let now = Instant::now();
        let lengths = [10, PIECE, 1, 0, 3 * PIECE, 7, PIECE - 1, 2, 30];
        for (number, length) in (1..).zip(lengths) {
            history.keep(&Broadcast::to_rooms(["a".into()], Written(number, length)).numbered(number), now);
        }
        history.forget_up_to(4);
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
        let keep = |number| history.keep(&Broadcast::to_rooms(["a".into()], Written(number, 100)).numbered(number), now);
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
        assert_eq!(history.size(), (5, room + 5 * each), "what was made for some has driven out nothing");
        assert_eq!(numbers(history.missed([("a", 0)], 0, 9)), Some(vec![1, 2, 3, 4, 5]));
        for number in 6..=40 {
            keep(number);
        }
        let (count, bytes) = history.size();
        assert!(count == (bytes - room) / each && bytes <= 5000 && bytes + each > 5000, "{count} take {bytes}");
        history.forget(now + Duration::from_secs(61));
        assert_eq!((history.size(), history.lock().index.rooms()), ((0, 0), 0));
    }
}
