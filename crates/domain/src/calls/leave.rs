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

/// Removes users from calls who are in them on no node.
///
/// The output is whether they were removed. They were not if a node runs that is not in `listed`: it cannot reach the other nodes, and may have the users'
/// connections.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaveLostCalls {
    /// The ids of the calls, and the users.
    pub participants: BTreeSet<(EntityId, UserId)>,
    /// The ids of the nodes that count as alive.
    pub listed: Vec<String>,
}

impl Command for LeaveLostCalls {
    type Output = bool;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<bool, DomainError> {
        if context.store.running_nodes()?.iter().any(|node| !self.listed.contains(node)) {
            return Ok(false);
        }
        for (call, user) in &self.participants {
            leave(context, *call, user)?;
        }
        Ok(true)
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
