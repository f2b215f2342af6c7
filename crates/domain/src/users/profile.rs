//! Reads and updates profiles.

use crate::command::{Command, CommandContext, Query};
use crate::error::DomainError;
use crate::event::Event;
use crate::field::Field;
use crate::model::{Actor, RoomId, RoomKind, User, UserId};
use crate::ports::Store;
use crate::validation;

/// Reads a user's profile, for this user, the server's admin and users who share a space with the user. The output has the e-mail address for the
/// first two only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetUser {
    /// The user's id.
    pub user: UserId,
}

impl Query for GetUser {
    type Output = User;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<User, DomainError> {
        let mut user = visible_user(store, actor, &self.user)?;
        if user.id != actor.user && !actor.admin {
            user.email = None;
        }
        Ok(user)
    }
}

/// Changes a profile, for its user and the server's admin. A field that is `None` stays as it is.
///
/// Each household of the user receives the event. An update that changes nothing records no event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpdateProfile {
    /// The user's id.
    pub user: UserId,
    /// The new name.
    pub name: Option<String>,
    /// The link to the new picture; `Some(None)` removes the picture.
    pub avatar_url: Option<Option<String>>,
}

impl Command for UpdateProfile {
    type Output = User;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<User, DomainError> {
        let before = own_user(context, &self.user)?;
        let mut user = before.clone();
        if let Some(name) = self.name {
            validation::required(Field::ProfileName, &name, validation::MAX_NAME)?;
            user.name = name;
        }
        if let Some(avatar_url) = self.avatar_url {
            validation::link(Field::AvatarUrl, avatar_url.as_deref())?;
            user.avatar_url = avatar_url;
        }
        if user == before {
            return Ok(user);
        }
        user.updated_at = context.now;
        context.store.update_user(&user)?;
        let rooms = context.store.rooms_of(&user.id, Some(RoomKind::Household))?;
        if !rooms.is_empty() {
            context.record_event(&RoomId::inbox(&user.id), Event::ProfileUpdated { user: user.clone(), rooms })?;
        }
        Ok(user)
    }
}

/// Reads a user whose profile the actor may see; other users are not found.
pub(super) fn visible_user(store: &mut dyn Store, actor: &Actor, id: &UserId) -> Result<User, DomainError> {
    let visible = *id == actor.user || actor.admin || store.share_space(&actor.user, id)?;
    let user = if visible { store.user(id)? } else { None };
    user.ok_or(DomainError::NotFound(RoomKind::User.display_name()))
}

/// Reads a user whose profile the actor may change.
pub(crate) fn own_user(context: &mut CommandContext<'_>, id: &UserId) -> Result<User, DomainError> {
    let user = visible_user(context.store, context.actor, id)?;
    if *id != context.actor.user && !context.actor.admin {
        return Err(DomainError::Forbidden("Only the person or an admin may do this"));
    }
    Ok(user)
}
