//! The users whose presence an actor may see. The presence itself is known only to the server, from its connections.

use std::collections::HashSet;

use crate::access::require_member;
use crate::command::{Command, CommandContext, Query};
use crate::error::DomainError;
use crate::model::{Actor, MAX_PRESENCE_MEMBERS, RoomId, UserId};
use crate::ports::{Store, StoreResult};

/// The members of a space; `None` if it has more than [`MAX_PRESENCE_MEMBERS`]. The caller then knows only the members who have the space open.
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
    /// Whether the output names contacts of the actor only: members who have acted in the space, if the actor has. Otherwise it names all members who
    /// have not blocked the actor, and is `None` if there are more than [`MAX_PRESENCE_MEMBERS`].
    pub contacts_only: bool,
}

/// The most contacts that the output names.
const MAX_CONTACTS: u32 = 500;

/// The actor, and the members of a space who are contacts of the actor by this space.
fn contacts_in(context: &mut CommandContext<'_>, room: &RoomId) -> Result<Vec<UserId>, DomainError> {
    match context.store.has_acted(room, &context.actor.user)? {
        true => Ok(context.store.members_who_acted(room, &context.actor.user, MAX_CONTACTS)?),
        // Users may always see their own presence.
        false => Ok(vec![context.actor.user.clone()]),
    }
}

/// The members of a space whose presence the actor may see: contacts of the actor by this space, or all members who have not blocked the actor. `None`
/// as in [`presence_members`].
///
/// # Errors
/// The store's.
pub(super) fn visible_members(
    context: &mut CommandContext<'_>,
    room: &RoomId,
    contacts_only: bool,
) -> Result<Option<Vec<UserId>>, DomainError> {
    if contacts_only {
        return contacts_in(context, room).map(Some);
    }
    let Some(mut members) = presence_members(context.store, room)? else { return Ok(None) };
    if !context.actor.admin {
        let blockers: HashSet<UserId> = context.store.blockers_in(room, &context.actor.user, MAX_PRESENCE_MEMBERS)?.into_iter().collect();
        members.retain(|member| !blockers.contains(member));
    }
    Ok(Some(members))
}

impl Command for ListMemberIds {
    type Output = Option<Vec<UserId>>;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Option<Vec<UserId>>, DomainError> {
        require_member(context.store, context.actor, &self.room)?;
        visible_members(context, &self.room, self.contacts_only)
    }
}

/// Finds the users whose presence the actor may see: the actor, and users who have not blocked the actor. Blocks do not bind admins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FilterVisible {
    /// The users to look up.
    pub users: Vec<UserId>,
    /// Whether the actor sees contacts only.
    pub contacts_only: bool,
}

/// How many users who have blocked a user are read at once.
const MAX_BLOCKERS: u32 = 10_000;

impl Query for FilterVisible {
    type Output = HashSet<UserId>;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<HashSet<UserId>, DomainError> {
        if !self.contacts_only && !actor.admin && self.users.len() > 1 {
            // One read instead of one for each user, unless very many users have blocked the actor.
            let blockers: HashSet<UserId> = store.blockers_of(&actor.user, MAX_BLOCKERS)?.into_iter().collect();
            if blockers.len() < MAX_BLOCKERS as usize {
                return Ok(self.users.into_iter().filter(|user| !blockers.contains(user)).collect());
            }
        }
        let mut visible = HashSet::new();
        for user in self.users {
            if visible.contains(&user) {
                continue;
            }
            let is_visible = match self.contacts_only {
                _ if user == actor.user => true,
                true => store.are_contacts(&actor.user, &user)?,
                false => actor.admin || store.block(&user, &actor.user)?.is_none(),
            };
            if is_visible {
                visible.insert(user);
            }
        }
        Ok(visible)
    }
}
