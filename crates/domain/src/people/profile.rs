//! Reads and updates profiles.

use crate::event::Event;
use crate::fields;
use crate::names::{Kind, PersonId, Room};
use crate::operation::{Actor, Command, Query, Tx};
use crate::people::Person;
use crate::refusal::Refusal;
use crate::seam::Store;

/// Reads a user's profile, for this user, the server's admin and users who share a space with the user. The answer has the e-mail address for the
/// first two only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadPerson {
    /// The user's id.
    pub person: PersonId,
}

impl Query for ReadPerson {
    type Answer = Person;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Person, Refusal> {
        let mut person = visible_person(store, actor, &self.person)?;
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
    pub person: PersonId,
    /// The new name.
    pub name: Option<String>,
    /// The link to the new picture; `Some(None)` removes the picture.
    pub avatar_url: Option<Option<String>>,
}

impl Command for UpdateProfile {
    type Answer = Person;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Person, Refusal> {
        let before = own_person(tx, &self.person)?;
        let mut person = before.clone();
        if let Some(name) = self.name {
            fields::required("name", &name, fields::NAME)?;
            person.name = name;
        }
        if let Some(avatar_url) = self.avatar_url {
            fields::link("avatarUrl", avatar_url.as_deref())?;
            person.avatar_url = avatar_url;
        }
        if person == before {
            return Ok(person);
        }
        person.updated_at = tx.now;
        tx.store.update_person(&person)?;
        let rooms = tx.store.rooms_of(&person.id, Some(Kind::Household))?;
        if !rooms.is_empty() {
            tx.record(&Room::inbox(&person.id), Event::ProfileUpdated { person: person.clone(), rooms })?;
        }
        Ok(person)
    }
}

/// Reads a user whose profile the actor may see; other users are not found.
pub(super) fn visible_person(store: &mut dyn Store, actor: &Actor, id: &PersonId) -> Result<Person, Refusal> {
    let visible = *id == actor.person || actor.admin || store.share_a_space(&actor.person, id)?;
    let person = if visible { store.person(id)? } else { None };
    person.ok_or(Refusal::NotFound(Kind::User.noun()))
}

/// Reads a user whose profile the actor may change.
pub(super) fn own_person(tx: &mut Tx<'_>, id: &PersonId) -> Result<Person, Refusal> {
    let person = visible_person(tx.store, tx.actor, id)?;
    if *id != tx.actor.person && !tx.actor.admin {
        return Err(Refusal::Forbidden("Only the person or an admin may do this"));
    }
    Ok(person)
}
