//! Retention: deletes old sessions and events, a part at a time.

use crate::command::{Command, CommandContext};
use crate::error::DomainError;

/// How many old rows one command deletes, so that it does not delay other commands.
const ROWS_PER_STEP: u32 = 1000;

/// Deletes sessions that ended too long ago to be resumed. The output is whether there may be more to delete.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PurgeOldSessions {
    /// For how many seconds after its end a session is kept.
    pub window: i64,
}

impl Command for PurgeOldSessions {
    type Output = bool;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<bool, DomainError> {
        let deleted = context.store.delete_sessions_before(context.now.minus_seconds(self.window), ROWS_PER_STEP)?;
        Ok(deleted == u64::from(ROWS_PER_STEP))
    }
}

/// Deletes events that are too old to be replayed. The output is whether there may be more to delete.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PurgeOldEvents {
    /// For how many seconds events are kept.
    pub window: i64,
}

impl Command for PurgeOldEvents {
    type Output = bool;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<bool, DomainError> {
        let deleted = context.store.delete_events_before(context.now.minus_seconds(self.window), ROWS_PER_STEP)?;
        Ok(deleted == u64::from(ROWS_PER_STEP))
    }
}

/// Deletes events that exceed the number of kept events, although they are not too old.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PurgeEvictedEvents {
    /// The offsets of the events; not many more than a thousand.
    pub offsets: Vec<i64>,
    /// The rooms in which these events are missing from now on, each with the offset of the last; the empty name stands for events to all users.
    pub gaps: Vec<(String, i64)>,
    /// Only events that are older than so many seconds are deleted: another node may still have to read the others. [`PurgeOldEvents`] deletes them later.
    pub min_age: i64,
}

impl Command for PurgeEvictedEvents {
    type Output = ();

    fn execute(self, context: &mut CommandContext<'_>) -> Result<(), DomainError> {
        for (room, until) in &self.gaps {
            context.store.put_gap(room, *until)?;
        }
        Ok(context.store.delete_events(&self.offsets, context.now.minus_seconds(self.min_age))?)
    }
}
