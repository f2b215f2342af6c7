//! Deletes a user.

use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::model::{RemovalTarget, RoomId, User, UserId};
use crate::removals;
use crate::users::own_user;

/// Deletes a user, for this user and the server's admin: ends the memberships, each with an event to the space, and then deletes the notifications
/// and the profile.
///
/// If the user has more than one step can remove, the removal continues after the command: see [`removals`]. A token that was issued before the end
/// of the removal is rejected; a later one creates a new user with this id. The output is the profile before the removal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteUser {
    /// The user's id.
    pub user: UserId,
}

impl Command for DeleteUser {
    type Output = User;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<User, DomainError> {
        let user = own_user(context, &self.user)?;
        // A removal that is requested again continues.
        if !context.store.is_being_removed(&RoomId::inbox(&user.id))? {
            removals::remove(context, RemovalTarget::User { user: user.id.clone() })?;
        }
        Ok(user)
    }
}
