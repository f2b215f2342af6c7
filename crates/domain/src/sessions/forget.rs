//! Retention: deletes old sessions and events, a part at a time.

use crate::operation::{Command, Tx};
use crate::refusal::Refusal;

/// How many old rows one command deletes, so that it does not delay other commands.
const AT_ONCE: u32 = 1000;

/// Deletes sessions that ended too long ago to be resumed. The answer is whether there may be more to delete.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForgetOldSessions {
    /// For how many seconds after its end a session is kept.
    pub window: i64,
}

impl Command for ForgetOldSessions {
    type Answer = bool;

    fn decide(self, tx: &mut Tx<'_>) -> Result<bool, Refusal> {
        let forgotten = tx.store.delete_sessions_before(tx.now.minus_seconds(self.window), AT_ONCE)?;
        Ok(forgotten == u64::from(AT_ONCE))
    }
}

/// Deletes events that are too old to be replayed. The answer is whether there may be more to delete.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForgetOldFacts {
    /// For how many seconds events are kept.
    pub window: i64,
}

impl Command for ForgetOldFacts {
    type Answer = bool;

    fn decide(self, tx: &mut Tx<'_>) -> Result<bool, Refusal> {
        let forgotten = tx.store.delete_facts_before(tx.now.minus_seconds(self.window), AT_ONCE)?;
        Ok(forgotten == u64::from(AT_ONCE))
    }
}

/// Deletes events that exceed the number of kept events, although they are not too old.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForgetEvictedFacts {
    /// The offsets of the events; not many more than a thousand.
    pub offsets: Vec<i64>,
    /// The rooms in which these events are missing from now on, each with the offset of the last; the empty name stands for events to all users.
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
