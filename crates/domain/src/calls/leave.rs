//! Going out of a call without ending it for others.

use crate::calls::{Status, finish, go};
use crate::names::{Id, PersonId, Room};
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;

/// A person is in a call no longer: the server's, when the connection is gone. The last who goes ends it. What is over already stays so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaveCall {
    /// Which call.
    pub call: Id,
    /// Who.
    pub person: PersonId,
}

impl Command for LeaveCall {
    type Answer = ();

    fn decide(self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        leave(tx, self.call, &self.person)
    }
}

/// A membership ends, and with it the person's part in the room's call.
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
