//! Calls, stored as records: the caller, the participants, the status and the times. The media of a call go from client to client, not through the
//! server.

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::names::{Id, Kind, PersonId, Room, Timestamp};
use crate::operation::Tx;
use crate::people::Person;
use crate::refusal::Refusal;
use crate::seam::Stored;
use crate::spaces::role_in;

mod answer;
mod end;
mod initiate;
mod leave;
mod overdue;
mod read;

pub use answer::AnswerCall;
pub use end::EndCall;
pub use initiate::{InitiateCall, Initiated};
pub use leave::LeaveCall;
pub(crate) use leave::leave_calls;
pub use overdue::{EndInterruptedCalls, GiveUpRinging, RINGS_SECONDS};
pub use read::ListCalls;

/// The status of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// The call rings, and no member has answered.
    Ringing,
    /// A member has answered.
    Ongoing,
    /// The call has ended.
    Ended,
    /// The call has ended, and no member has answered in time.
    Missed,
}

impl Status {
    /// All statuses.
    pub const ALL: [Self; 4] = [Self::Ringing, Self::Ongoing, Self::Ended, Self::Missed];
}

/// A present or former participant of a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Participant {
    /// The participant's profile.
    pub person: Person,
    /// The time of the last join.
    pub joined_at: Timestamp,
    /// The time of leaving; `None` for a present participant.
    pub left_at: Option<Timestamp>,
}

/// A call. A room has at most one call that has not ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Call {
    /// The call's id.
    pub id: Id,
    /// The call's room.
    pub room: Room,
    /// The call type that the client chose, such as `AUDIO` or `VIDEO`.
    pub sort: String,
    /// The caller, a participant from the start.
    pub initiated_by: Person,
    /// The status of the call.
    pub status: Status,
    /// The time at which it began to ring.
    pub started_at: Timestamp,
    /// The time of the first answer, if there was one.
    pub answered_at: Option<Timestamp>,
    /// The time at which it ended, if it has ended.
    pub ended_at: Option<Timestamp>,
    /// The user who ended it; `None` if it was missed or interrupted.
    pub ended_by: Option<PersonId>,
    /// All present and former participants, in the order of the first join.
    pub participants: Vec<Participant>,
}

impl Call {
    /// Whether the call rings or is ongoing.
    pub fn is_open(&self) -> bool {
        matches!(self.status, Status::Ringing | Status::Ongoing)
    }

    /// Whether a user is a present participant.
    pub fn has(&self, person: &PersonId) -> bool {
        self.participants.iter().any(|participant| participant.person.id == *person && participant.left_at.is_none())
    }

    /// Whether all participants have left.
    fn is_deserted(&self) -> bool {
        self.participants.iter().all(|participant| participant.left_at.is_some())
    }
}

/// Reads a call that the actor may see. A call in another kind of room than `of`, or in a room without access for the actor, gets the same refusal as
/// a missing call.
fn visible(tx: &mut Tx<'_>, of: Kind, call: Id) -> Result<Call, Refusal> {
    const NOT_THERE: Refusal = Refusal::NotFound("Call");
    let call = tx.store.call(call)?.filter(|call| call.room.kind() == of).ok_or(NOT_THERE)?;
    role_in(tx.store, &call.room, &tx.actor.person)?.ok_or(NOT_THERE)?;
    Ok(call)
}

/// Refuses operations on a call that has ended.
fn require_open(call: &Call) -> Result<(), Refusal> {
    if call.is_open() { Ok(()) } else { Err(Refusal::Conflict("The call is over")) }
}

/// Adds a user to the participants of a call. False if the user was a present participant already.
fn come(tx: &mut Tx<'_>, call: &mut Call, person: Person) -> Stored<bool> {
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
fn go(tx: &mut Tx<'_>, call: &mut Call, person: &PersonId) -> Stored<bool> {
    let now = tx.now;
    let present = |participant: &&mut Participant| participant.person.id == *person && participant.left_at.is_none();
    let Some(participant) = call.participants.iter_mut().find(present) else { return Ok(false) };
    participant.left_at = Some(now);
    tx.store.put_participant(call.id, participant)?;
    Ok(true)
}

/// Ends a call for all present participants, and records the event.
fn finish(tx: &mut Tx<'_>, call: &mut Call, status: Status, by: Option<PersonId>) -> Result<(), Refusal> {
    let present: Vec<PersonId> = call
        .participants
        .iter()
        .filter(|participant| participant.left_at.is_none())
        .map(|participant| participant.person.id.clone())
        .collect();
    for person in present {
        go(tx, call, &person)?;
    }
    call.status = status;
    call.ended_at = Some(tx.now);
    call.ended_by = by;
    tx.store.update_call(call)?;
    tx.record(&call.room, Event::CallEnded { call: call.clone() })
}
