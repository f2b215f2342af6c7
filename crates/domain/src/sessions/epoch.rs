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
    /// Up to which offset facts are kept no longer,
    pub floor: i64,
    /// and rooms of which facts behind it are missing, each with the offset up to which; the empty name stands for everybody.
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

/// A part of the journal, to be gone through from its beginning.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadJournal {
    /// Behind which offset it begins.
    pub after: i64,
}

impl Query for ReadJournal {
    type Answer = Stretch;

    fn answer(self, store: &mut dyn Store, _: &Actor) -> Result<Stretch, Refusal> {
        Ok(store.facts_after(self.after, Timestamp(i64::MIN), PAGE)?)
    }
}

/// Facts by their offsets, which rise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadFacts {
    /// Which.
    pub offsets: Vec<i64>,
    /// When the bodies of those that were read have so many bytes, the rest is not.
    pub bytes: usize,
}

impl Query for ReadFacts {
    type Answer = Vec<Fact>;

    fn answer(self, store: &mut dyn Store, _: &Actor) -> Result<Vec<Fact>, Refusal> {
        let (mut facts, mut size) = (Vec::new(), 0);
        for offset in self.offsets {
            if size >= self.bytes {
                break;
            }
            let Some(fact) = store.fact(offset)? else { continue };
            let written = |error: serde_json::Error| Refusal::Internal(error.to_string());
            let fact = match fact.in_each_room() {
                None => Some(fact),
                // Of one that is told in each room by itself only the one with this offset is wanted.
                Some(facts) => facts.map_err(written)?.into_iter().find(|fact| fact.offset == offset),
            };
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
