//! Checks that an actor may add a user to a space.

use crate::blocks::blocks_actor;
use crate::command::CommandContext;
use crate::error::DomainError;
use crate::model::{Role, RoomId, UserId};

/// For how long a user who left a space by choice cannot be added again, in seconds: a day.
pub const REJOIN_DELAY_SECONDS: i64 = 24 * 60 * 60;

/// One error for every reason, so that it does not reveal a block.
const NOT_TO_BE_ADDED: DomainError = DomainError::Forbidden("This user cannot be added");

/// Rejects to add a user who has blocked the actor, a user who left this space by choice (unless the actor is an admin of the space and a day has
/// passed), and every user beyond the actor's additions of an hour. `space` is `None` for a space that is being created. The server's admin may add
/// every user.
///
/// # Errors
/// [`DomainError::Forbidden`], [`DomainError::RateLimited`]; the store's.
pub(super) fn require_addable(context: &mut CommandContext<'_>, space: Option<&RoomId>, user: &UserId) -> Result<(), DomainError> {
    if context.actor.admin || *user == context.actor.user {
        return Ok(());
    }
    if blocks_actor(context, user)? {
        return Err(NOT_TO_BE_ADDED);
    }
    if let Some(space) = space
        && let Some(left_at) = context.store.left_by_choice_at(space, user)?
    {
        let is_admin = context.store.role(space, &context.actor.user)? == Some(Role::Admin);
        if !is_admin || left_at > context.now.minus_seconds(REJOIN_DELAY_SECONDS) {
            return Err(NOT_TO_BE_ADDED);
        }
    }
    context.count_addition()
}
