//! Deletes a message.

use crate::chat::{Message, changeable};
use crate::event::Event;
use crate::names::{Id, Kind};
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;

/// Deletes a message, as its sender. The answer is the message as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteMessage {
    /// The kind of the message's room; a message in another kind of room is not found.
    pub of: Kind,
    /// The message's id.
    pub message: Id,
}

impl Command for DeleteMessage {
    type Answer = Message;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Message, Refusal> {
        let message = changeable(tx, self.of, self.message)?;
        if message.sender.id != tx.actor.person {
            return Err(Refusal::Forbidden("Not authorized to delete this message"));
        }
        tx.store.delete_message(message.id)?;
        tx.record(&message.room, Event::MessageDeleted { message: message.id, sender: message.sender.clone() })?;
        Ok(message)
    }
}
