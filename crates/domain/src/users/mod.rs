//! Users: their profiles, their creation from a token, and their deletion.

use crate::command::CommandContext;
use crate::error::DomainError;
use crate::model::UserId;

mod ensure_user;
mod profile;
mod unseen;

pub use crate::model::User;
pub use ensure_user::{Claims, EnsureUser, EnsuredUser};
pub(crate) use profile::own_user;
pub use profile::{GetUser, UpdateProfile};
pub use unseen::PurgeUnseenUsers;

/// Reads the user with this id. An unknown user is stored with the id alone; the user's first token fills in the profile.
///
/// # Errors
/// The store's.
pub fn known_or_unseen(context: &mut CommandContext<'_>, id: &UserId) -> Result<User, DomainError> {
    if let Some(user) = context.store.user(id)? {
        return Ok(user);
    }
    let user = User::unseen(id.clone(), context.now);
    context.store.insert_unseen_user(&user)?;
    Ok(user)
}
