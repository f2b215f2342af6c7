//! Second thoughts.

use crate::chat::{Message, changeable, check_content, mentions};
use crate::event::Event;
use crate::names::{Id, Kind};
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;

/// Gives a message another text, as its sender. Every edit is told, because clients wait for it; one that changes nothing leaves the message
/// as it was, to the moment of its last change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EditMessage {
    /// The kind of rooms that the caller speaks of.
    pub of: Kind,
    /// Which message.
    pub message: Id,
    /// The new text.
    pub content: String,
}

impl Command for EditMessage {
    type Answer = Message;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Message, Refusal> {
        let mut message = changeable(tx, self.of, self.message)?;
        if message.sender.id != tx.actor.person {
            return Err(Refusal::Forbidden("Not authorized to edit this message"));
        }
        check_content(&self.content, message.file_url.is_some())?;
        let mut before = None;
        if self.content != message.content {
            before = Some(std::mem::replace(&mut message.content, self.content));
            message.edited_at = Some(tx.now);
            tx.store.update_message(&message)?;
        }
        tx.record(&message.room, Event::MessageEdited { message: message.clone() })?;
        if let Some(before) = before {
            mentions::tell(tx, &message, Some(&before))?;
        }
        Ok(message)
    }
}
