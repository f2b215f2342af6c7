//! What was said lately: kept so that whoever was away for a moment can be told what was missed.

mod log;

use std::collections::{HashMap, VecDeque};
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use crate::broadcast::{Audience, Broadcast, Say, Saying};
use crate::id::Id;
use crate::voice::Namespace;
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

/// How broadcasts are numbered and for how long they are kept; see [`crate::Config::recovery`].
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The text before each number, so that clients cannot take the numbers of another life of the server for this one's.
    pub epoch: String,
    /// The number of the last broadcast before the start.
    pub position: u64,
    /// Up to which number nothing is kept from before the start; what came behind it is given to [`crate::Handle::recall`].
    pub floor: u64,
    /// How many broadcasts are kept.
    pub keep: usize,
    /// For how long.
    pub window: Duration,
    /// About how many bytes they take at most. What is encoded of them for those who come back may take a quarter more.
    pub bytes: usize,
    /// By what is said again what was kept as bytes. Without it nothing is.
    pub revive: Option<Revive>,
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

/// What is kept of a broadcast.
pub(crate) struct Kept {
    pub number: u64,
    pub at: Instant,
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

/// About how many bytes are taken by what is kept of a broadcast besides its words, and for each room by the places where it is found again.
const WEIGHT: usize = 128;
const WEIGHT_OF_A_ROOM: usize = 128;

/// What is made of it for those who have missed it may take this part of the bytes, beyond them.
const TOLD: usize = 4;

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

/// The kept broadcasts, in order, and which rooms heard which.
struct Shelf {
    kept: VecDeque<Kept>,
    /// The numbers that each room heard. Empty ones are dropped, so no room is here of which nothing is kept.
    rooms: HashMap<Arc<str>, VecDeque<u64>>,
    /// What everybody heard.
    everyone: VecDeque<u64>,
    log: Log,
    /// How many of the kept have what is told of them again.
    told: usize,
    /// Nothing up to here is kept.
    floor: u64,
}

/// What was said lately, shared by all shards. A broadcast comes here before it comes into any mailbox.
pub(crate) struct History {
    recovery: Recovery,
    shelf: Mutex<Shelf>,
    /// How many bytes all of it takes,
    bytes: AtomicUsize,
    /// and what was made of it for those who have missed it.
    told: Arc<AtomicUsize>,
}

impl History {
    pub fn new(recovery: Recovery) -> Self {
        let (kept, everyone) = Default::default();
        let shelf = Shelf { kept, rooms: HashMap::new(), everyone, log: Log::default(), told: 0, floor: recovery.floor };
        Self { recovery, shelf: Mutex::new(shelf), bytes: AtomicUsize::default(), told: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a broadcast that has a number. Numbers rise.
    pub fn keep(&self, broadcast: &Broadcast, at: Instant) {
        let Some(number) = broadcast.number else { return };
        let mut shelf = self.lock();
        let weight = shelf.put(number, at, broadcast, self.recovery.revive.is_some());
        self.bytes.fetch_add(weight, Ordering::Relaxed);
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

    /// Takes out what is too old, too much, or too heavy. What was made of it for some must not drive out what others may have missed: that goes
    /// by itself, and is made again.
    fn forget_in(&self, shelf: &mut Shelf, now: Instant) -> (SmallVec<[Kept; 2]>, Vec<Arc<Broadcast>>) {
        let (limits, mut forgotten, mut told) = (&self.recovery, SmallVec::new(), Vec::new());
        if shelf.told > 0 && self.told.load(Ordering::Relaxed) > limits.bytes / TOLD {
            told.extend(shelf.kept.iter_mut().filter_map(|kept| kept.again.take()));
            shelf.told = 0;
        }
        let mut bytes = self.bytes.load(Ordering::Relaxed);
        while let Some(oldest) = shelf.kept.front() {
            let too_old = now.saturating_duration_since(oldest.at) > limits.window;
            if !too_old && shelf.kept.len() <= limits.keep && bytes <= limits.bytes {
                break;
            }
            let Some(oldest) = shelf.take_oldest() else { break };
            self.bytes.fetch_sub(oldest.weight, Ordering::Relaxed);
            bytes = bytes.saturating_sub(oldest.weight);
            forgotten.push(oldest);
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

    /// What was said behind `from` and up to `until` in these rooms (in each only behind its own number), each once, in order. `None` if
    /// some of it may be kept no longer.
    pub fn missed<'a>(&self, rooms: impl IntoIterator<Item = (&'a str, u64)>, from: u64, until: u64) -> Option<Vec<Arc<Broadcast>>> {
        let mut shelf = self.lock();
        if from < shelf.floor {
            return None;
        }
        let mut numbers: Vec<u64> = between(&shelf.everyone, from, until).collect();
        for (room, since) in rooms {
            if let Some(heard) = shelf.rooms.get(room) {
                numbers.extend(between(heard, from.max(since), until));
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        let Shelf { kept, log, told, .. } = &mut *shelf;
        let place = |number| kept.binary_search_by_key(&number, |kept| kept.number).ok();
        let places: Vec<usize> = numbers.into_iter().filter_map(place).collect();
        let again = |place: usize| {
            *told += usize::from(kept[place].again.is_none());
            self.again(log, &mut kept[place])
        };
        Some(places.into_iter().map(again).collect())
    }

    /// How many broadcasts are kept, and about how many bytes they take.
    pub fn size(&self) -> (usize, usize) {
        (self.lock().kept.len(), self.bytes.load(Ordering::Relaxed) + self.told.load(Ordering::Relaxed))
    }
}

impl Shelf {
    /// Puts the newest in its place, and says about how many bytes that takes.
    fn put(&mut self, number: u64, at: Instant, broadcast: &Broadcast, logs: bool) -> usize {
        let mut rooms = 0;
        match &broadcast.audience {
            Audience::Everyone => self.everyone.push_back(number),
            Audience::Rooms(heard_in) => {
                rooms = heard_in.len();
                for room in &**heard_in {
                    match self.rooms.get_mut(room) {
                        Some(heard) => heard.push_back(number),
                        None => drop(self.rooms.insert(room.clone(), VecDeque::from([number]))),
                    }
                }
            }
        }
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
        let weight = WEIGHT + size + WEIGHT_OF_A_ROOM * (rooms + except_rooms.len());
        let (audience, namespace, kind) = (audience.clone(), *namespace, *kind);
        self.kept.push_back(Kept { number, at, audience, except, namespace, kind, words, weight, again: None });
        weight
    }

    fn take_oldest(&mut self) -> Option<Kept> {
        let oldest = self.kept.pop_front()?;
        self.floor = oldest.number;
        self.told -= usize::from(oldest.again.is_some());
        match &oldest.audience {
            Audience::Everyone => drop(self.everyone.pop_front()),
            Audience::Rooms(rooms) => rooms.iter().for_each(|room| self.forget_in(room, oldest.number)),
        }
        if let Words::Logged(place) = &oldest.words {
            self.log.forget_before(place);
        }
        Some(oldest)
    }

    fn forget_in(&mut self, room: &Arc<str>, number: u64) {
        let Some(heard) = self.rooms.get_mut(room) else { return };
        // A room that is named twice has it twice.
        while heard.front() == Some(&number) {
            heard.pop_front();
        }
        if heard.is_empty() {
            self.rooms.remove(room);
        }
    }
}

/// The numbers of an ordered list that are larger than `from` and not larger than `until`.
fn between(numbers: &VecDeque<u64>, from: u64, until: u64) -> impl Iterator<Item = u64> {
    let first = numbers.partition_point(|number| *number <= from);
    numbers.range(first..).copied().take_while(move |number| *number <= until)
}

#[cfg(test)]
mod tests {
    use wire::engineio::Version;

    use super::log::PIECE;
    use super::*;
    use crate::broadcast::Stamps;
    use crate::voice::{Format, Voice};

    fn recovery(keep: usize, bytes: usize, revive: Option<Revive>) -> Recovery {
        Recovery { epoch: "e".into(), position: 0, floor: 0, keep, window: Duration::from_secs(60), bytes, revive }
    }

    fn history(keep: usize) -> History {
        History::new(recovery(keep, 1 << 20, None))
    }

    fn said(number: u64, rooms: &[&str]) -> Broadcast {
        let rooms: Arc<[_]> = rooms.iter().map(|room| Arc::from(*room)).collect();
        Broadcast::to_rooms(rooms, |_| vec![Saying::event("said", "1").unwrap()]).numbered(number)
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
        assert_eq!(history.lock().rooms.len(), 1, "a room of which nothing is kept takes no memory");
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
        let bytes = broadcast.encoded(VOICE, &["/".to_owned()], Stamps { epoch: "e", number: 9 }).unwrap_or_default();
        String::from_utf8_lossy(&bytes).rsplit_once('[').map_or(String::new(), |(_, words)| words.trim_end_matches(']').to_owned())
    }

    #[test]
    fn words_are_kept_as_bytes_and_read_again_once_a_voice_wherever_they_stand() {
        let (history, asked) = written(5, usize::MAX);
        let now = Instant::now();
        let lengths = [10, PIECE, 1, 0, 3 * PIECE, 7, PIECE - 1, 2, 30];
        for (number, length) in (1..).zip(lengths) {
            history.keep(&Broadcast::to_rooms(["a".into()], Written(number, length)).numbered(number), now);
        }
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
        let (_, each) = history.size();
        assert!((100..1000).contains(&each), "{each}");
        for number in 2..=4 {
            keep(number);
        }
        assert_eq!(history.size(), (4, 4 * each));
        let missed = history.missed([("a", 0)], 0, 9).unwrap();
        let (_, told) = history.size();
        hears(&missed[0]);
        assert!(told > 4 * each && history.size().1 > told);
        drop(missed);
        keep(5);
        assert_eq!(history.size(), (5, 5 * each), "what was made for some has driven out nothing");
        assert_eq!(numbers(history.missed([("a", 0)], 0, 9)), Some(vec![1, 2, 3, 4, 5]));
        for number in 6..=40 {
            keep(number);
        }
        let (count, bytes) = history.size();
        assert!(count == bytes / each && bytes <= 5000 && bytes + each > 5000, "{count} take {bytes}");
        history.forget(now + Duration::from_secs(61));
        assert_eq!((history.size(), history.lock().rooms.len()), ((0, 0), 0));
    }
}
