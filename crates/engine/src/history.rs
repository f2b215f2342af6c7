//! What was said lately: kept so that whoever was away for a moment can be told what was missed.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use crate::broadcast::{Audience, Broadcast};

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
    /// About how many bytes they take at most, with what was encoded of them.
    pub bytes: usize,
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
        match self.part {
            0 => format!("{epoch}-{}", self.number),
            part => format!("{epoch}-{}.{part}", self.number),
        }
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

struct Kept {
    number: u64,
    at: Instant,
    broadcast: Arc<Broadcast>,
}

/// The kept broadcasts, in order, and which rooms heard which.
struct Shelf {
    kept: VecDeque<Kept>,
    /// The numbers that each room heard. Empty ones are dropped, so no room is here of which nothing is kept.
    rooms: HashMap<Arc<str>, VecDeque<u64>>,
    /// What everybody heard.
    everyone: VecDeque<u64>,
    /// Nothing up to here is kept.
    floor: u64,
}

/// What was said lately, shared by all shards. A broadcast comes here before it comes into any mailbox.
pub(crate) struct History {
    recovery: Recovery,
    shelf: Mutex<Shelf>,
    /// How many bytes all of it takes.
    bytes: Arc<AtomicUsize>,
}

impl History {
    pub fn new(recovery: Recovery) -> Self {
        let shelf = Shelf { kept: VecDeque::new(), rooms: HashMap::new(), everyone: VecDeque::new(), floor: recovery.floor };
        Self { recovery, shelf: Mutex::new(shelf), bytes: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a broadcast that has a number. Numbers rise.
    pub fn keep(&self, broadcast: &Broadcast, at: Instant) {
        let Some(number) = broadcast.number else { return };
        let broadcast = Arc::new(broadcast.to_keep(&self.bytes));
        let mut shelf = self.lock();
        shelf.put(number, at, broadcast);
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

    /// Takes out what is too old, too much, or too heavy.
    fn forget_in(&self, shelf: &mut Shelf, now: Instant) -> SmallVec<[Kept; 2]> {
        let (limits, mut forgotten) = (&self.recovery, SmallVec::new());
        let mut bytes = self.bytes.load(Ordering::Relaxed);
        while let Some(oldest) = shelf.kept.front() {
            let too_old = now.saturating_duration_since(oldest.at) > limits.window;
            if !too_old && shelf.kept.len() <= limits.keep && bytes <= limits.bytes {
                break;
            }
            let Some(oldest) = shelf.take_oldest() else { break };
            bytes = bytes.saturating_sub(oldest.broadcast.weight());
            forgotten.push(oldest);
        }
        forgotten
    }

    /// What was said behind `from` and up to `until` in these rooms (in each only behind its own number), each once, in order. `None` if
    /// some of it may be kept no longer.
    pub fn missed<'a>(&self, rooms: impl IntoIterator<Item = (&'a str, u64)>, from: u64, until: u64) -> Option<Vec<Arc<Broadcast>>> {
        let shelf = self.lock();
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
        Some(numbers.into_iter().filter_map(|number| shelf.get(number).cloned()).collect())
    }

    /// How many broadcasts are kept, and about how many bytes they take.
    pub fn size(&self) -> (usize, usize) {
        (self.lock().kept.len(), self.bytes.load(Ordering::Relaxed))
    }
}

impl Shelf {
    fn put(&mut self, number: u64, at: Instant, broadcast: Arc<Broadcast>) {
        match &broadcast.audience {
            Audience::Everyone => self.everyone.push_back(number),
            Audience::Rooms(rooms) => {
                for room in rooms {
                    match self.rooms.get_mut(room) {
                        Some(heard) => heard.push_back(number),
                        None => drop(self.rooms.insert(room.clone(), VecDeque::from([number]))),
                    }
                }
            }
        }
        self.kept.push_back(Kept { number, at, broadcast });
    }

    fn take_oldest(&mut self) -> Option<Kept> {
        let oldest = self.kept.pop_front()?;
        self.floor = oldest.number;
        match &oldest.broadcast.audience {
            Audience::Everyone => drop(self.everyone.pop_front()),
            Audience::Rooms(rooms) => rooms.iter().for_each(|room| self.forget_in(room, oldest.number)),
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

    fn get(&self, number: u64) -> Option<&Arc<Broadcast>> {
        let index = self.kept.binary_search_by_key(&number, |kept| kept.number).ok()?;
        Some(&self.kept[index].broadcast)
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

    use super::*;
    use crate::broadcast::{Say, Saying, Stamps};
    use crate::voice::{Format, Namespace, Voice};

    fn history(keep: usize) -> History {
        let recovery = Recovery { epoch: "e".into(), position: 0, floor: 0, keep, window: Duration::from_secs(60), bytes: 1 << 20 };
        History::new(recovery)
    }

    fn said(number: u64, rooms: &[&str]) -> Broadcast {
        let rooms = rooms.iter().map(|room| Arc::from(*room)).collect();
        Broadcast::to_rooms(rooms, |_| vec![Saying::event("said", "1")]).numbered(number)
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

    /// Something long, of which a short form is kept.
    struct Long(Arc<AtomicUsize>);

    impl Say for Long {
        fn say(&self, _: Namespace) -> Vec<Saying> {
            vec![Saying::event("said", format!("\"{}\"", "x".repeat(1000)))]
        }

        fn lean(&self) -> Option<Arc<dyn Say>> {
            Some(Arc::new(Lean(self.0.clone())))
        }

        fn weight(&self) -> usize {
            1 << 30
        }
    }

    struct Lean(Arc<AtomicUsize>);

    impl Say for Lean {
        fn say(&self, namespace: Namespace) -> Vec<Saying> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Long(self.0.clone()).say(namespace)
        }

        fn weight(&self) -> usize {
            100
        }
    }

    #[test]
    fn what_is_kept_is_lean_and_counts_with_what_is_encoded_of_it_later() {
        let recovery = Recovery { epoch: "e".into(), position: 0, floor: 0, keep: 99, window: Duration::from_secs(60), bytes: 5000 };
        let (history, now, said) = (History::new(recovery), Instant::now(), Arc::<AtomicUsize>::default());
        let keep = |number| history.keep(&Broadcast::to_rooms(vec!["a".into()], Long(said.clone())).numbered(number), now);
        keep(1);
        let (_, each) = history.size();
        assert!((100..1000).contains(&each), "{each}");
        for number in 2..=4 {
            keep(number);
        }
        assert_eq!(history.size(), (4, 4 * each));
        let namespaces = ["/".to_owned()];
        let voice =
            Voice { namespace: Namespace(0), version: Version::V4, format: Format::Json, base64: false, deflate: false, positions: false };
        let missed = history.missed([("a", 0)], 0, 9).unwrap();
        for _ in 0..3 {
            let bytes = missed[0].encoded(voice, &namespaces, Stamps { epoch: "e", number: 9 });
            assert!(bytes.is_some_and(|bytes| bytes.len() > 1000));
        }
        assert_eq!(said.load(Ordering::Relaxed), 1, "it is encoded once a voice");
        let (_, grown) = history.size();
        assert!(grown > 4 * each + 1000, "{grown}");
        drop(missed);
        for number in 5..=20 {
            keep(number);
        }
        let (count, bytes) = history.size();
        assert!(count == bytes / each && bytes <= 5000 && bytes + each > 5000, "{count} take {bytes}");
        history.forget(now + Duration::from_secs(61));
        assert_eq!((history.size(), history.lock().rooms.len()), ((0, 0), 0));
    }
}
