//! Calls, kept as records: who rang whom, who took part, and how it ended. What is said in a call goes from screen to screen and not through
//! here.

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

/// How far a call has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It rings, and nobody has answered.
    Ringing,
    /// Somebody has.
    Ongoing,
    /// It is over.
    Ended,
    /// It is over, and nobody has answered.
    Missed,
}

impl Status {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Ringing, Self::Ongoing, Self::Ended, Self::Missed];
}

/// Somebody in a call, or who was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Participant {
    /// Who.
    pub person: Person,
    /// Since when: the last coming.
    pub joined_at: Timestamp,
    /// Until when, if the person is not in it any more.
    pub left_at: Option<Timestamp>,
}

/// A call, whole. A room has at most one that is not over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Call {
    /// Its id.
    pub id: Id,
    /// Where.
    pub room: Room,
    /// What sort of call its client calls it: `AUDIO`, `VIDEO`.
    pub sort: String,
    /// Who rang; a participant from the start.
    pub initiated_by: Person,
    /// How far it has come.
    pub status: Status,
    /// When it began to ring.
    pub started_at: Timestamp,
    /// When the first answered, if anybody has.
    pub answered_at: Option<Timestamp>,
    /// When it was over, if it is.
    pub ended_at: Option<Timestamp>,
    /// Who ended it; nobody if it was missed, or cut off.
    pub ended_by: Option<PersonId>,
    /// Everybody who is or was in it, in the order of the first coming.
    pub participants: Vec<Participant>,
}

impl Call {
    /// Whether it rings or is going on.
    pub fn is_open(&self) -> bool {
        matches!(self.status, Status::Ringing | Status::Ongoing)
    }

    /// Whether somebody is in it now.
    pub fn has(&self, person: &PersonId) -> bool {
        self.participants.iter().any(|participant| participant.person.id == *person && participant.left_at.is_none())
    }

    /// Whether nobody is in it any more.
    fn is_deserted(&self) -> bool {
        self.participants.iter().all(|participant| participant.left_at.is_some())
    }
}

/// A call that the actor may see. One in a room of another kind than the caller speaks of is answered like one that is not there, and so is
/// one in a room that the actor is not in.
fn visible(tx: &mut Tx<'_>, of: Kind, call: Id) -> Result<Call, Refusal> {
    const NOT_THERE: Refusal = Refusal::NotFound("Call");
    let call = tx.store.call(call)?.filter(|call| call.room.kind() == of).ok_or(NOT_THERE)?;
    role_in(tx.store, &call.room, &tx.actor.person)?.ok_or(NOT_THERE)?;
    Ok(call)
}

/// Refuses what comes too late.
fn require_open(call: &Call) -> Result<(), Refusal> {
    if call.is_open() { Ok(()) } else { Err(Refusal::Conflict("The call is over")) }
}

/// A person comes into a call. False if the person was in it already.
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

/// A person goes out of a call. False if the person was not in it.
fn go(tx: &mut Tx<'_>, call: &mut Call, person: &PersonId) -> Stored<bool> {
    let now = tx.now;
    let present = |participant: &&mut Participant| participant.person.id == *person && participant.left_at.is_none();
    let Some(participant) = call.participants.iter_mut().find(present) else { return Ok(false) };
    participant.left_at = Some(now);
    tx.store.put_participant(call.id, participant)?;
    Ok(true)
}

/// A call is over, for everybody who is still in it.
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
