//! Ends a call.

use crate::calls::{end_call, require_open, visible_call};
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::model::{Call, CallStatus, EntityId, RoomKind};

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

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Call, DomainError> {
        let mut call = visible_call(context, self.of, self.call)?;
        require_open(&call)?;
        let user = context.actor.user.clone();
        let declines = call.status == CallStatus::Ringing && context.store.space(&call.room)?.is_some_and(|space| space.member_count == 2);
        if !call.has(&user) && !declines {
            return Err(DomainError::Forbidden("Only who is in the call may end it"));
        }
        end_call(context, &mut call, CallStatus::Ended, Some(user))?;
        Ok(call)
    }
}
