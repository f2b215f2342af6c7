//! Adds members to a space, and removes them.

use crate::calls;
use crate::chat::init_read_marker;
use crate::event::Event;
use crate::ids::{UserId, RoomId};
use crate::command::{Command, CommandContext};
use crate::users::{User, known_or_unseen};
use crate::error::DomainError;
use crate::removals::{self, CHANGES_PER_STEP, RemovalTarget};
use crate::spaces::permissions::{not_found, require_admin, require_member, require_writable};
use crate::spaces::additions::require_addable;
use crate::spaces::inbox::{record_added, record_removed};
use crate::spaces::{Role, Space, embed_members, for_event};
use crate::tasks;

/// The refusal of a member beyond [`Bounds::members_per_space`](crate::operation::Bounds).
pub(super) const TOO_MANY_MEMBERS: DomainError = DomainError::Conflict("The space is full");

/// Adds a member to a space, for every member. Adding a member again changes nothing and records no event. An unknown id is allowed: the first token
/// of such a user fills in the profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddMember {
    /// The space.
    pub room: RoomId,
    /// The user to add.
    pub person: UserId,
}

impl Command for AddMember {
    type Output = Space;

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<Space, DomainError> {
        require_writable(tx.store, tx.actor, &self.room)?;
        let mut space = tx.store.space(&self.room)?.ok_or(not_found(&self.room))?;
        if !self.room.kind().has_own_members() {
            return Err(not_found(&self.room));
        }
        if tx.store.role(&self.room, &self.person)?.is_some() {
            embed_members(tx.store, &mut space)?;
            return Ok(space);
        }
        require_addable(tx, Some(&self.room), &self.person)?;
        begin_membership(tx, &mut space, &self.person)?;
        Ok(space)
    }
}

/// Adds a user who is not a member to a space, and records the event.
///
/// # Errors
/// [`Refusal::Conflict`] if the space is full; the store's.
pub(super) fn begin_membership(tx: &mut CommandContext<'_>, space: &mut Space, person: &UserId) -> Result<(), DomainError> {
    if space.member_count >= u64::from(tx.bounds.members_per_space) {
        return Err(TOO_MANY_MEMBERS);
    }
    let person = known_or_unseen(tx, person)?;
    require_free_slot(tx, &person.id)?;
    // All members of a household may have left, and users can still join by its invite code: the first needs to be an admin. A household that a
    // claim has created never had one: its back end decides about its members.
    let role = if space.member_count == 0 && !tx.store.is_claimed(&space.room)? { Role::Admin } else { Role::Member };
    tx.store.put_member(&space.room, &person.id, role, tx.now)?;
    init_read_marker(tx, &space.room, &person.id)?;
    space.member_count += 1;
    embed_members(tx.store, space)?;
    let (by, by_whom) = (Some(tx.actor.person.clone()), acting_user(tx, &space.room)?);
    tx.record_event(&space.room, Event::MemberJoined { space: for_event(space), person: person.clone(), by, by_whom })?;
    record_added(tx, space, &person.id)
}

/// The profile of the actor, for events of a contract that shows it.
fn acting_user(tx: &mut CommandContext<'_>, room: &RoomId) -> Result<Option<User>, DomainError> {
    if room.kind().embeds_members() { Ok(tx.store.user(&tx.actor.person)?) } else { Ok(None) }
}

/// Refuses a further space for a user who is a member of as many spaces as a user may be.
///
/// # Errors
/// [`Refusal::Conflict`]; the store's.
pub(super) fn require_free_slot(tx: &mut CommandContext<'_>, user: &UserId) -> Result<(), DomainError> {
    if tx.store.space_count(user)? < u64::from(tx.bounds.spaces_per_user) {
        return Ok(());
    }
    Err(DomainError::Conflict(match *user == tx.actor.person {
        true => "You are in as many spaces as a user may be in; leave one first",
        false => "This user is in as many spaces as a user may be in",
    }))
}

/// Removes a member from a space: the actor, or another member for an admin. The answer is the space without the member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoveMember {
    /// The space.
    pub room: RoomId,
    /// The member to remove.
    pub person: UserId,
}

impl Command for RemoveMember {
    type Output = Space;

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<Space, DomainError> {
        if !self.room.kind().has_own_members() {
            return Err(not_found(&self.room));
        }
        if self.person == tx.actor.person {
            require_member(tx.store, tx.actor, &self.room)?;
        } else {
            require_admin(tx.store, tx.actor, &self.room)?;
        }
        let person = match tx.store.role(&self.room, &self.person)? {
            Some(_) => tx.store.user(&self.person)?,
            None => None,
        };
        let person = person.ok_or(DomainError::NotFound("Member"))?;
        end_membership(tx, &self.room, &person)
    }
}

/// Removes a member from a space. The member's tasks are unassigned, each with an event of its own (the rest of many tasks in later steps), and the
/// member leaves the space's call. If the last admin leaves, the member who joined first of those
/// who have acted in the space (if none has: of all) becomes an admin. A space without members stays, and users can still
/// join by its invite code.
pub(crate) fn end_membership(tx: &mut CommandContext<'_>, room: &RoomId, person: &User) -> Result<Space, DomainError> {
    let taken_back = tasks::unassign_some(tx, Some(room), person, CHANGES_PER_STEP)?;
    calls::leave_calls(tx, room, &person.id)?;
    let role = tx.store.role(room, &person.id)?;
    tx.store.remove_member(room, &person.id, tx.now)?;
    if person.id == tx.actor.person {
        tx.store.put_left_by_choice(room, &person.id)?;
    }
    if role == Some(Role::Admin)
        && !tx.store.has_admin(room)?
        && let Some(heir) = tx.store.longest_member(room)?
    {
        tx.store.put_member(room, &heir, Role::Admin, tx.now)?;
    }
    let mut space = tx.store.space(room)?.ok_or(not_found(room))?;
    embed_members(tx.store, &mut space)?;
    if taken_back == CHANGES_PER_STEP {
        removals::remove(tx, RemovalTarget::Tasks { room: room.clone(), user: person.clone() })?;
    }
    let (by, by_whom) = (Some(tx.actor.person.clone()), acting_user(tx, room)?);
    tx.record_event(room, Event::MemberLeft { space: for_event(&space), person: person.id.clone(), by, by_whom })?;
    record_removed(tx, room, &person.id)?;
    Ok(space)
}
