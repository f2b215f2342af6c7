//! Deletes a user.

use crate::names::{PersonId, Room};
use crate::operation::{Command, Tx};
use crate::people::Person;
use crate::people::profile::own_person;
use crate::refusal::Refusal;
use crate::removals::{self, Target};

/// Deletes a user, for this user and the server's admin: ends the memberships, each with an event to the space, and then deletes the notifications
/// and the profile.
///
/// If the user has more than one step can remove, the removal continues after the command: see [`removals`]. A token that was issued before the end
/// of the removal is refused; a later one creates a new user with this id. The answer is the profile before the removal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeletePerson {
    /// The user's id.
    pub person: PersonId,
}

impl Command for DeletePerson {
    type Answer = Person;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Person, Refusal> {
        let person = own_person(tx, &self.person)?;
        // A removal that is requested again continues.
        if !tx.store.is_being_removed(&Room::inbox(&person.id))? {
            removals::remove(tx, Target::User { user: person.id.clone() })?;
        }
        Ok(person)
    }
}
