//! Messages of a room.

use crate::access::{require_writable, role_in};
use crate::command::CommandContext;
use crate::error::DomainError;
use crate::field::Field;
use crate::model::{EntityId, RoomKind};
use crate::validation;

mod delete;
mod edit;
mod mentions;
mod queries;
mod read_markers;
mod send;

pub use crate::model::{Message, MessageWithReadState};
pub use delete::DeleteMessage;
pub use edit::EditMessage;
pub use queries::{GetMessage, ListMessages};
pub(crate) use read_markers::init_read_marker;
pub use read_markers::{
    ConversationSummary, CountUnread, GetConversationSummary, ListConversationSummaries, ListMessagesWithReadState, MarkRead, ReadUpdate,
};
pub use send::{SendMessage, SendMessageResult};

/// Reads a message that the actor may see. A message in another kind of room than `of`, or in a room without access for the actor, gets the same
/// error as a missing message.
fn visible_message(context: &mut CommandContext<'_>, of: RoomKind, message: EntityId) -> Result<Message, DomainError> {
    const NOT_FOUND: DomainError = DomainError::NotFound("Message");
    let message = context.store.message(message)?.filter(|message| message.room.kind() == of).ok_or(NOT_FOUND)?;
    role_in(context.store, &message.room, &context.actor.user)?.ok_or(NOT_FOUND)?;
    Ok(message)
}

/// As [`visible_message`], for a change of the message: rejects messages in archived spaces.
fn own_message(context: &mut CommandContext<'_>, of: RoomKind, message: EntityId) -> Result<Message, DomainError> {
    let message = visible_message(context, of, message)?;
    require_writable(context.store, context.actor, &message.room)?;
    Ok(message)
}

/// Checks that a message has a text or a file.
fn check_content(content: &str, has_file: bool) -> Result<(), DomainError> {
    match has_file {
        true => validation::optional(Field::Content, Some(content), validation::MAX_CONTENT),
        false => validation::required(Field::Content, content, validation::MAX_CONTENT),
    }
}
