//! Starts a call.

use crate::access::{record_activity, require_member};
use crate::calls::add_participant;
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::event::Event;
use crate::field::Field;
use crate::model::{Call, CallStatus, RoomId, RoomKind};
use crate::validation;

/// A caller cannot start a call in a room if more of its members have blocked the caller.
const MAX_BLOCKERS: u32 = 100;

/// Calls the members of a room, as one of them. A room has one call at a time: a command during an open call returns that call, so that two members
/// who call at the same time both get the first call. Members who have blocked the caller do not receive the event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InitiateCall {
    /// The room.
    pub room: RoomId,
    /// The call type, an identifier that the client chooses.
    pub sort: String,
}

/// The output of [`InitiateCall`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InitiateCallResult {
    /// The open call of the room.
    pub call: Call,
    /// Whether the call was open before the command; no event is recorded for it then.
    pub existing: bool,
}

impl Command for InitiateCall {
    type Output = InitiateCallResult;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<InitiateCallResult, DomainError> {
        require_member(context.store, context.actor, &self.room)?;
        if !self.room.kind().has_calls() {
            return Err(DomainError::invalid(Field::CallRoom, "has no calls"));
        }
        record_activity(context.store, context.actor, &self.room)?;
        validation::identifier(Field::CallType, Some(&self.sort))?;
        if let Some(call) = context.store.open_call(&self.room)? {
            return Ok(InitiateCallResult { call, existing: true });
        }
        let not_for = match context.actor.admin {
            true => Vec::new(),
            false => context.store.blockers_in(&self.room, &context.actor.user, MAX_BLOCKERS + 1)?,
        };
        if not_for.len() > MAX_BLOCKERS as usize {
            return Err(DomainError::Conflict("This room takes no calls now"));
        }
        let user = context.store.user(&context.actor.user)?.ok_or(DomainError::NotFound(RoomKind::User.display_name()))?;
        let mut call = Call {
            id: context.new_id(),
            room: self.room,
            sort: self.sort,
            initiated_by: user.clone(),
            status: CallStatus::Ringing,
            started_at: context.now,
            answered_at: None,
            ended_at: None,
            ended_by: None,
            participants: Vec::new(),
        };
        context.store.insert_call(&call)?;
        add_participant(context, &mut call, user)?;
        context.record_event(&call.room, Event::CallInitiated { call: call.clone(), not_for })?;
        Ok(InitiateCallResult { call, existing: false })
    }
}
