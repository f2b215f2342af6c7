//! Ends a call.

use crate::calls::{Call, CallStatus, end_call, require_open, visible_call};
use crate::ids::{EntityId, RoomKind};
use crate::command::{Command, CommandContext};
use crate::error::DomainError;

/// Ends a call for all participants, as one of them. In a room of two members, the called member may end a ringing call, too, to decline it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndCall {
    /// The kind of the call's room; a call in another kind of room is not found.
    pub of: RoomKind,
    /// The call's id.
    pub call: EntityId,
}

impl Command for EndCall {
    type Output = Call;

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<Call, DomainError> {
        let mut call = visible_call(tx, self.of, self.call)?;
        require_open(&call)?;
        let person = tx.actor.person.clone();
        let declines = call.status == CallStatus::Ringing && tx.store.space(&call.room)?.is_some_and(|space| space.member_count == 2);
        if !call.has(&person) && !declines {
            return Err(DomainError::Forbidden("Only who is in the call may end it"));
        }
        end_call(tx, &mut call, CallStatus::Ended, Some(person))?;
        Ok(call)
    }
}
