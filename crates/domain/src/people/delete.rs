//! Leaving for good.

use crate::names::PersonId;
use crate::operation::{Command, Tx};
use crate::people::Person;
use crate::people::profile::own_person;
use crate::refusal::Refusal;
use crate::spaces;

/// Removes a person: out of every space, which hears of it, and then the notifications and the profile. For oneself and the server's admin.
///
/// A token that still names the person meets somebody new. The answer is the profile as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeletePerson {
    /// Whom.
    pub person: PersonId,
}

impl Command for DeletePerson {
    type Answer = Person;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Person, Refusal> {
        let person = own_person(tx, &self.person)?;
        for room in tx.store.rooms_of(&person.id, None)? {
            spaces::end_membership(tx, &room, &person)?;
        }
        tx.store.delete_read_marks_of(&person.id)?;
        tx.store.delete_notifications_of(&person.id)?;
        tx.store.delete_person(&person.id)?;
        Ok(person)
    }
}
