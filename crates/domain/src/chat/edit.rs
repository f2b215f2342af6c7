//! Edits a message.

use crate::chat::{check_content, mentions, own_message};
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::event::Event;
use crate::model::{EntityId, Message, RoomKind};

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

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Message, DomainError> {
        let mut message = own_message(context, self.of, self.message)?;
        if message.sender.id != context.actor.user {
            return Err(DomainError::Forbidden("Not authorized to edit this message"));
        }
        check_content(&self.content, message.file_url.is_some())?;
        let mut before = None;
        if self.content != message.content {
            before = Some(std::mem::replace(&mut message.content, self.content));
            message.edited_at = Some(context.now);
            context.store.update_message(&message)?;
        }
        context.record_event(&message.room, Event::MessageEdited { message: message.clone() })?;
        if let Some(before) = before {
            mentions::notify_mentioned(context, &message, Some(&before))?;
        }
        Ok(message)
    }
}
