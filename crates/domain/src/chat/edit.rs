//! Edits a message.

use crate::chat::{Message, own_message, check_content, mentions};
use crate::event::Event;
use crate::ids::{EntityId, RoomKind};
use crate::command::{Command, CommandContext};
use crate::error::DomainError;

/// Edits the text of a message, as its sender. Every edit records an event, because clients wait for it; an edit with the same text does not change
/// the message or the time of its last edit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EditMessage {
    /// The kind of the message's room; a message in another kind of room is not found.
    pub of: RoomKind,
    /// The message's id.
    pub message: EntityId,
    /// The new text.
    pub content: String,
}

impl Command for EditMessage {
    type Output = Message;

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<Message, DomainError> {
        let mut message = own_message(tx, self.of, self.message)?;
        if message.sender.id != tx.actor.person {
            return Err(DomainError::Forbidden("Not authorized to edit this message"));
        }
        check_content(&self.content, message.file_url.is_some())?;
        let mut before = None;
        if self.content != message.content {
            before = Some(std::mem::replace(&mut message.content, self.content));
            message.edited_at = Some(tx.now);
            tx.store.update_message(&message)?;
        }
        tx.record_event(&message.room, Event::MessageEdited { message: message.clone() })?;
        if let Some(before) = before {
            mentions::notify_mentioned(tx, &message, Some(&before))?;
        }
        Ok(message)
    }
}
