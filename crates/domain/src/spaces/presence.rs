//! Of whom one may ask whether they are online. Who is, only the live connections know.
//!

use std::collections::HashSet;

use crate::names::{PersonId, Room};
use crate::operation::{Actor, Command, Query, Tx};
use crate::refusal::Refusal;
use crate::seam::Store;
use crate::spaces::require_member;

/// A space's members, for its members. This is a command although it changes nothing: in the writer's queue it stands in one order with the removals of
/// members.
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

/// Those out of some people who are the actor or share a space with the actor. Only those are looked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameContacts {
    /// Out of whom.
    pub people: Vec<PersonId>,
}

impl Query for NameContacts {
    type Answer = HashSet<PersonId>;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<HashSet<PersonId>, Refusal> {
        let mut contacts = HashSet::new();
        for person in self.people {
            if !contacts.contains(&person) && (person == actor.person || store.share_a_space(&actor.person, &person)?) {
                contacts.insert(person);
            }
        }
        Ok(contacts)
    }
}
