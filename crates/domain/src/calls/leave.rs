//! Leaves a call without ending it for others.

use crate::calls::{CallStatus, end_call, remove_participant};
use crate::ids::{EntityId, UserId, RoomId};
use crate::command::{Command, CommandContext};
use crate::error::DomainError;

/// Removes a user from the participants of a call, by the server after the user's connection has ended. The last participant who leaves ends the
/// call. A call that has ended stays unchanged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaveCall {
    /// The call's id.
    pub call: EntityId,
    /// The participant.
    pub person: UserId,
}

impl Command for LeaveCall {
    type Output = ();

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<(), DomainError> {
        leave(tx, self.call, &self.person)
    }
}

/// Removes a user whose membership of the room ends from the room's open call.
pub(crate) fn leave_calls(tx: &mut CommandContext<'_>, room: &RoomId, person: &UserId) -> Result<(), DomainError> {
    if !room.kind().has_calls() {
        return Ok(());
    }
    match tx.store.open_call(room)? {
        Some(call) => leave(tx, call.id, person),
        None => Ok(()),
    }
}

fn leave(tx: &mut CommandContext<'_>, call: EntityId, person: &UserId) -> Result<(), DomainError> {
    let Some(mut call) = tx.store.call(call)?.filter(|call| call.is_open()) else { return Ok(()) };
    if remove_participant(tx, &mut call, person)? && call.has_nobody_left() {
        end_call(tx, &mut call, CallStatus::Ended, Some(person.clone()))?;
    }
    Ok(())
}
