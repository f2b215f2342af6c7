//! Ends a call.

use crate::calls::{Call, Status, finish, require_open, visible};
use crate::names::{Id, Kind};
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;

/// Ends a call for all participants, as one of them. In a room of two members, the called member may end a ringing call, too, to decline it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndCall {
    /// The kind of the call's room; a call in another kind of room is not found.
    pub of: Kind,
    /// The call's id.
    pub call: Id,
}

impl Command for EndCall {
    type Answer = Call;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Call, Refusal> {
        let mut call = visible(tx, self.of, self.call)?;
        require_open(&call)?;
        let person = tx.actor.person.clone();
        let declines = call.status == Status::Ringing && tx.store.space(&call.room)?.is_some_and(|space| space.member_count == 2);
        if !call.has(&person) && !declines {
            return Err(Refusal::Forbidden("Only who is in the call may end it"));
        }
        finish(tx, &mut call, Status::Ended, Some(person))?;
        Ok(call)
    }
}
