//! The epochs of the event log, the state at a start, and the offset that all connections have received.

use crate::event::Fact;
use crate::names::Timestamp;
use crate::operation::{Actor, Command, Query, Tx};
use crate::refusal::Refusal;
use crate::seam::{Store, Stretch};
use crate::sessions::absent::{Absent, absent};

/// Begins a new epoch at the start of the server, and ends all sessions that are still stored as connected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BeginEpoch {
    /// The name of the epoch; a new one at each start.
    pub name: String,
    /// For how many seconds events are kept.
    pub window: i64,
    /// How many seconds back the answer lists disconnected users.
    pub remembered: i64,
}

/// The stored state at a start.
#[derive(Clone, PartialEq, Debug)]
pub struct Begun {
    /// The time of the start.
    pub started: Timestamp,
    /// The log's last offset.
    pub position: i64,
    /// The offset up to which events may be missing.
    pub floor: i64,
    /// The rooms in which events behind `floor` are missing, each with the offset of the last missing event. The empty name stands for events to all
    /// users.
    pub holes: Vec<(String, i64)>,
    /// The users who were connected before the start.
    pub absent: Vec<Absent>,
}

/// How many events one query reads.
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

/// Reads the next range of the event log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadJournal {
    /// The offset behind which the range begins.
    pub after: i64,
}

impl Query for ReadJournal {
    type Answer = Stretch;

    fn answer(self, store: &mut dyn Store, _: &Actor) -> Result<Stretch, Refusal> {
        Ok(store.facts_after(self.after, Timestamp(i64::MIN), PAGE)?)
    }
}

/// Reads events by their offsets, in ascending order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadFacts {
    /// The offsets, ascending.
    pub offsets: Vec<i64>,
    /// The query ends when the bodies of the events that it has read have this many bytes.
    pub bytes: usize,
}

impl Query for ReadFacts {
    type Answer = Vec<Fact>;

    fn answer(self, store: &mut dyn Store, _: &Actor) -> Result<Vec<Fact>, Refusal> {
        let (mut facts, mut size) = (Vec::new(), 0);
        // The parts of the last event with several offsets: such an event is read and split once for all its offsets in the query.
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

/// Stores the offset up to which every connection has received all its events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Confirm {
    /// The offset.
    pub offset: i64,
}

impl Command for Confirm {
    type Answer = ();

    fn decide(self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        Ok(tx.store.put_confirmed_by_all(self.offset)?)
    }
}
