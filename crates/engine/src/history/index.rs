//! The broadcasts that each room received, for as long as they can be replayed, and the choice of those that are evicted first when there
//! are too many.
//!
//! The index holds numbers only: about 70 bytes for a broadcast to one room, however large the broadcast is.

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

use slab::Slab;
use smallvec::SmallVec;

use super::eviction::{self, Charge};
use crate::broadcast::Audience;

/// A broadcast that can be replayed.
struct Entry {
    number: u64,
    /// The account that the broadcast is charged to, and how much.
    account: u64,
    cost: u32,
    /// When it was published, in seconds.
    second: u32,
    /// The rooms that received it.
    rooms: SmallVec<[u32; 2]>,
}

/// A room for which a broadcast is kept, or from which one was evicted.
struct RoomIndex {
    name: Arc<str>,
    /// The numbers of the broadcasts that the room received, in order.
    numbers: VecDeque<u64>,
    /// The number up to which broadcasts are missing in `numbers`; 0 if none is.
    floor: u64,
}

/// The broadcasts that are wanted: their numbers, and whether those to every connection belong to them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MissedRange {
    /// Whether broadcasts to every connection are wanted, besides those to the given rooms.
    pub everyone: bool,
    /// The number after which they begin.
    pub from: u64,
    /// The number up to which they go.
    pub until: u64,
}

/// A broadcast that was evicted although it is not too old: its number, and the rooms that received it.
type Evicted = (u64, SmallVec<[u32; 2]>);

/// The numbers of the broadcasts that can be replayed, by room.
pub(super) struct Index {
    entries: VecDeque<Entry>,
    rooms: Slab<RoomIndex>,
    by_name: HashMap<Arc<str>, u32>,
    /// The cost of the broadcasts of each account, and of all accounts together.
    used: HashMap<u64, u64>,
    used_by_all: u64,
    /// No broadcast up to this number is kept.
    floor: u64,
    /// Rooms for which no broadcast is kept, although one after `floor` was evicted. At most as many as there are kept broadcasts.
    empty: BTreeSet<(u64, u32)>,
    evicted: VecDeque<Evicted>,
    memory_bytes: usize,
}

/// The room index of the broadcasts to every connection.
const EVERYONE: u32 = 0;

/// The approximate memory in bytes of an entry with its number in one room, of its number in each further room, and of a room.
const ENTRY_BYTES: usize = size_of::<Entry>() + 16;
const ROOM_REFERENCE_BYTES: usize = 16;
const ROOM_INDEX_BYTES: usize = 160;

impl Index {
    /// An empty index: no broadcast up to `floor` can be replayed, and in these rooms none up to a number of their own.
    pub fn new(floor: u64, holes: &[(Arc<str>, u64)]) -> Self {
        let mut index = Self {
            entries: VecDeque::new(),
            rooms: Slab::new(),
            by_name: HashMap::new(),
            used: HashMap::new(),
            used_by_all: 0,
            floor,
            empty: BTreeSet::new(),
            evicted: VecDeque::new(),
            memory_bytes: 0,
        };
        let everyone = index.rooms.insert(RoomIndex { name: "".into(), numbers: VecDeque::new(), floor: 0 });
        debug_assert_eq!(everyone, EVERYONE as usize, "the first entry of a slab has number 0");
        for (name, hole) in holes.iter().filter(|(_, hole)| *hole > floor) {
            let room = if name.is_empty() { EVERYONE } else { index.room(name) };
            index.rooms[room as usize].floor = *hole;
            index.note_empty_room(room);
        }
        index
    }

