//! The users whose presence an actor may see. The presence itself is known only to the server, from its connections.

use std::collections::HashSet;

use crate::ids::{UserId, RoomId};
use crate::command::{Actor, Command, Query, CommandContext};
use crate::error::DomainError;
use crate::ports::{Store, StoreResult};
use crate::spaces::require_member;

/// The largest space in which the presence of each member is looked up, and in which all members receive what each has read: beyond, both would cost
/// the square of the number of members.
pub const MAX_PRESENCE_MEMBERS: u32 = 500;

/// The members of a space; `None` if it has more than [`ASKED_MEMBERS`]. The caller then knows only the members who have the space open.
///
/// # Errors
/// The store's.
fn presence_members(store: &mut dyn Store, room: &RoomId) -> StoreResult<Option<Vec<UserId>>> {
    let members = store.member_ids(room, MAX_PRESENCE_MEMBERS + 1)?;
    Ok((members.len() <= MAX_PRESENCE_MEMBERS as usize).then_some(members))
}

/// The members of a space whose presence the actor, one of them, may see. This is a command although it changes nothing: the writer's queue orders it
/// with the removals of members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListMemberIds {
    /// The space.
    pub room: RoomId,
    /// Whether the answer names contacts of the actor only: members who have acted in the space, if the actor has. Otherwise it names all members who
    /// have not blocked the actor, and is `None` if there are more than [`ASKED_MEMBERS`].
    pub contacts_only: bool,
}

/// The most contacts that an answer names.
const MAX_CONTACTS: u32 = 500;

/// The actor, and the members of a space who are contacts of the actor by this space.
fn contacts_in(tx: &mut CommandContext<'_>, room: &RoomId) -> Result<Vec<UserId>, DomainError> {
    match tx.store.has_acted(room, &tx.actor.person)? {
        true => Ok(tx.store.members_who_acted(room, &tx.actor.person, MAX_CONTACTS)?),
        // Users may always see their own presence.
        false => Ok(vec![tx.actor.person.clone()]),
    }
}

/// The members of a space whose presence the actor may see: contacts of the actor by this space, or all members who have not blocked the actor. `None`
/// as in [`members_to_ask_about`].
///
/// # Errors
/// The store's.
pub(super) fn visible_members(tx: &mut CommandContext<'_>, room: &RoomId, contacts_only: bool) -> Result<Option<Vec<UserId>>, DomainError> {
    if contacts_only {
        return contacts_in(tx, room).map(Some);
    }
    let Some(mut members) = presence_members(tx.store, room)? else { return Ok(None) };
    if !tx.actor.admin {
        let blockers: HashSet<UserId> = tx.store.blockers_in(room, &tx.actor.person, MAX_PRESENCE_MEMBERS)?.into_iter().collect();
        members.retain(|member| !blockers.contains(member));
    }
    Ok(Some(members))
}

impl Command for ListMemberIds {
    type Output = Option<Vec<UserId>>;

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<Option<Vec<UserId>>, DomainError> {
        require_member(tx.store, tx.actor, &self.room)?;
        visible_members(tx, &self.room, self.contacts_only)
    }
}

/// Finds the users whose presence the actor may see: the actor, and users who have not blocked the actor. Blocks do not bind admins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FilterVisible {
    /// The users to look up.
    pub people: Vec<UserId>,
    /// Whether the actor sees contacts only.
    pub contacts_only: bool,
}

/// How many users who have blocked a user are read at once.
const MAX_BLOCKERS: u32 = 10_000;

impl Query for FilterVisible {
    type Output = HashSet<UserId>;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<HashSet<UserId>, DomainError> {
        if !self.contacts_only && !actor.admin && self.people.len() > 1 {
            // One read instead of one for each user, unless very many users have blocked the actor.
            let blockers: HashSet<UserId> = store.blockers_of(&actor.person, MAX_BLOCKERS)?.into_iter().collect();
            if blockers.len() < MAX_BLOCKERS as usize {
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
