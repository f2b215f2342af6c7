//! The journal's lives, and what everybody has heard of it.

use crate::event::Fact;
use crate::names::Timestamp;
use crate::operation::{Actor, Command, Query, Tx};
use crate::refusal::Refusal;
use crate::seam::{Store, Stretch};
use crate::sessions::absent::{Absent, absent};

/// The server starts. All sessions that were not ended have ended now, and positions are of a new life from here on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BeginEpoch {
    /// Its name; new at each start.
    pub name: String,
    /// For how many seconds facts are kept.
    pub window: i64,
    /// For how many seconds it is asked who has left.
    pub remembered: i64,
}

/// What a start finds.
#[derive(Clone, PartialEq, Debug)]
pub struct Begun {
    /// When it is.
    pub started: Timestamp,
    /// The journal's last offset.
    pub position: i64,
    /// The offset up to which facts may be missing,
    pub floor: i64,
    /// and rooms in which facts behind it are missing, each with the offset of the last; the empty name stands for events to all users.
    pub holes: Vec<(String, i64)>,
    /// Who was here before.
    pub absent: Vec<Absent>,
}

/// How many facts are read at once.
const PAGE: u32 = 1000;

impl Command for BeginEpoch {
    type Answer = Begun;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Begun, Refusal> {
        let position = tx.store.last_offset()?;
        tx.store.begin_epoch(&self.name)?;
        let absent = absent(tx, self.remembered)?;
        let confirmed = tx.store.confirmed_by_all()?;
        tx.store.end_all_sessions(confirmed, tx.now)?;
        let floor = tx.store.journal_floor(tx.now.minus_seconds(self.window))?;
        let holes = tx.store.holes_behind(floor)?;
        Ok(Begun { started: tx.now, position, floor, holes, absent })
    }
}

/// Reads the next part of the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadJournal {
    /// The offset behind which the part begins.
    pub after: i64,
}

impl Query for ReadJournal {
    type Answer = Stretch;

    fn answer(self, store: &mut dyn Store, _: &Actor) -> Result<Stretch, Refusal> {
        Ok(store.facts_after(self.after, Timestamp(i64::MIN), PAGE)?)
    }
}

/// Reads facts by their offsets, in ascending order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadFacts {
    /// The offsets, ascending.
    pub offsets: Vec<i64>,
    /// The query ends when the bodies of the facts that it has read have this many bytes.
    pub bytes: usize,
}

impl Query for ReadFacts {
    type Answer = Vec<Fact>;

    fn answer(self, store: &mut dyn Store, _: &Actor) -> Result<Vec<Fact>, Refusal> {
        let (mut facts, mut size) = (Vec::new(), 0);
        // The facts of the last event with several offsets: such an event is read and split once, however many of its offsets are asked for.
        let mut split: Vec<Fact> = Vec::new();
        for offset in self.offsets {
            if size >= self.bytes {
                break;
            }
            let in_split = |split: &[Fact]| split.binary_search_by_key(&offset, |fact| fact.offset).ok().map(|place| split[place].clone());
            let mut fact = in_split(&split);
            if fact.is_none() {
                fact = store.fact(offset)?;
                if let Some(parts) = fact.as_ref().and_then(Fact::in_each_room) {
                    split = parts.map_err(|error| Refusal::Internal(error.to_string()))?;
                    fact = in_split(&split);
                }
            }
            size += fact.as_ref().map_or(0, |fact| fact.body.len());
            facts.extend(fact);
        }
        Ok(facts)
    }
}

/// Every connection there is has heard everything up to an offset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Confirm {
    /// Which.
    pub offset: i64,
}

impl Command for Confirm {
    type Answer = ();

    fn decide(self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        Ok(tx.store.put_confirmed_by_all(self.offset)?)
    }
}
