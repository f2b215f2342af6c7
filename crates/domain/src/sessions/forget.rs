//! What is too old for anybody to come back to is forgotten, a part at a time.

use crate::operation::{Command, Tx};
use crate::refusal::Refusal;

/// How many old rows are forgotten at once, so that nobody waits long behind it.
const AT_ONCE: u32 = 1000;

/// Forgets sessions that have ended longer ago than anybody may come back. The answer is whether there may be more of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForgetOldSessions {
    /// For how many seconds they are remembered.
    pub window: i64,
}

impl Command for ForgetOldSessions {
    type Answer = bool;

    fn decide(self, tx: &mut Tx<'_>) -> Result<bool, Refusal> {
        let forgotten = tx.store.delete_sessions_before(tx.now.minus_seconds(self.window), AT_ONCE)?;
        Ok(forgotten == u64::from(AT_ONCE))
    }
}

/// Forgets facts that nobody can be told any more. The answer is whether there may be more of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForgetOldFacts {
    /// For how many seconds facts are kept.
    pub window: i64,
}

impl Command for ForgetOldFacts {
    type Answer = bool;

    fn decide(self, tx: &mut Tx<'_>) -> Result<bool, Refusal> {
        let forgotten = tx.store.delete_facts_before(tx.now.minus_seconds(self.window), AT_ONCE)?;
        Ok(forgotten == u64::from(AT_ONCE))
    }
}

/// Deletes facts that exceed the number of kept facts, although they are not too old.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForgetEvictedFacts {
    /// The offsets of the facts; not many more than a thousand.
    pub offsets: Vec<i64>,
    /// The rooms in which these facts are missing from now on, each with the offset of the last; the empty name stands for events to all users.
    pub holes: Vec<(String, i64)>,
}

impl Command for ForgetEvictedFacts {
    type Answer = ();

    fn decide(self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        for (room, until) in &self.holes {
            tx.store.put_hole(room, *until)?;
        }
        Ok(tx.store.delete_facts(&self.offsets)?)
    }
}
