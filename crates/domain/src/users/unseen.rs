//! Deletes users who have never signed in and whose ids other users have named.

use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::model::RoomId;

/// For how long a user who has never signed in and is in no space is kept after the user was stored, in seconds: 24 hours.
pub const UNSEEN_RETENTION_SECONDS: i64 = 24 * 60 * 60;

/// How many users one command deletes.
const USERS_PER_STEP: u32 = 100;

/// How many read marks one command deletes.
const MARKERS_PER_STEP: u32 = 1000;

/// Deletes users who have never signed in and are in no space any more, at most 100 a command. The output is whether there may be more to delete.
/// The server runs it in the background.
///
/// Adding an id to a space stores a user, whether or not there is one: otherwise users could be stored without a bound by adding and removing
/// invented ids. No event is recorded, because no other user shares a space with such a user. The notifications of the user, the
/// blocks that name the user, and the times of the user's removals stay: they apply to a user who signs in with the id later, and need no profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PurgeUnseenUsers;

impl Command for PurgeUnseenUsers {
    type Output = bool;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<bool, DomainError> {
        let users = context.store.unseen_users(context.now.minus_seconds(UNSEEN_RETENTION_SECONDS), USERS_PER_STEP)?;
        let mut marks = u64::from(MARKERS_PER_STEP);
        let mut deleted = 0;
        for user in &users {
            // The removal that an admin has requested deletes more, and continues in steps of its own.
            if context.store.is_being_removed(&RoomId::inbox(user))? {
                continue;
            }
            marks -= context.store.delete_read_markers_of(user, marks as u32)?.min(marks);
            if marks == 0 {
                return Ok(true);
            }
            context.store.delete_user(user)?;
            deleted += 1;
        }
        Ok(deleted == USERS_PER_STEP)
    }
}
