//! The journal's lives, and what everybody has heard of it.

use std::collections::VecDeque;

use crate::event::Fact;
use crate::names::Timestamp;
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::sessions::absent::{Absent, absent};

/// The server starts. All sessions that were not ended have ended now, and positions are of a new life from here on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BeginEpoch {
    /// Its name; new at each start.
    pub name: String,
    /// How many facts are wanted, the newest,
    pub keep: u32,
    /// of this many seconds,
    pub window: i64,
    /// and with so many bytes at most, as the journal has them.
    pub bytes: usize,
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
    /// The newest facts, in order.
    pub facts: VecDeque<Fact>,
    /// The offset of the last fact that is not among them because it cannot be read: nobody can be told what it was, nor that nothing was missed.
    pub unreadable: Option<i64>,
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
        let (since, mut end) = (tx.now.minus_seconds(self.window), position.saturating_sub(i64::from(self.keep)));
        let (mut facts, mut bytes, mut unreadable) = (VecDeque::new(), 0, None);
        loop {
            let stretch = tx.store.facts_after(end, since, PAGE)?;
            let Some(reached) = stretch.end else { break };
            end = reached;
            if stretch.unreadable.is_some() {
                (facts, bytes, unreadable) = (VecDeque::new(), 0, stretch.unreadable);
            }
            for fact in stretch.facts {
                bytes += size_of(&fact);
                facts.push_back(fact);
            }
            while bytes > self.bytes
                && let Some(oldest) = facts.pop_front()
            {
                bytes -= size_of(&oldest);
            }
        }
        Ok(Begun { started: tx.now, position, facts, unreadable, absent })
    }
}

/// How many bytes a fact takes that is kept, in each room in which it is told by itself.
fn size_of(fact: &Fact) -> usize {
    fact.body.len() * fact.event.offsets()
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
