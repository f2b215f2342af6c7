//! Calls, stored as records: the caller, the participants, the status and the times. The media of a call go from client to client, not through the
//! server.

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::ids::{EntityId, RoomKind, UserId, RoomId, Timestamp};
use crate::command::CommandContext;
use crate::users::User;
use crate::error::DomainError;
use crate::ports::StoreResult;
use crate::spaces::role_in;

mod answer;
mod end;
mod initiate;
mod leave;
mod timeouts;
mod queries;

pub use answer::AnswerCall;
pub use end::EndCall;
pub use initiate::{InitiateCall, InitiateCallResult};
pub use leave::LeaveCall;
pub(crate) use leave::leave_calls;
pub use timeouts::{EndStaleCalls, ExpireRingingCall, RING_TIMEOUT_SECONDS};
pub use queries::ListCalls;

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
    pub person: User,
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
    pub fn has(&self, person: &UserId) -> bool {
        self.participants.iter().any(|participant| participant.person.id == *person && participant.left_at.is_none())
    }

    /// Whether all participants have left.
    fn has_nobody_left(&self) -> bool {
        self.participants.iter().all(|participant| participant.left_at.is_some())
    }
}

/// Reads a call that the actor may see. A call in another kind of room than `of`, or in a room without access for the actor, gets the same refusal as
/// a missing call.
fn visible_call(tx: &mut CommandContext<'_>, of: RoomKind, call: EntityId) -> Result<Call, DomainError> {
    const NOT_THERE: DomainError = DomainError::NotFound("Call");
    let call = tx.store.call(call)?.filter(|call| call.room.kind() == of).ok_or(NOT_THERE)?;
    role_in(tx.store, &call.room, &tx.actor.person)?.ok_or(NOT_THERE)?;
    Ok(call)
}

/// Refuses operations on a call that has ended.
fn require_open(call: &Call) -> Result<(), DomainError> {
    if call.is_open() { Ok(()) } else { Err(DomainError::Conflict("The call is over")) }
}

/// Adds a user to the participants of a call. False if the user was a present participant already.
fn add_participant(tx: &mut CommandContext<'_>, call: &mut Call, person: User) -> StoreResult<bool> {
    if call.has(&person.id) {
        return Ok(false);
    }
    let participant = Participant { person, joined_at: tx.now, left_at: None };
    tx.store.put_participant(call.id, &participant)?;
    match call.participants.iter_mut().find(|known| known.person.id == participant.person.id) {
        Some(known) => *known = participant,
        None => call.participants.push(participant),
    }
    Ok(true)
}

/// Removes a user from the present participants of a call. False if the user was not one.
fn remove_participant(tx: &mut CommandContext<'_>, call: &mut Call, person: &UserId) -> StoreResult<bool> {
    let now = tx.now;
    let present = |participant: &&mut Participant| participant.person.id == *person && participant.left_at.is_none();
    let Some(participant) = call.participants.iter_mut().find(present) else { return Ok(false) };
    participant.left_at = Some(now);
    tx.store.put_participant(call.id, participant)?;
    Ok(true)
}

/// Ends a call for all present participants, and records the event.
fn end_call(tx: &mut CommandContext<'_>, call: &mut Call, status: CallStatus, by: Option<UserId>) -> Result<(), DomainError> {
    let present: Vec<UserId> = call
        .participants
        .iter()
        .filter(|participant| participant.left_at.is_none())
        .map(|participant| participant.person.id.clone())
        .collect();
    for person in present {
        remove_participant(tx, call, &person)?;
    }
    call.status = status;
    call.ended_at = Some(tx.now);
    call.ended_by = by;
    tx.store.update_call(call)?;
    tx.record_event(&call.room, Event::CallEnded { call: call.clone() })
}