    /// The number of broadcasts that can be replayed.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The approximate memory of the index in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    pub fn floor(&self) -> u64 {
        self.floor
    }

    #[cfg(test)]
    pub fn rooms(&self) -> usize {
        self.by_name.len()
    }

    fn room(&mut self, name: &Arc<str>) -> u32 {
        if let Some(room) = self.by_name.get(name) {
            return *room;
        }
        let room = self.rooms.insert(RoomIndex { name: name.clone(), numbers: VecDeque::new(), floor: 0 }) as u32;
        self.by_name.insert(name.clone(), room);
        self.memory_bytes += ROOM_INDEX_BYTES;
        room
    }

    /// Adds the newest broadcast. `size` is its size in bytes: beyond a kilobyte, and for many rooms, it costs its account more than one.
    pub fn push(&mut self, number: u64, second: u32, audience: &Audience, account: u64, size: usize) {
        let mut rooms: SmallVec<[u32; 2]> = match audience {
            Audience::Everyone => [EVERYONE].into_iter().collect(),
            Audience::Rooms(rooms) => rooms.iter().map(|room| self.room(room)).collect(),
        };
        // A room that is named twice receives the broadcast once.
        rooms.sort_unstable();
        rooms.dedup();
        for room in &rooms {
            let room = &mut self.rooms[*room as usize];
            room.numbers.push_back(number);
        }
        let cost = u32::try_from(1 + size / 1024 + rooms.len() / 16).unwrap_or(u32::MAX);
        *self.used.entry(account).or_default() += u64::from(cost);
        self.used_by_all += u64::from(cost);
        let entry = Entry { number, account, cost, second, rooms };
        self.memory_bytes += entry_bytes(&entry);
        self.entries.push_back(entry);
    }

    /// The audience of a broadcast that can be replayed: the rooms that received it, without their order.
    pub fn audience(&self, number: u64) -> Audience {
        let entry = self.entries.binary_search_by_key(&number, |entry| entry.number).ok().map(|position| &self.entries[position]);
        let rooms = entry.map_or(&[][..], |entry| &entry.rooms);
        match rooms.contains(&EVERYONE) {
            true => Audience::Everyone,
            false => Audience::Rooms(rooms.iter().map(|room| self.rooms[*room as usize].name.clone()).collect()),
        }
    }

    /// These rooms and, if wanted, the broadcasts to every connection, each with the number after which its broadcasts are wanted. `None`
    /// if one of the wanted broadcasts is possibly not kept any more.
    fn rooms_after<'a>(&self, rooms: impl IntoIterator<Item = (&'a str, u64)>, range: MissedRange) -> Option<Vec<(&RoomIndex, u64)>> {
        let MissedRange { everyone, from, until } = range;
        if from < self.floor && from < until {
            return None;
        }
        let everyone = everyone.then(|| (&self.rooms[EVERYONE as usize], from));
        let rooms = rooms.into_iter().filter_map(|(room, since)| Some((&self.rooms[*self.by_name.get(room)? as usize], from.max(since))));
        everyone.into_iter().chain(rooms).map(|(room, from)| (room.floor <= from).then_some((room, from))).collect()
    }

    /// Whether [`Index::between`] would return numbers.
    pub fn has_all_between<'a>(&self, rooms: impl IntoIterator<Item = (&'a str, u64)>, range: MissedRange) -> bool {
        self.rooms_after(rooms, range).is_some()
    }

    /// The numbers of the broadcasts in a range to these rooms (for each room only those after its own number): the first `most`, each
    /// once, in order. `None` if one of all of them is possibly not kept any more. The time depends on the number of rooms and on `most`,
    /// not on the number of broadcasts.
    pub fn between<'a>(&self, rooms: impl IntoIterator<Item = (&'a str, u64)>, range: MissedRange, most: usize) -> Option<Vec<u64>> {
        // The rooms' lists are merged: the heap holds the next number of each, and which list that is.
        let (mut lists, mut heads) = (Vec::new(), BinaryHeap::new());
        for (room, from) in self.rooms_after(rooms, range)? {
            let first = room.numbers.partition_point(|number| *number <= from);
            let mut list = room.numbers.range(first..).copied().take_while(|number| *number <= range.until);
            if let Some(number) = list.next() {
                heads.push(Reverse((number, lists.len())));
                lists.push(list);
            }
        }
        let mut numbers = Vec::new();
        while numbers.len() < most
            && let Some(mut head) = heads.peek_mut()
        {
            let Reverse((number, list)) = *head;
            if numbers.last() != Some(&number) {
                numbers.push(number);
            }
            match lists[list].next() {
                Some(next) => *head = Reverse((next, list)),
                None => drop(PeekMut::pop(head)),
            }
        }
        Some(numbers)
    }

    /// Forgets the broadcasts that were published before this second.
    pub fn expire_older(&mut self, second: u32) {
        while self.entries.front().is_some_and(|oldest| oldest.second < second) {
            self.expire_oldest();
        }
    }

    /// Forgets all broadcasts up to a number.
    pub fn expire_up_to(&mut self, number: u64) {
        while self.entries.front().is_some_and(|oldest| oldest.number <= number) {
            self.expire_oldest();
        }
        self.raise_floor(number);
    }

    fn expire_oldest(&mut self) {
        let Some(oldest) = self.entries.pop_front() else { return };
        self.refund(&oldest);
        for room in &oldest.rooms {
            let numbers = &mut self.rooms[*room as usize].numbers;
            while numbers.front().is_some_and(|number| *number <= oldest.number) {
                numbers.pop_front();
            }
        }
        self.raise_floor(oldest.number);
        oldest.rooms.iter().for_each(|room| self.note_empty_room(*room));
    }

    fn refund(&mut self, entry: &Entry) {
        self.memory_bytes = self.memory_bytes.saturating_sub(entry_bytes(entry));
        self.used_by_all -= u64::from(entry.cost);
        if let Some(used) = self.used.get_mut(&entry.account) {
            *used -= u64::from(entry.cost);
            if *used == 0 {
                self.used.remove(&entry.account);
            }
        }
    }

    fn raise_floor(&mut self, number: u64) {
        self.floor = self.floor.max(number);
        while let Some((hole, room)) = self.empty.first().copied().filter(|(hole, _)| *hole <= self.floor) {
            self.empty.remove(&(hole, room));
            self.drop_empty_room(room);
        }
    }

    /// Removes a room without numbers, unless a broadcast was evicted from it that is still within the time for which broadcasts are kept.
    fn note_empty_room(&mut self, room: u32) {
        let Some(known) = self.rooms.get(room as usize).filter(|known| known.numbers.is_empty()) else { return };
        if known.floor > self.floor {
            self.empty.insert((known.floor, room));
        } else {
            self.drop_empty_room(room);
        }
    }

    fn drop_empty_room(&mut self, room: u32) {
        if room != EVERYONE && self.rooms.get(room as usize).is_some_and(|known| known.numbers.is_empty() && known.floor <= self.floor) {
            let removed = self.rooms.remove(room as usize);
            self.by_name.remove(&removed.name);
            self.memory_bytes = self.memory_bytes.saturating_sub(ROOM_INDEX_BYTES);
        }
    }

    /// Evicts broadcasts until all accounts together use `capacity` at most; see [`eviction::evicted`]. Eviction looks at every broadcast,
    /// so it waits until there is a sixteenth too much.
    pub fn evict(&mut self, capacity: u64, remember: bool) {
        if self.used_by_all <= capacity.saturating_add(capacity / 16) {
            return;
        }
        let charge = |position: usize| {
            let Entry { account, cost, ref rooms, .. } = self.entries[position];
            Charge { account, cost, rooms }
        };
        let positions = eviction::evicted(self.entries.len(), charge, &self.used, self.rooms.capacity(), capacity);
        let mut positions = positions.into_iter().peekable();
        let mut evicted: Vec<Evicted> = Vec::with_capacity(positions.len());
        let (mut entries, mut position) = (std::mem::take(&mut self.entries), 0);
        entries.retain(|entry| {
            let is_evicted = positions.next_if_eq(&position).is_some();
            position += 1;
            if is_evicted {
                self.refund(entry);
                evicted.push((entry.number, entry.rooms.clone()));
            }
            !is_evicted
        });
        self.entries = entries;
        self.remove_from_rooms(&evicted);
        if remember {
            self.evicted.extend(evicted);
        }
        // A room from which a broadcast was evicted takes memory, too.
        while self.empty.len() as u64 > capacity
            && let Some((hole, _)) = self.empty.first().copied()
        {
            self.expire_up_to(hole);
        }
    }

    /// Takes the numbers of evicted broadcasts, which are in order, out of their rooms: the numbers of each room are read once.
    fn remove_from_rooms(&mut self, evicted: &[Evicted]) {
        let mut removed: Vec<(u32, u64)> =
            evicted.iter().flat_map(|(number, rooms)| rooms.iter().map(move |room| (*room, *number))).collect();
        removed.sort_unstable();
        for removed in removed.chunk_by(|(room, _), (other, _)| room == other) {
            let Some(&(room, last)) = removed.last() else { continue };
            let known = &mut self.rooms[room as usize];
            let mut removed = removed.iter().map(|(_, number)| *number).peekable();
            known.numbers.retain(|number| removed.next_if_eq(number).is_none());
            self.empty.remove(&(known.floor, room));
            known.floor = known.floor.max(last);
            self.note_empty_room(room);
        }
    }

    /// Takes out the numbers of up to `most` evicted broadcasts, and of each of their rooms the number up to which broadcasts are missing.
    pub fn take_evicted(&mut self, most: usize) -> (Vec<u64>, Vec<(Arc<str>, u64)>) {
        let taken: Vec<Evicted> = self.evicted.drain(..most.min(self.evicted.len())).collect();
        let mut rooms: Vec<u32> = taken.iter().flat_map(|(_, rooms)| rooms.iter().copied()).collect();
        rooms.sort_unstable();
        rooms.dedup();
        let holes = rooms.iter().filter_map(|room| self.rooms.get(*room as usize)).filter(|room| room.floor > self.floor);
        (taken.iter().map(|(number, _)| *number).collect(), holes.map(|room| (room.name.clone(), room.floor)).collect())
    }
}

