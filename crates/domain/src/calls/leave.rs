//! Leaves a call without ending it for others.

use crate::calls::{Status, finish, go};
use crate::names::{Id, PersonId, Room};
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;

/// Removes a user from the participants of a call, by the server after the user's connection has ended. The last participant who leaves ends the
/// call. A call that has ended stays unchanged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaveCall {
    /// The call's id.
    pub call: Id,
    /// The participant.
    pub person: PersonId,
}

impl Command for LeaveCall {
    type Answer = ();

    fn decide(self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        leave(tx, self.call, &self.person)
    }
}

/// Removes a user whose membership of the room ends from the room's open call.
pub(crate) fn leave_calls(tx: &mut Tx<'_>, room: &Room, person: &PersonId) -> Result<(), Refusal> {
    if !room.kind().has_calls() {
        return Ok(());
    }
    match tx.store.open_call(room)? {
        Some(call) => leave(tx, call.id, person),
        None => Ok(()),
    }
}

fn leave(tx: &mut Tx<'_>, call: Id, person: &PersonId) -> Result<(), Refusal> {
    let Some(mut call) = tx.store.call(call)?.filter(|call| call.is_open()) else { return Ok(()) };
    if go(tx, &mut call, person)? && call.is_deserted() {
        finish(tx, &mut call, Status::Ended, Some(person.clone()))?;
    }
    Ok(())
}
