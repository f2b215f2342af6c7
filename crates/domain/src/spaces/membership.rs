//! Adds members to a space, and removes them.

use crate::access::{not_found, require_admin, require_member, require_writable};
use crate::calls;
use crate::chat::init_read_marker;
use crate::command::{Command, CommandContext};
use crate::embedded_members::{embed_members, for_event};
use crate::error::DomainError;
use crate::event::Event;
use crate::model::{CHANGES_PER_STEP, Role, RoomId, Space, User, UserId};
use crate::spaces::additions::require_addable;
use crate::spaces::inbox::{record_added, record_removed};
use crate::tasks;
use crate::users::known_or_unseen;

/// The error of a member beyond [`MembershipLimits::members_per_space`](crate::command::MembershipLimits).
pub(super) const TOO_MANY_MEMBERS: DomainError = DomainError::Conflict("The space is full");

/// Adds a member to a space, for every member. Adding a member again changes nothing and records no event. An unknown id is allowed: the first token
/// of such a user fills in the profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddMember {
    /// The space.
    pub room: RoomId,
    /// The user to add.
    pub user: UserId,
}

impl Command for AddMember {
    type Output = Space;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Space, DomainError> {
        require_writable(context.store, context.actor, &self.room)?;
        let mut space = context.store.space(&self.room)?.ok_or(not_found(&self.room))?;
        if !self.room.kind().has_own_members() {
            return Err(not_found(&self.room));
        }
        if context.store.role(&self.room, &self.user)?.is_some() {
            embed_members(context.store, &mut space)?;
            return Ok(space);
        }
        require_addable(context, Some(&self.room), &self.user)?;
        begin_membership(context, &mut space, &self.user)?;
        Ok(space)
    }
}

/// Adds a user who is not a member to a space, and records the event.
///
/// # Errors
/// [`DomainError::Conflict`] if the space is full; the store's.
pub(super) fn begin_membership(context: &mut CommandContext<'_>, space: &mut Space, user: &UserId) -> Result<(), DomainError> {
    if space.member_count >= u64::from(context.bounds.members_per_space) {
        return Err(TOO_MANY_MEMBERS);
    }
    let user = known_or_unseen(context, user)?;
    require_free_slot(context, &user.id)?;
    // All members of a household may have left, and users can still join by its invite code: the first needs to be an admin. A household that a
    // claim has created never had one: its back end decides about its members.
    let role = if space.member_count == 0 && !context.store.is_claimed(&space.room)? { Role::Admin } else { Role::Member };
    context.store.put_member(&space.room, &user.id, role, context.now)?;
    init_read_marker(context, &space.room, &user.id)?;
    space.member_count += 1;
    embed_members(context.store, space)?;
    let (by, by_whom) = (Some(context.actor.user.clone()), acting_user(context, &space.room)?);
    context.record_event(&space.room, Event::MemberJoined { space: for_event(space), user: user.clone(), by, by_whom })?;
    record_added(context, space, &user.id)
}

/// The profile of the actor, for events of a contract that shows it.
fn acting_user(context: &mut CommandContext<'_>, room: &RoomId) -> Result<Option<User>, DomainError> {
    if room.kind().embeds_members() { Ok(context.store.user(&context.actor.user)?) } else { Ok(None) }
}

/// Rejects a further space for a user who is a member of as many spaces as a user may be.
///
/// # Errors
/// [`DomainError::Conflict`]; the store's.
pub(super) fn require_free_slot(context: &mut CommandContext<'_>, user: &UserId) -> Result<(), DomainError> {
    if context.store.space_count(user)? < u64::from(context.bounds.spaces_per_user) {
        return Ok(());
    }
    Err(DomainError::Conflict(match *user == context.actor.user {
        true => "You are in as many spaces as a user may be in; leave one first",
        false => "This user is in as many spaces as a user may be in",
    }))
}

/// Removes a member from a space: the actor, or another member for an admin. The output is the space without the member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoveMember {
    /// The space.
    pub room: RoomId,
    /// The member to remove.
    pub user: UserId,
}

impl Command for RemoveMember {
    type Output = Space;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Space, DomainError> {
        if !self.room.kind().has_own_members() {
            return Err(not_found(&self.room));
        }
        if self.user == context.actor.user {
            require_member(context.store, context.actor, &self.room)?;
        } else {
            require_admin(context.store, context.actor, &self.room)?;
        }
        let user = match context.store.role(&self.room, &self.user)? {
            Some(_) => context.store.user(&self.user)?,
            None => None,
        };
        let user = user.ok_or(DomainError::NotFound("Member"))?;
        end_membership(context, &self.room, &user)
    }
}

/// Removes a member from a space. The member's tasks are unassigned, each with an event of its own (the rest of many tasks in later steps), and the
/// member leaves the space's call. If the last admin leaves, the member who joined first of those
/// who have acted in the space (if none has, of all members) becomes an admin. A space without members stays, and users can still
/// join by its invite code.
pub(crate) fn end_membership(context: &mut CommandContext<'_>, room: &RoomId, user: &User) -> Result<Space, DomainError> {
    let unassigned = tasks::unassign_some(context, Some(room), user, CHANGES_PER_STEP)?;
    calls::leave_calls(context, room, &user.id)?;
    let role = context.store.role(room, &user.id)?;
    context.store.remove_member(room, &user.id, context.now)?;
    if user.id == context.actor.user {
        context.store.put_left_by_choice(room, &user.id)?;
    }
    if role == Some(Role::Admin)
        && !context.store.has_admin(room)?
        && let Some(new_admin) = context.store.longest_member(room)?
    {
        context.store.put_member(room, &new_admin, Role::Admin, context.now)?;
    }
    let mut space = context.store.space(room)?.ok_or(not_found(room))?;
    embed_members(context.store, &mut space)?;
    if unassigned == CHANGES_PER_STEP {
        tasks::unassign_rest(context, room, user)?;
    }
    let (by, by_whom) = (Some(context.actor.user.clone()), acting_user(context, room)?);
    context.record_event(room, Event::MemberLeft { space: for_event(&space), user: user.id.clone(), by, by_whom })?;
    record_removed(context, room, &user.id)?;
    Ok(space)
}
