//! Answers a call.

use crate::access::record_activity;
use crate::calls::{add_participant, require_open, visible_call};
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::event::Event;
use crate::model::{Call, CallStatus, EntityId, RoomKind};

/// Joins a ringing or ongoing call, as a member of its room. The first participant besides the caller makes the call ongoing. For a participant who
/// has joined already, no event is recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerCall {
    /// The kind of the call's room; a call in another kind of room is not found.
    pub of: RoomKind,
    /// The call's id.
    pub call: EntityId,
}

impl Command for AnswerCall {
    type Output = Call;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Call, DomainError> {
        let mut call = visible_call(context, self.of, self.call)?;
        require_open(&call)?;
        record_activity(context.store, context.actor, &call.room)?;
        let user = context.store.user(&context.actor.user)?.ok_or(DomainError::NotFound(RoomKind::User.display_name()))?;
        if !add_participant(context, &mut call, user.clone())? {
            return Ok(call);
        }
        if call.status == CallStatus::Ringing && user.id != call.initiated_by.id {
            call.status = CallStatus::Ongoing;
            call.answered_at = Some(context.now);
            context.store.update_call(&call)?;
        }
        context.record_event(&call.room, Event::CallAnswered { call: call.clone(), by: user })?;
        Ok(call)
    }
}
