//! The journal's lives, and how far back it goes.

use crate::event::Fact;
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::sessions::end::AT_ONCE;

/// The server starts. All sessions that were not ended have ended now, and positions are of a new life from here on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BeginEpoch {
    /// Its name; new at each start.
    pub name: String,
    /// How many facts are wanted, the newest,
    pub keep: u32,
    /// of this many seconds.
    pub window: i64,
}

/// What a start finds.
#[derive(Clone, PartialEq, Debug)]
pub struct Begun {
    /// The journal's last offset.
    pub position: i64,
    /// The newest facts, in order.
    pub facts: Vec<Fact>,
}

impl Command for BeginEpoch {
    type Answer = Begun;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Begun, Refusal> {
        let position = tx.store.last_offset()?;
        tx.store.begin_epoch(&self.name)?;
        let confirmed = tx.store.confirmed_by_all()?;
        tx.store.end_all_sessions(confirmed, tx.now)?;
        let mut facts = tx.store.facts_after(position - i64::from(self.keep), self.keep)?;
        let since = tx.now.minus_seconds(self.window);
        let recent = facts.partition_point(|fact| fact.at < since);
        Ok(Begun { position, facts: facts.split_off(recent) })
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

/// Forgets facts that nobody can be told any more. The answer is whether there may be more of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForgetOldFacts {
    /// How many are kept at most, the newest,
    pub keep: u32,
    /// of this many seconds.
    pub window: i64,
}

impl Command for ForgetOldFacts {
    type Answer = bool;

    fn decide(self, tx: &mut Tx<'_>) -> Result<bool, Refusal> {
        let most = tx.store.last_offset()? - i64::from(self.keep);
        let forgotten = tx.store.delete_facts(tx.now.minus_seconds(self.window), most, AT_ONCE)?;
        Ok(forgotten == u64::from(AT_ONCE))
    }
}
