//! Starts a call.

use crate::calls::{Call, Status, come};
use crate::event::Event;
use crate::fields;
use crate::names::{Kind, Room};
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::spaces::{act, require_member};

/// A caller cannot start a call in a room if more of its members have blocked the caller.
const MOST_BLOCKERS: u32 = 100;

/// Calls the members of a room, as one of them. A room has one call at a time: a command during an open call returns that call, so that two members
/// who call at the same time both get the first call. Members who have blocked the caller do not receive the event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InitiateCall {
    /// The room.
    pub room: Room,
    /// The call type, an identifier that the client chooses.
    pub sort: String,
}

/// The answer of [`InitiateCall`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Initiated {
    /// The open call of the room.
    pub call: Call,
    /// Whether the call was open before the command; no event is recorded for it then.
    pub existing: bool,
}

impl Command for InitiateCall {
    type Answer = Initiated;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Initiated, Refusal> {
        require_member(tx.store, tx.actor, &self.room)?;
        if !self.room.kind().has_calls() {
            return Err(Refusal::invalid("roomId", "has no calls"));
        }
        act(tx.store, tx.actor, &self.room)?;
        fields::word("callType", Some(&self.sort))?;
        if let Some(call) = tx.store.open_call(&self.room)? {
            return Ok(Initiated { call, existing: true });
        }
        let not_for = match tx.actor.admin {
            true => Vec::new(),
            false => tx.store.blockers_in(&self.room, &tx.actor.person, MOST_BLOCKERS + 1)?,
        };
        if not_for.len() > MOST_BLOCKERS as usize {
            return Err(Refusal::Conflict("This room takes no calls now"));
        }
        let person = tx.store.person(&tx.actor.person)?.ok_or(Refusal::NotFound(Kind::User.noun()))?;
        let mut call = Call {
            id: tx.new_id(),
            room: self.room,
            sort: self.sort,
            initiated_by: person.clone(),
            status: Status::Ringing,
            started_at: tx.now,
            answered_at: None,
            ended_at: None,
            ended_by: None,
            participants: Vec::new(),
        };
        tx.store.insert_call(&call)?;
        come(tx, &mut call, person)?;
        tx.record(&call.room, Event::CallInitiated { call: call.clone(), not_for })?;
        Ok(Initiated { call, existing: false })
    }
}
