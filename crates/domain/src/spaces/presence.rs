//! Of whom one may ask whether they are online. Who is, only the live connections know.
//!
//! These are commands although they change nothing: in the writer's queue they stand in one order with the removals of members.

use std::collections::HashSet;

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
    type Answer = HashSet<PersonId>;

    fn decide(self, tx: &mut Tx<'_>) -> Result<HashSet<PersonId>, Refusal> {
        let asker = &tx.actor.person;
        // A single one is looked for; all contacts of the asker are listed for several.
        let contacts: HashSet<PersonId> = match &self.people[..] {
            [one] if !tx.store.share_a_space(asker, one)? => HashSet::new(),
            [one] => [one.clone()].into(),
            _ => tx.store.contacts_of(asker)?.into_iter().collect(),
        };
        Ok(self.people.into_iter().filter(|person| person == asker || contacts.contains(person)).collect())
    }
}
