//! The beginning of a membership, and its end.

use crate::calls;
use crate::chat::begin_reading;
use crate::event::Event;
use crate::fields;
use crate::names::{PersonId, Room};
use crate::operation::{Command, Tx};
use crate::people::{Person, known_or_unseen};
use crate::refusal::Refusal;
use crate::spaces::access::{not_found, require_admin, require_member, require_writable};
use crate::spaces::inbox::{record_added, record_removed};
use crate::spaces::{Member, Role, Space};
use crate::tasks;

/// Makes a person a member. Members invite, so any member may. Who is a member already stays one, and nobody hears of it. An id that was never
/// seen is fine: it is filled in by the person's first token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddMember {
    /// Of which space.
    pub room: Room,
    /// Whom.
    pub person: PersonId,
}

impl Command for AddMember {
    type Answer = Space;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Space, Refusal> {
        require_writable(tx.store, tx.actor, &self.room)?;
        let mut space = tx.store.space(&self.room)?.ok_or(not_found(&self.room))?;
        if !self.room.kind().has_own_members() {
            return Err(not_found(&self.room));
        }
        if space.has_member(&self.person) {
            return Ok(space);
        }
        begin_membership(tx, &mut space, &self.person)?;
        Ok(space)
    }
}

/// Makes somebody a member of a space, who is none yet, if there is room; then tells the space.
///
/// # Errors
/// [`Refusal::Conflict`] if the space is full; the store's.
pub(super) fn begin_membership(tx: &mut Tx<'_>, space: &mut Space, person: &PersonId) -> Result<(), Refusal> {
    if space.members.len() >= fields::MEMBERS {
        return Err(Refusal::Conflict("The space is full"));
    }
    let person = known_or_unseen(tx, person)?;
    tx.store.put_member(&space.room, &person.id, Role::Member, tx.now)?;
    begin_reading(tx, &space.room, &person.id)?;
    space.members.push(Member { person: person.clone(), role: Role::Member, joined_at: tx.now });
    let by = Some(tx.actor.person.clone());
    tx.record(&space.room, Event::MemberJoined { space: space.clone(), person: person.clone(), by })?;
    record_added(tx, space, &person.id)
}

/// Ends a membership: one's own, or another's as an admin. The answer is the space without the person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoveMember {
    /// In which space.
    pub room: Room,
    /// Whose.
    pub person: PersonId,
}

impl Command for RemoveMember {
    type Answer = Space;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Space, Refusal> {
        if !self.room.kind().has_own_members() {
            return Err(not_found(&self.room));
        }
        if self.person == tx.actor.person {
            require_member(tx.store, tx.actor, &self.room)?;
        } else {
            require_admin(tx.store, tx.actor, &self.room)?;
        }
        let person = match tx.store.role(&self.room, &self.person)? {
            Some(_) => tx.store.person(&self.person)?,
            None => None,
        };
        let person = person.ok_or(Refusal::NotFound("Member"))?;
        end_membership(tx, &self.room, &person)
    }
}

/// Takes a member out of a space: gives the person's tasks back, each told by itself; ends the person's part in its
/// call; if the last admin goes, makes the longest member one;
/// then tells the space. A space that nobody is in any more stays, and its invite code still opens it.
pub(crate) fn end_membership(tx: &mut Tx<'_>, room: &Room, person: &Person) -> Result<Space, Refusal> {
    tasks::take_back_all(tx, room, person)?;
    calls::leave_calls(tx, room, &person.id)?;
    let role = tx.store.role(room, &person.id)?;
    tx.store.remove_member(room, &person.id, tx.now)?;
    let mut space = tx.store.space(room)?.ok_or(not_found(room))?;
    // Members stand in the order of joining, so the first is the longest.
    let admin_left = role == Some(Role::Admin) && space.members.iter().all(|member| member.role != Role::Admin);
    if let Some(heir) = space.members.first_mut().filter(|_| admin_left) {
        heir.role = Role::Admin;
        tx.store.put_member(room, &heir.person.id, Role::Admin, tx.now)?;
    }
    let by = Some(tx.actor.person.clone());
    tx.record(room, Event::MemberLeft { space: space.clone(), person: person.id.clone(), by })?;
    record_removed(tx, room, &person.id)?;
    Ok(space)
}
