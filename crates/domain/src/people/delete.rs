//! Leaving for good.

use crate::names::{PersonId, Room};
use crate::operation::{Command, Tx};
use crate::people::Person;
use crate::people::profile::own_person;
use crate::refusal::Refusal;
use crate::removals::{self, Target};

/// Removes a person: out of every space, which hears of it, and then the notifications and the profile. For oneself and the server's admin.
///
/// Of a user with very much to be removed only the first part is when the command ends: see [`removals`]. A token that still names the person meets somebody new. The answer is the profile as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeletePerson {
    /// Whom.
    pub person: PersonId,
}

impl Command for DeletePerson {
    type Answer = Person;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Person, Refusal> {
        let person = own_person(tx, &self.person)?;
        // Asked for again, it goes on.
        if !tx.store.is_being_removed(&Room::inbox(&person.id))? {
            removals::remove(tx, Target::User { user: person.id.clone() })?;
        }
        Ok(person)
    }
}
