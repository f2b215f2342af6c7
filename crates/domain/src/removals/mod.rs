//! Removals that may be too large for one transaction: of a user, of a space, and of a former member's tasks in a space.
//!
//! The command that requests a removal executes its first step, which completes most removals. The rest is stored in the same transaction, and each
//! [`ContinueRemovals`] executes one more step: the writer decides other commands between two steps, and after a restart the removal continues behind
//! the last step. During the removal, a space has no members for permission checks, and a user cannot connect.

use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::event::Event;
use crate::model::{RoomId, Space, UserId};
use crate::spaces::end_membership;
use crate::tasks;

mod delete_user;

pub use crate::model::{CHANGES_PER_STEP, Removal, RemovalTarget};
pub use delete_user::DeleteUser;

/// How many members of a space one step removes. They share an event.
pub const MEMBERS_PER_STEP: u32 = 200;

/// How many read marks and how many notifications of a user one step deletes. They record no events.
const ROWS_PER_STEP: u32 = 1000;

/// Executes the first step of a removal, and stores the removal unless that was the last step.
///
/// # Errors
/// The store's.
pub(crate) fn remove(context: &mut CommandContext<'_>, target: RemovalTarget) -> Result<(), DomainError> {
    if step(context, &target)? {
        return Ok(());
    }
    let removal = Removal { id: context.new_id(), target, by: context.actor.clone() };
    Ok(context.store.begin_removal(&removal)?)
}

/// Executes the next step of the oldest removal, as the actor who requested it. The output is whether there was a removal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContinueRemovals;

impl Command for ContinueRemovals {
    type Output = bool;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<bool, DomainError> {
        let Some(removal) = context.store.next_removal()? else { return Ok(false) };
        if context.on_behalf_of(&removal.by, |context| step(context, &removal.target))? {
            context.store.end_removal(removal.id)?;
        }
        Ok(true)
    }
}

/// Whether the removal of a user has not ended, for callers that wait for its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IsBeingRemoved {
    /// The user's id.
    pub user: UserId,
}

impl Command for IsBeingRemoved {
    type Output = bool;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<bool, DomainError> {
        Ok(context.store.is_being_removed(&RoomId::inbox(&self.user))?)
    }
}

/// Executes one step. True if it was the last.
fn step(context: &mut CommandContext<'_>, target: &RemovalTarget) -> Result<bool, DomainError> {
    match target {
        RemovalTarget::User { user } => step_of_user(context, user),
        RemovalTarget::Space { space } => step_of_space(context, space),
        RemovalTarget::Tasks { room, user } => Ok(tasks::unassign_some(context, Some(room), user, CHANGES_PER_STEP)? < CHANGES_PER_STEP),
    }
}

fn step_of_user(context: &mut CommandContext<'_>, id: &UserId) -> Result<bool, DomainError> {
    let Some(user) = context.store.user(id)? else { return Ok(true) };
    let unassigned = tasks::unassign_some(context, None, &user, CHANGES_PER_STEP)?;
    let rooms = context.store.rooms_of(id, None)?;
    let remaining = (CHANGES_PER_STEP - unassigned) as usize;
    for room in rooms.iter().take(remaining) {
        if context.store.has_space(room)? {
            end_membership(context, room, &user)?;
        } else {
            // The space is being removed, too, and its row is deleted already. Its removal informs the other members.
            context.store.remove_member(room, id, context.now)?;
        }
    }
    if unassigned == CHANGES_PER_STEP || rooms.len() > remaining {
        return Ok(false);
    }
    let rows = context.store.delete_read_markers_of(id, ROWS_PER_STEP)?.max(context.store.delete_notifications_of(id, ROWS_PER_STEP)?);
    if rows == u64::from(ROWS_PER_STEP) {
        return Ok(false);
    }
    context.store.delete_blocks_of(id)?;
    context.store.delete_user(id)?;
    context.store.put_deletion(id, context.now)?;
    Ok(true)
}

fn step_of_space(context: &mut CommandContext<'_>, space: &Space) -> Result<bool, DomainError> {
    let users = context.store.member_ids(&space.room, MEMBERS_PER_STEP)?;
    for user in &users {
        context.store.remove_member(&space.room, user, context.now)?;
    }
    let last = users.len() < MEMBERS_PER_STEP as usize;
    let event = Event::SpaceDeleted { space: space.clone(), users, by: context.actor.user.clone() };
    context.record_event(&space.room, event)?;
    Ok(last)
}
