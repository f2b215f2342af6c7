//! Which rooms heard which broadcasts, for as long as those can be replayed, and what is forgotten first when there are too many.
//!
//! It holds numbers only: some 70 bytes for a broadcast to one room, whatever the broadcast says.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use slab::Slab;
use smallvec::SmallVec;

use crate::broadcast::Audience;

/// A broadcast that can be replayed.
struct Entry {
    number: u64,
    /// The account that it is charged to, and how much.
    account: u64,
    cost: u32,
    /// When it was said, in seconds.
    second: u32,
    /// The rooms that heard it; none if it was evicted.
    rooms: SmallVec<[u32; 2]>,
}

/// A room of which something is kept, or was evicted.
struct Line {
    name: Arc<str>,
    /// The numbers of what the room heard, in order.
    numbers: VecDeque<u64>,
    /// Up to this number something is missing in `numbers`; 0 if nothing is.
    floor: u64,
}

/// Something that was evicted although it is not too old, with the rooms that heard it.
type Evicted = (u64, SmallVec<[u32; 2]>);

/// The numbers of what can be replayed, by room.
pub(super) struct Index {
    entries: VecDeque<Entry>,
    lines: Slab<Line>,
    by_name: HashMap<Arc<str>, u32>,
    /// How much each account uses, and all together.
    used: HashMap<u64, u64>,
    used_by_all: u64,
    /// Nothing up to here is kept.
    floor: u64,
    /// Rooms of which nothing is kept now, but something behind `floor` is missing. At most as many as broadcasts are kept.
    empty: BTreeSet<(u64, u32)>,
    evicted: VecDeque<Evicted>,
    weight: usize,
}

/// The line of what everybody heard.
const EVERYONE: u32 = 0;

/// About how many bytes an entry takes, with its number in one room's line, its number in a further one, and a line.
const WEIGHT: usize = size_of::<Entry>() + 16;
const WEIGHT_OF_A_ROOM: usize = 16;
const WEIGHT_OF_A_LINE: usize = 160;

impl Index {
    /// An empty one: nothing up to `floor` is known, and in these rooms nothing up to a number of their own.
    pub fn new(floor: u64, holes: &[(Arc<str>, u64)]) -> Self {
        let mut index = Self {
            entries: VecDeque::new(),
            lines: Slab::new(),
            by_name: HashMap::new(),
            used: HashMap::new(),
            used_by_all: 0,
            floor,
            empty: BTreeSet::new(),
            evicted: VecDeque::new(),
            weight: 0,
        };
        let everyone = index.lines.insert(Line { name: "".into(), numbers: VecDeque::new(), floor: 0 });
        debug_assert_eq!(everyone, EVERYONE as usize, "the first line of a slab is its number 0");
        for (name, hole) in holes.iter().filter(|(_, hole)| *hole > floor) {
            let line = if name.is_empty() { EVERYONE } else { index.line(name) };
            index.lines[line as usize].floor = *hole;
            index.note_if_empty(line);
        }
        index
    }

    /// How many broadcasts can be replayed.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// About how many bytes it takes.
    pub fn weight(&self) -> usize {
        self.weight
    }

    pub fn floor(&self) -> u64 {
        self.floor
    }

    #[cfg(test)]
    pub fn rooms(&self) -> usize {
        self.by_name.len()
    }

    fn line(&mut self, name: &Arc<str>) -> u32 {
        if let Some(line) = self.by_name.get(name) {
            return *line;
        }
        let line = self.lines.insert(Line { name: name.clone(), numbers: VecDeque::new(), floor: 0 }) as u32;
        self.by_name.insert(name.clone(), line);
        self.weight += WEIGHT_OF_A_LINE;
        line
    }

    /// Adds the newest. `size` is how many bytes its words have: beyond a kilobyte, and for many rooms, it costs its account more than one.
    pub fn push(&mut self, number: u64, second: u32, audience: &Audience, account: u64, size: usize) {
        let mut rooms: SmallVec<[u32; 2]> = match audience {
            Audience::Everyone => [EVERYONE].into_iter().collect(),
            Audience::Rooms(rooms) => rooms.iter().map(|room| self.line(room)).collect(),
        };
        // A room that is named twice hears it once.
        rooms.sort_unstable();
        rooms.dedup();
        for line in &rooms {
            let line = &mut self.lines[*line as usize];
            line.numbers.push_back(number);
        }
        let cost = u32::try_from(1 + size / 1024 + rooms.len() / 16).unwrap_or(u32::MAX);
        *self.used.entry(account).or_default() += u64::from(cost);
        self.used_by_all += u64::from(cost);
        let entry = Entry { number, account, cost, second, rooms };
        self.weight += weight_of(&entry);
        self.entries.push_back(entry);
    }

