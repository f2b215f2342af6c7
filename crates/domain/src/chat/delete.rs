//! Deletes a message.

use crate::chat::own_message;
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::event::Event;
use crate::model::{EntityId, Message, RoomKind};

/// Deletes a message, as its sender. The output is the message as it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteMessage {
    /// The kind of the message's room; a message in another kind of room is not found.
    pub of: RoomKind,
    /// The message's id.
    pub message: EntityId,
}

impl Command for DeleteMessage {
    type Output = Message;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Message, DomainError> {
        let message = own_message(context, self.of, self.message)?;
        if message.sender.id != context.actor.user {
            return Err(DomainError::Forbidden("Not authorized to delete this message"));
        }
        context.store.delete_message(message.id)?;
        context.record_event(&message.room, Event::MessageDeleted { message: message.id, sender: message.sender.clone() })?;
        Ok(message)
    }
}