fn entry_bytes(entry: &Entry) -> usize {
    ENTRY_BYTES + ROOM_REFERENCE_BYTES * entry.rooms.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use rand::prelude::*;
    use rand::rngs::StdRng;

    use super::*;

    fn to(rooms: &[&str]) -> Audience {
        Audience::Rooms(rooms.iter().map(|room| Arc::from(*room)).collect())
    }

    #[test]
    fn only_the_largest_account_loses_its_oldest_broadcasts() {
        let mut index = Index::new(0, &[]);
        let mut number = 0;
        let mut publish = |index: &mut Index, room: &str, account| {
            number += 1;
            index.push(number, 0, &to(&[room]), account, 0);
            index.evict(64, true);
        };
        publish(&mut index, "quiet", 1);
        for round in 0..200 {
            publish(&mut index, &format!("loud-{}", round % 50), 2);
        }
        publish(&mut index, "quiet", 1);
        let of =
            |index: &Index, room: &str, from| index.between([(room, 0)], MissedRange { everyone: true, from, until: u64::MAX }, usize::MAX);
        assert_eq!(of(&index, "quiet", 0), Some(vec![1, 202]));
        assert_eq!(of(&index, "loud-0", 0), None, "a missing broadcast is not skipped");
        assert_eq!(of(&index, "loud-0", 102), Some(vec![152]), "2, 52 and 102 are missing");
        assert_eq!(of(&index, "loud-49", 151), Some(vec![201]));
        assert!(index.len() <= 68 && index.used_by_all == index.len() as u64);
        let (numbers, holes) = index.take_evicted(usize::MAX);
        assert_eq!(numbers.len(), 202 - index.len());
        assert!(holes.contains(&("loud-0".into(), 102)));
        // After a restart the same broadcasts are missing.
        let restored = Index::new(0, &holes);
        assert_eq!((of(&restored, "loud-0", 101), of(&restored, "loud-0", 102)), (None, Some(vec![])));
        assert_eq!(of(&restored, "quiet", 0), Some(vec![]));
        index.expire_up_to(300);
        assert_eq!((index.rooms(), index.memory_bytes(), index.empty.len()), (0, 0, 0), "nothing is left of broadcasts that are too old");
    }

    #[test]
    fn large_broadcast_and_one_to_many_rooms_cost_more() {
        let mut index = Index::new(0, &[]);
        index.push(1, 0, &to(&["a"]), 1, 0);
        index.push(2, 0, &to(&["a"]), 2, 70_000);
        let rooms: Vec<String> = (0..160).map(|room| room.to_string()).collect();
        index.push(3, 0, &to(&rooms.iter().map(String::as_str).collect::<Vec<_>>()), 3, 0);
        assert_eq!([1, 2, 3].map(|account| index.used[&account]), [1, 69, 11]);
    }

    #[test]
    fn random_rooms_agree_with_a_list_of_all_broadcasts() {
        let (mut random, mut other_random) = (StdRng::seed_from_u64(7), StdRng::seed_from_u64(8));
        let names = ["a", "b", "c", "d", "e"];
        for round in 0..200 {
            let capacity = random.random_range(8..120);
            let mut index = Index::new(0, &[]);
            // Each broadcast with its rooms; an evicted one stays here.
            let mut all: Vec<(u64, Vec<&str>)> = Vec::new();
            for number in 1..=random.random_range(1..200) {
                let rooms: Vec<&str> = names.into_iter().filter(|_| random.random_bool(0.4)).collect();
                let account = *[1, 1, 1, 2, 3].choose(&mut random).unwrap();
                index.push(number, 0, &to(&rooms), account, 0);
                index.evict(capacity, true);
                all.push((number, rooms));
            }
            let (evicted, _) = index.take_evicted(usize::MAX);
            assert_eq!(index.len() + evicted.len(), all.len());
            let requested: Vec<(&str, u64)> =
                names.into_iter().filter(|_| other_random.random_bool(0.6)).map(|room| (room, random.random_range(0..200))).collect();
            let (from, until, most) = (random.random_range(0..200), random.random_range(0..200), random.random_range(0..60));
            let received = |rooms: &[&str], number: u64| {
                requested.iter().any(|(room, since)| rooms.contains(room) && (from.max(*since) + 1..=until).contains(&number))
            };
            let expected: Vec<u64> = all.iter().filter(|(number, rooms)| received(rooms, *number)).map(|(number, _)| *number).collect();
            let range = MissedRange { everyone: true, from, until };
            match index.between(requested.iter().copied(), range, most) {
                Some(numbers) => assert_eq!(numbers, expected[..most.min(expected.len())], "{round}"),
                None => assert!(evicted.iter().any(|number| *number > from), "{round}: nothing is missing"),
            }
            assert_eq!(
                index.has_all_between(requested.iter().copied(), range),
                index.between(requested.iter().copied(), range, 0).is_some()
            );
        }
    }
}
