//! Of whom one may ask whether they are online. Who is, only the live connections know.
//!
//! These are commands although they change nothing: in the writer's queue they stand in one order with the removals of members.

use crate::names::{PersonId, Room};
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::spaces::require_member;

/// A space's members, for its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameMembers {
    /// Which.
    pub room: Room,
}

impl Command for NameMembers {
    type Answer = Vec<PersonId>;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Vec<PersonId>, Refusal> {
        require_member(tx.store, tx.actor, &self.room)?;
        Ok(tx.store.members(&self.room)?.into_iter().map(|member| member.person.id).collect())
    }
}

/// Those out of some people who are the actor or share a space with the actor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameContacts {
    /// Out of whom.
    pub people: Vec<PersonId>,
}

impl Command for NameContacts {
    type Answer = Vec<PersonId>;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Vec<PersonId>, Refusal> {
        let mut contacts = Vec::new();
        for person in self.people {
            if person == tx.actor.person || tx.store.share_a_space(&tx.actor.person, &person)? {
                contacts.push(person);
            }
        }
        Ok(contacts)
    }
}
