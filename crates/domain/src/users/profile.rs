//! Reads and updates profiles.

use crate::event::Event;
use crate::validation;
use crate::ids::{RoomKind, UserId, RoomId};
use crate::command::{Actor, Command, Query, CommandContext};
use crate::users::User;
use crate::error::DomainError;
use crate::ports::Store;

/// Reads a user's profile, for this user, the server's admin and users who share a space with the user. The answer has the e-mail address for the
/// first two only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetUser {
    /// The user's id.
    pub person: UserId,
}

impl Query for GetUser {
    type Output = User;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<User, DomainError> {
        let mut person = visible_user(store, actor, &self.person)?;
        if person.id != actor.person && !actor.admin {
            person.email = None;
        }
        Ok(person)
    }
}

/// Changes a profile, for its user and the server's admin. A field that is `None` stays as it is.
///
/// Each household of the user receives the event. An update that changes nothing records no event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpdateProfile {
    /// The user's id.
    pub person: UserId,
    /// The new name.
    pub name: Option<String>,
    /// The link to the new picture; `Some(None)` removes the picture.
    pub avatar_url: Option<Option<String>>,
}

impl Command for UpdateProfile {
    type Output = User;

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<User, DomainError> {
        let before = own_user(tx, &self.person)?;
        let mut person = before.clone();
        if let Some(name) = self.name {
            validation::required("name", &name, validation::MAX_NAME)?;
            person.name = name;
        }
        if let Some(avatar_url) = self.avatar_url {
            validation::link("avatarUrl", avatar_url.as_deref())?;
            person.avatar_url = avatar_url;
        }
        if person == before {
            return Ok(person);
        }
        person.updated_at = tx.now;
        tx.store.update_user(&person)?;
        let rooms = tx.store.rooms_of(&person.id, Some(RoomKind::Household))?;
        if !rooms.is_empty() {
            tx.record_event(&RoomId::inbox(&person.id), Event::ProfileUpdated { person: person.clone(), rooms })?;
        }
        Ok(person)
    }
}

/// Reads a user whose profile the actor may see; other users are not found.
pub(super) fn visible_user(store: &mut dyn Store, actor: &Actor, id: &UserId) -> Result<User, DomainError> {
    let visible = *id == actor.person || actor.admin || store.share_space(&actor.person, id)?;
    let person = if visible { store.user(id)? } else { None };
    person.ok_or(DomainError::NotFound(RoomKind::User.display_name()))
}

/// Reads a user whose profile the actor may change.
pub(super) fn own_user(tx: &mut CommandContext<'_>, id: &UserId) -> Result<User, DomainError> {
    let person = visible_user(tx.store, tx.actor, id)?;
    if *id != tx.actor.person && !tx.actor.admin {
        return Err(DomainError::Forbidden("Only the person or an admin may do this"));
    }
    Ok(person)
}
