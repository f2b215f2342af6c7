//! Leaves a call without ending it for others.

use std::collections::BTreeSet;

use crate::calls::{end_call, remove_participant};
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::model::{CallStatus, EntityId, RoomId, UserId};

/// Removes a user from the participants of a call, by the server after the user's connection has ended. The last participant who leaves ends the
/// call. A call that has ended stays unchanged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaveCall {
    /// The call's id.
    pub call: EntityId,
    /// The participant.
    pub user: UserId,
}

impl Command for LeaveCall {
    type Output = ();

    fn execute(self, context: &mut CommandContext<'_>) -> Result<(), DomainError> {
        leave(context, self.call, &self.user)
    }
}

/// Removes users who have gone offline from all open calls. One of several nodes runs it, because the node with their connections may have died.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaveOpenCalls {
    /// The users.
    pub users: BTreeSet<UserId>,
}

impl Command for LeaveOpenCalls {
    type Output = ();

    fn execute(self, context: &mut CommandContext<'_>) -> Result<(), DomainError> {
        for call in context.store.open_calls()? {
            let present = call.participants.iter().filter(|participant| participant.left_at.is_none());
            let offline = present.map(|participant| &participant.user.id).filter(|user| self.users.contains(*user));
            for user in offline {
                leave(context, call.id, user)?;
            }
        }
        Ok(())
    }
}

/// Removes a user whose membership of the room ends from the room's open call.
pub(crate) fn leave_calls(context: &mut CommandContext<'_>, room: &RoomId, user: &UserId) -> Result<(), DomainError> {
    if !room.kind().has_calls() {
        return Ok(());
    }
    match context.store.open_call(room)? {
        Some(call) => leave(context, call.id, user),
        None => Ok(()),
    }
}

fn leave(context: &mut CommandContext<'_>, call: EntityId, user: &UserId) -> Result<(), DomainError> {
    let Some(mut call) = context.store.call(call)?.filter(|call| call.is_open()) else { return Ok(()) };
    if remove_participant(context, &mut call, user)? && call.all_have_left() {
        end_call(context, &mut call, CallStatus::Ended, Some(user.clone()))?;
    }
    Ok(())
}
