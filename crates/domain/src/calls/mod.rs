//! Calls, stored as records: the caller, the participants, the status and the times. The media of a call go from client to client, not through the
//! server.

use crate::access::role_in;
use crate::command::CommandContext;
use crate::error::DomainError;
use crate::event::Event;
use crate::model::{EntityId, RoomKind, User, UserId};
use crate::ports::StoreResult;

mod answer;
mod end;
mod initiate;
mod leave;
mod queries;
mod timeouts;

pub use crate::model::{Call, CallStatus, Participant};
pub use answer::AnswerCall;
pub use end::EndCall;
pub use initiate::{InitiateCall, InitiateCallResult};
pub(crate) use leave::leave_calls;
pub use leave::{LeaveCall, LeaveLostCalls};
pub use queries::{ListCallParticipants, ListCalls};
pub use timeouts::{EndStaleCalls, ExpireRingingCall, RING_TIMEOUT_SECONDS};

/// Reads a call that the actor may see. A call in another kind of room than `of`, or in a room without access for the actor, gets the same error as
/// a missing call.
fn visible_call(context: &mut CommandContext<'_>, of: RoomKind, call: EntityId) -> Result<Call, DomainError> {
    const NOT_FOUND: DomainError = DomainError::NotFound("Call");
    let call = context.store.call(call)?.filter(|call| call.room.kind() == of).ok_or(NOT_FOUND)?;
    role_in(context.store, &call.room, &context.actor.user)?.ok_or(NOT_FOUND)?;
    Ok(call)
}

/// Rejects operations on a call that has ended.
fn require_open(call: &Call) -> Result<(), DomainError> {
    if call.is_open() { Ok(()) } else { Err(DomainError::Conflict("The call is over")) }
}

/// Adds a user to the participants of a call. False if the user was a present participant already.
fn add_participant(context: &mut CommandContext<'_>, call: &mut Call, user: User) -> StoreResult<bool> {
    if call.has(&user.id) {
        return Ok(false);
    }
    let participant = Participant { user, joined_at: context.now, left_at: None };
    context.store.put_participant(call.id, &participant)?;
    match call.participants.iter_mut().find(|stored| stored.user.id == participant.user.id) {
        Some(stored) => *stored = participant,
        None => call.participants.push(participant),
    }
    Ok(true)
}

/// Removes a user from the present participants of a call. False if the user was not one.
fn remove_participant(context: &mut CommandContext<'_>, call: &mut Call, user: &UserId) -> StoreResult<bool> {
    let now = context.now;
    let present = |participant: &&mut Participant| participant.user.id == *user && participant.left_at.is_none();
    let Some(participant) = call.participants.iter_mut().find(present) else { return Ok(false) };
    participant.left_at = Some(now);
    context.store.put_participant(call.id, participant)?;
    Ok(true)
}

/// Ends a call for all present participants, and records the event.
fn end_call(context: &mut CommandContext<'_>, call: &mut Call, status: CallStatus, by: Option<UserId>) -> Result<(), DomainError> {
    let present: Vec<UserId> = call
        .participants
        .iter()
        .filter(|participant| participant.left_at.is_none())
        .map(|participant| participant.user.id.clone())
        .collect();
    for user in present {
        remove_participant(context, call, &user)?;
    }
    call.status = status;
    call.ended_at = Some(context.now);
    call.ended_by = by;
    context.store.update_call(call)?;
    context.record_event(&call.room, Event::CallEnded { call: call.clone() })
}
