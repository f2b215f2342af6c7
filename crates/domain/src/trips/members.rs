//! Members of a trip.

use crate::access::{require_admin, require_member};
use crate::command::{Command, CommandContext};
use crate::embedded_members::embed_members;
use crate::error::DomainError;
use crate::event::Event;
use crate::model::{Role, RoomId, Trip, UserId};
use crate::spaces::{AddMember, RemoveMember};
use crate::trips::{not_found, require_trip, with_details};

/// Adds a member to a trip, or changes a member's role. Every member may add users; only admins may give a role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddTripMember {
    /// The trip's room.
    pub room: RoomId,
    /// The user to add, or the member whose role changes.
    pub user: UserId,
    /// The role; `None` adds a [`Role::Member`], and does not change the role of a present member.
    pub role: Option<Role>,
}

/// The output of [`AddTripMember`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddTripMemberResult {
    /// The trip with the member.
    pub trip: Trip,
    /// Whether the user was not a member before.
    pub is_new: bool,
}

impl Command for AddTripMember {
    type Output = AddTripMemberResult;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<AddTripMemberResult, DomainError> {
        let Self { room, user, role } = self;
        require_trip(&room)?;
        require_member(context.store, context.actor, &room)?;
        let before = context.store.role(&room, &user)?;
        let gives_role = role.is_some_and(|role| role != before.unwrap_or(Role::Member));
        if gives_role {
            require_admin(context.store, context.actor, &room)?;
        }
        if before.is_none() {
            AddMember { room: room.clone(), user: user.clone() }.execute(context)?;
        }
        if let Some(role) = role.filter(|_| gives_role) {
            set_role(context, &room, &user, role)?;
        }
        let mut space = context.store.space(&room)?.ok_or(not_found())?;
        embed_members(context.store, &mut space)?;
        Ok(AddTripMemberResult { trip: with_details(context.store, space)?, is_new: before.is_none() })
    }
}

fn set_role(context: &mut CommandContext<'_>, room: &RoomId, user: &UserId, role: Role) -> Result<(), DomainError> {
    context.store.put_member(room, user, role, context.now)?;
    let mut space = context.store.space(room)?.ok_or(not_found())?;
    if !context.store.has_admin(room)? {
        return Err(DomainError::Conflict("The last admin must stay one; make another member an admin first"));
    }
    embed_members(context.store, &mut space)?;
    context.record_event(room, Event::RoleChanged { space, user: user.clone(), by: context.actor.user.clone() })
}

/// Removes a member from a trip: the actor, or another member for an admin. The output is the trip without the member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaveTrip {
    /// The trip's room.
    pub room: RoomId,
    /// The member to remove.
    pub user: UserId,
}

impl Command for LeaveTrip {
    type Output = Trip;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Trip, DomainError> {
        require_trip(&self.room)?;
        let space = RemoveMember { room: self.room, user: self.user }.execute(context)?;
        Ok(with_details(context.store, space)?)
    }
}
