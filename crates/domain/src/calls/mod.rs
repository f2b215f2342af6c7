//! Calls, stored as records: the caller, the participants, the status and the times. The media of a call go from client to client, not through the
//! server.

use serde::{Deserialize, Serialize};

use crate::command::CommandContext;
use crate::error::DomainError;
use crate::event::Event;
use crate::ids::{EntityId, RoomId, RoomKind, Timestamp, UserId};
use crate::ports::StoreResult;
use crate::spaces::role_in;
use crate::users::User;

mod answer;
mod end;
mod initiate;
mod leave;
mod queries;
mod timeouts;

pub use answer::AnswerCall;
pub use end::EndCall;
pub use initiate::{InitiateCall, InitiateCallResult};
pub use leave::LeaveCall;
pub(crate) use leave::leave_calls;
pub use queries::ListCalls;
pub use timeouts::{EndStaleCalls, ExpireRingingCall, RING_TIMEOUT_SECONDS};

/// The status of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CallStatus {
    /// The call rings, and no member has answered.
    Ringing,
    /// A member has answered.
    Ongoing,
    /// The call has ended.
    Ended,
    /// The call has ended, and no member has answered in time.
    Missed,
}

impl CallStatus {
    /// All statuses.
    pub const ALL: [Self; 4] = [Self::Ringing, Self::Ongoing, Self::Ended, Self::Missed];
}

/// A present or former participant of a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Participant {
    /// The participant's profile.
    #[serde(rename = "person")]
    pub user: User,
    /// The time of the last join.
    pub joined_at: Timestamp,
    /// The time of leaving; `None` for a present participant.
    pub left_at: Option<Timestamp>,
}

/// A call. A room has at most one call that has not ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Call {
    /// The call's id.
    pub id: EntityId,
    /// The call's room.
    pub room: RoomId,
    /// The call type that the client chose, such as `AUDIO` or `VIDEO`.
    pub sort: String,
    /// The caller, a participant from the start.
    pub initiated_by: User,
    /// The status of the call.
    pub status: CallStatus,
    /// The time at which it began to ring.
    pub started_at: Timestamp,
    /// The time of the first answer, if there was one.
    pub answered_at: Option<Timestamp>,
    /// The time at which it ended, if it has ended.
    pub ended_at: Option<Timestamp>,
    /// The user who ended it; `None` if it was missed or interrupted.
    pub ended_by: Option<UserId>,
    /// All present and former participants, in the order of the first join.
    pub participants: Vec<Participant>,
}

impl Call {
    /// Whether the call rings or is ongoing.
    pub fn is_open(&self) -> bool {
        matches!(self.status, CallStatus::Ringing | CallStatus::Ongoing)
    }

    /// Whether a user is a present participant.
    pub fn has(&self, user: &UserId) -> bool {
        self.participants.iter().any(|participant| participant.user.id == *user && participant.left_at.is_none())
    }

    /// Whether all participants have left.
    fn has_nobody_left(&self) -> bool {
        self.participants.iter().all(|participant| participant.left_at.is_some())
    }
}

/// Reads a call that the actor may see. A call in another kind of room than `of`, or in a room without access for the actor, gets the same refusal as
/// a missing call.
fn visible_call(context: &mut CommandContext<'_>, of: RoomKind, call: EntityId) -> Result<Call, DomainError> {
    const NOT_THERE: DomainError = DomainError::NotFound("Call");
    let call = context.store.call(call)?.filter(|call| call.room.kind() == of).ok_or(NOT_THERE)?;
    role_in(context.store, &call.room, &context.actor.user)?.ok_or(NOT_THERE)?;
    Ok(call)
}

/// Refuses operations on a call that has ended.
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
    match call.participants.iter_mut().find(|known| known.user.id == participant.user.id) {
        Some(known) => *known = participant,
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
