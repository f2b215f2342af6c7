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