    /// The numbers behind `from` and up to `until` that these rooms heard (each only behind its own number) and, if `everyone`, that everybody
    /// heard: the first `most`, each once, in order. `None` if some of it is kept no longer.
    pub fn between<'a>(
        &self,
        rooms: impl IntoIterator<Item = (&'a str, u64)>,
        everyone: bool,
        from: u64,
        until: u64,
        most: usize,
    ) -> Option<Vec<u64>> {
        if from < self.floor && from < until {
            return None;
        }
        let mut numbers = Vec::new();
        let mut add = |line: &Line, from: u64| {
            let first = line.numbers.partition_point(|number| *number <= from);
            numbers.extend(line.numbers.range(first..).copied().take_while(|number| *number <= until).take(most));
            line.floor <= from
        };
        if everyone && !add(&self.lines[EVERYONE as usize], from) {
            return None;
        }
        for (room, since) in rooms {
            if let Some(line) = self.by_name.get(room)
                && !add(&self.lines[*line as usize], from.max(since))
            {
                return None;
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        numbers.truncate(most);
        Some(numbers)
    }

    /// Forgets what was said before this second.
    pub fn forget_older(&mut self, second: u32) {
        while self.entries.front().is_some_and(|oldest| oldest.second < second) {
            self.forget_oldest();
        }
    }

    /// Forgets everything up to a number.
    pub fn forget_up_to(&mut self, number: u64) {
        while self.entries.front().is_some_and(|oldest| oldest.number <= number) {
            self.forget_oldest();
        }
        self.raise_floor(number);
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.entries.pop_front() else { return };
        self.refund(&oldest);
        for line in &oldest.rooms {
            let numbers = &mut self.lines[*line as usize].numbers;
            while numbers.front().is_some_and(|number| *number <= oldest.number) {
                numbers.pop_front();
            }
        }
        self.raise_floor(oldest.number);
        oldest.rooms.iter().for_each(|line| self.note_if_empty(*line));
    }

    fn refund(&mut self, entry: &Entry) {
        self.weight = self.weight.saturating_sub(weight_of(entry));
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
        while let Some((hole, line)) = self.empty.first().copied().filter(|(hole, _)| *hole <= self.floor) {
            self.empty.remove(&(hole, line));
            self.drop_if_empty(line);
        }
    }

    /// A line of which nothing is kept goes, unless something is missing in it that is still within the time for which broadcasts are kept.
    fn note_if_empty(&mut self, line: u32) {
        let Some(known) = self.lines.get(line as usize).filter(|known| known.numbers.is_empty()) else { return };
        if known.floor > self.floor {
            self.empty.insert((known.floor, line));
        } else {
            self.drop_if_empty(line);
        }
    }

    fn drop_if_empty(&mut self, line: u32) {
        if line != EVERYONE && self.lines.get(line as usize).is_some_and(|known| known.numbers.is_empty() && known.floor <= self.floor) {
            let gone = self.lines.remove(line as usize);
            self.by_name.remove(&gone.name);
            self.weight = self.weight.saturating_sub(WEIGHT_OF_A_LINE);
        }
    }

    /// Evicts until all accounts together use `keep` at most: those that use most give up their oldest, down to one level for all of them. Who uses
    /// less than that loses nothing. It waits until a sixteenth too much is there, as it looks at everything.
    pub fn evict(&mut self, keep: u64, remember: bool) {
        if self.used_by_all <= keep.saturating_add(keep / 16) {
            return;
        }
        let level = level(self.used.values().copied().collect(), keep);
        let mut entries = std::mem::take(&mut self.entries);
        entries.retain(|entry| {
            let over = self.used.get(&entry.account).is_some_and(|used| *used > level);
            if over {
                self.evict_one(entry, remember);
            }
            !over
        });
        self.entries = entries;
        // A room of which something is missing takes memory, too.
        while self.empty.len() as u64 > keep
            && let Some((hole, _)) = self.empty.first().copied()
        {
            self.forget_up_to(hole);
        }
    }

    fn evict_one(&mut self, entry: &Entry, remember: bool) {
        self.refund(entry);
        for line in &entry.rooms {
            let known = &mut self.lines[*line as usize];
            if let Ok(at) = known.numbers.binary_search(&entry.number) {
                known.numbers.remove(at);
            }
            self.empty.remove(&(known.floor, *line));
            known.floor = known.floor.max(entry.number);
            self.note_if_empty(*line);
        }
        if remember {
            self.evicted.push_back((entry.number, entry.rooms.clone()));
        }
    }

    /// Takes out up to `most` of what was evicted: the numbers, and of each room concerned the number up to which something is missing.
    pub fn take_evicted(&mut self, most: usize) -> (Vec<u64>, Vec<(Arc<str>, u64)>) {
        let taken: Vec<Evicted> = self.evicted.drain(..most.min(self.evicted.len())).collect();
        let mut lines: Vec<u32> = taken.iter().flat_map(|(_, rooms)| rooms.iter().copied()).collect();
        lines.sort_unstable();
        lines.dedup();
        let holes = lines.iter().filter_map(|line| self.lines.get(*line as usize)).filter(|line| line.floor > self.floor);
        (taken.iter().map(|(number, _)| *number).collect(), holes.map(|line| (line.name.clone(), line.floor)).collect())
    }
}

fn weight_of(entry: &Entry) -> usize {
    WEIGHT + WEIGHT_OF_A_ROOM * entry.rooms.len().saturating_sub(1)
}

/// Up to which level everybody may use something so that all together use `keep` at most.
fn level(mut used: Vec<u64>, keep: u64) -> u64 {
    used.sort_unstable();
    let (mut left, mut others) = (keep, used.len() as u64);
    for used in used {
        if used > left / others {
            return left / others;
        }
        left -= used;
        others -= 1;
    }
    u64::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(rooms: &[&str]) -> Audience {
        Audience::Rooms(rooms.iter().map(|room| Arc::from(*room)).collect())
    }

    #[test]
    fn all_below_the_level_keep_what_they_have() {
        for (used, keep, expected) in
            [(&[][..], 5, u64::MAX), (&[5], 5, u64::MAX), (&[6], 5, 5), (&[1, 9, 3], 10, 6), (&[4, 4, 4], 10, 3), (&[1, 1], 0, 0)]
        {
            assert_eq!(level(used.to_vec(), keep), expected, "{used:?} {keep}");
        }
    }

    #[test]
    fn the_account_that_uses_most_loses_its_oldest_and_nobody_else_loses_anything() {
        let mut index = Index::new(0, &[]);
        let mut number = 0;
        let mut say = |index: &mut Index, room: &str, account| {
            number += 1;
            index.push(number, 0, &to(&[room]), account, 0);
            index.evict(64, true);
        };
        say(&mut index, "quiet", 1);
        for round in 0..200 {
            say(&mut index, &format!("loud-{}", round % 50), 2);
        }
        say(&mut index, "quiet", 1);
        let of = |index: &Index, room: &str, from| index.between([(room, 0)], true, from, u64::MAX, usize::MAX);
        assert_eq!(of(&index, "quiet", 0), Some(vec![1, 202]));
        assert_eq!(of(&index, "loud-0", 0), None, "what is missing is not passed over");
        assert_eq!(of(&index, "loud-0", 102), Some(vec![152]), "2, 52 and 102 are missing");
        assert_eq!(of(&index, "loud-49", 151), Some(vec![201]));
        assert!(index.len() <= 68 && index.used_by_all == index.len() as u64);
        let (numbers, holes) = index.take_evicted(usize::MAX);
        assert_eq!(numbers.len(), 202 - index.len());
        assert!(holes.contains(&("loud-0".into(), 102)));
        // After a start the same is missing.
        let again = Index::new(0, &holes);
        assert_eq!((of(&again, "loud-0", 101), of(&again, "loud-0", 102)), (None, Some(vec![])));
        assert_eq!(of(&again, "quiet", 0), Some(vec![]));
        index.forget_up_to(300);
        assert_eq!((index.rooms(), index.weight(), index.empty.len()), (0, 0, 0), "nothing is left of what is too old");
    }

    #[test]
    fn what_is_large_or_for_many_costs_more() {
        let mut index = Index::new(0, &[]);
        index.push(1, 0, &to(&["a"]), 1, 0);
        index.push(2, 0, &to(&["a"]), 2, 70_000);
        let rooms: Vec<String> = (0..160).map(|room| room.to_string()).collect();
        index.push(3, 0, &to(&rooms.iter().map(String::as_str).collect::<Vec<_>>()), 3, 0);
        assert_eq!([1, 2, 3].map(|account| index.used[&account]), [1, 69, 11]);
    }
}
