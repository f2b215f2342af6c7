//! Sends a message.

use serde_json::Value;

use crate::access::require_writer;
use crate::chat::{check_content, mentions};
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::event::Event;
use crate::field::Field;
use crate::model::{Message, RoomId, RoomKind};
use crate::validation;

/// Sends a message to a room, as a member of it. The text is stored unchanged.
#[derive(Clone, PartialEq, Debug)]
pub struct SendMessage {
    /// The room.
    pub room: RoomId,
    /// The text.
    pub content: String,
    /// The message type, an identifier that the client chooses; `None` for plain text.
    pub sort: Option<String>,
    /// The link to the file of the message, if it has one. With a file the text may be empty.
    pub file_url: Option<String>,
    /// Data of the client to store with the message: a JSON object.
    pub metadata: Option<Value>,
    /// The client's id of the message: a message that is sent twice with the same id to a room is stored and broadcast once.
    pub client_id: Option<String>,
}

/// The output of [`SendMessage`].
#[derive(Clone, PartialEq, Debug)]
pub struct SendMessageResult {
    /// The message, as stored.
    pub message: Message,
    /// Whether it had been sent before.
    pub duplicate: bool,
}

impl Command for SendMessage {
    type Output = SendMessageResult;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<SendMessageResult, DomainError> {
        let sender = require_writer(context.store, context.actor, &self.room)?;
        if !self.room.kind().has_messages() {
            return Err(DomainError::invalid(Field::MessageRoom, "takes no messages"));
        }
        check_content(&self.content, self.file_url.is_some())?;
        validation::identifier(Field::MessageType, self.sort.as_deref())?;
        validation::link(Field::FileUrl, self.file_url.as_deref())?;
        validation::metadata(Field::Metadata, self.metadata.as_ref())?;
        validation::optional(Field::ClientId, self.client_id.as_deref(), validation::MAX_CLIENT_ID)?;
        if let Some(client_id) = &self.client_id
            && let Some(message) = context.store.message_by_client_id(&self.room, &context.actor.user, client_id)?
        {
            return Ok(SendMessageResult { message, duplicate: true });
        }
        let sender = sender.ok_or(DomainError::NotFound(RoomKind::User.display_name()))?;
        let message = Message {
            id: context.new_id(),
            room: self.room,
            sender,
            content: self.content,
            sort: self.sort,
            file_url: self.file_url,
            metadata: self.metadata,
            client_id: self.client_id,
            created_at: context.now,
            edited_at: None,
        };
        context.store.insert_message(&message)?;
        context.record_event(&message.room, Event::MessageSent { message: message.clone() })?;
        mentions::notify_mentioned(context, &message, None)?;
        Ok(SendMessageResult { message, duplicate: false })
    }
}
