//! The users whose presence an actor may see. The presence itself is known only to the server, from its connections.

use std::collections::HashSet;

use crate::names::{PersonId, Room};
use crate::operation::{Actor, Command, Query, Tx};
use crate::refusal::Refusal;
use crate::seam::{Store, Stored};
use crate::spaces::require_member;

/// The largest space in which the presence of each member is looked up, and in which all members receive what each has read: beyond, both would cost
/// the square of the number of members.
pub const ASKED_MEMBERS: u32 = 500;

/// The members of a space; `None` if it has more than [`ASKED_MEMBERS`]. The caller then knows only the members who have the space open.
///
/// # Errors
/// The store's.
fn members_to_ask_about(store: &mut dyn Store, room: &Room) -> Stored<Option<Vec<PersonId>>> {
    let members = store.member_ids(room, ASKED_MEMBERS + 1)?;
    Ok((members.len() <= ASKED_MEMBERS as usize).then_some(members))
}

/// The members of a space whose presence the actor, one of them, may see. This is a command although it changes nothing: the writer's queue orders it
/// with the removals of members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameMembers {
    /// The space.
    pub room: Room,
    /// Whether the answer names contacts of the actor only: members who have acted in the space, if the actor has. Otherwise it names all members who
    /// have not blocked the actor, and is `None` if there are more than [`ASKED_MEMBERS`].
    pub contacts_only: bool,
}

/// The most contacts that an answer names.
const MOST_CONTACTS: u32 = 500;

/// The actor, and the members of a space who are contacts of the actor by this space.
fn contacts_in(tx: &mut Tx<'_>, room: &Room) -> Result<Vec<PersonId>, Refusal> {
    match tx.store.has_acted(room, &tx.actor.person)? {
        true => Ok(tx.store.members_who_acted(room, &tx.actor.person, MOST_CONTACTS)?),
        // Users may always see their own presence.
        false => Ok(vec![tx.actor.person.clone()]),
    }
}

/// The members of a space whose presence the actor may see: contacts of the actor by this space, or all members who have not blocked the actor. `None`
/// as in [`members_to_ask_about`].
///
/// # Errors
/// The store's.
pub(super) fn visible_members(tx: &mut Tx<'_>, room: &Room, contacts_only: bool) -> Result<Option<Vec<PersonId>>, Refusal> {
    if contacts_only {
        return contacts_in(tx, room).map(Some);
    }
    let Some(mut members) = members_to_ask_about(tx.store, room)? else { return Ok(None) };
    if !tx.actor.admin {
        let blockers: HashSet<PersonId> = tx.store.blockers_in(room, &tx.actor.person, ASKED_MEMBERS)?.into_iter().collect();
        members.retain(|member| !blockers.contains(member));
    }
    Ok(Some(members))
}

impl Command for NameMembers {
    type Answer = Option<Vec<PersonId>>;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Option<Vec<PersonId>>, Refusal> {
        require_member(tx.store, tx.actor, &self.room)?;
        visible_members(tx, &self.room, self.contacts_only)
    }
}

/// Finds the users whose presence the actor may see: the actor, and users who have not blocked the actor. Blocks do not bind admins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameVisible {
    /// The users to look up.
    pub people: Vec<PersonId>,
    /// Whether the actor sees contacts only.
    pub contacts_only: bool,
}

/// How many users who have blocked a user are read at once.
const MOST_BLOCKERS: u32 = 10_000;

impl Query for NameVisible {
    type Answer = HashSet<PersonId>;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<HashSet<PersonId>, Refusal> {
        if !self.contacts_only && !actor.admin && self.people.len() > 1 {
            // One read instead of one for each user, unless very many users have blocked the actor.
            let blockers: HashSet<PersonId> = store.blockers_of(&actor.person, MOST_BLOCKERS)?.into_iter().collect();
            if blockers.len() < MOST_BLOCKERS as usize {
                return Ok(self.people.into_iter().filter(|person| !blockers.contains(person)).collect());
            }
        }
        let mut visible = HashSet::new();
        for person in self.people {
            if visible.contains(&person) {
                continue;
            }
            let is_visible = match self.contacts_only {
                _ if person == actor.person => true,
                true => store.are_contacts(&actor.person, &person)?,
                false => actor.admin || store.block(&person, &actor.person)?.is_none(),
            };
            if is_visible {
                visible.insert(person);
            }
        }
        Ok(visible)
    }
}
