//! Answers a call.

use crate::calls::{Call, Status, come, require_open, visible};
use crate::event::Event;
use crate::names::{Id, Kind};
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::spaces::act;

/// Joins a ringing or ongoing call, as a member of its room. The first participant besides the caller makes the call ongoing. For a participant who
/// has joined already, no event is recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerCall {
    /// The kind of the call's room; a call in another kind of room is not found.
    pub of: Kind,
    /// The call's id.
    pub call: Id,
}

impl Command for AnswerCall {
    type Answer = Call;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Call, Refusal> {
        let mut call = visible(tx, self.of, self.call)?;
        require_open(&call)?;
        act(tx.store, tx.actor, &call.room)?;
        let person = tx.store.person(&tx.actor.person)?.ok_or(Refusal::NotFound(Kind::User.noun()))?;
        if !come(tx, &mut call, person.clone())? {
            return Ok(call);
        }
        if call.status == Status::Ringing && person.id != call.initiated_by.id {
            call.status = Status::Ongoing;
            call.answered_at = Some(tx.now);
            tx.store.update_call(&call)?;
        }
        tx.record(&call.room, Event::CallAnswered { call: call.clone(), by: person })?;
        Ok(call)
    }
}
