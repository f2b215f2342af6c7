//! Picking up.

use crate::calls::{Call, Status, come, require_open, visible};
use crate::event::Event;
use crate::names::{Id, Kind};
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::spaces::act;

/// Comes into a call that rings or goes on, as a member of its room. The first who does so besides the one who rang makes it go on. Who is in it
/// already is answered, and nobody is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerCall {
    /// The kind of rooms that the caller speaks of.
    pub of: Kind,
    /// Which call.
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
