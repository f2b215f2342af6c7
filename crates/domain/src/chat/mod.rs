//! Messages of a room.

use serde::{Deserialize, Serialize};

use crate::command::CommandContext;
use crate::error::DomainError;
use crate::ids::{EntityId, RoomId, RoomKind, Timestamp};
use crate::spaces::{require_writable, role_in};
use crate::users::User;
use crate::validation;

mod delete;
mod edit;
mod mentions;
mod queries;
mod read_markers;
mod send;

pub use delete::DeleteMessage;
pub use edit::EditMessage;
pub use queries::{GetMessage, ListMessages};
pub(crate) use read_markers::init_read_marker;
pub use read_markers::{
    ConversationSummary, CountUnread, GetConversationSummary, ListConversationSummaries, ListMessagesWithReadState, MarkRead,
    MessageWithReadState, ReadUpdate,
};
pub use send::{SendMessage, SendMessageResult};

/// A message.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Message {
    /// The message's id.
    pub id: EntityId,
    /// The room to which it was sent.
    pub room: RoomId,
    /// The sender's profile.
    pub sender: User,
    /// The text, 1 to 10,000 characters; it may be empty with a file.
    pub content: String,
    /// The message type that the client chose, such as `IMAGE`; `None` for plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// The link to the file of the message, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_url: Option<String>,
    /// Data of the client, a JSON object of at most 16 KB.
    pub metadata: Option<serde_json::Value>,
    /// The id that the sender's client gave it, so that the server recognizes a repeated sending.
    pub client_id: Option<String>,
    /// The time of sending.
    pub created_at: Timestamp,
    /// The time of the last edit, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
}

impl Message {
    /// The time of the last edit, or else of sending.
    pub fn updated_at(&self) -> Timestamp {
        self.edited_at.unwrap_or(self.created_at)
    }
}

/// Reads a message that the actor may see. A message in another kind of room than `of`, or in a room without access for the actor, gets the same
/// refusal as a missing message.
fn visible_message(context: &mut CommandContext<'_>, of: RoomKind, message: EntityId) -> Result<Message, DomainError> {
    const NOT_THERE: DomainError = DomainError::NotFound("Message");
    let message = context.store.message(message)?.filter(|message| message.room.kind() == of).ok_or(NOT_THERE)?;
    role_in(context.store, &message.room, &context.actor.user)?.ok_or(NOT_THERE)?;
    Ok(message)
}

/// As [`visible`], for a change of the message: refuses messages in archived spaces.
fn own_message(context: &mut CommandContext<'_>, of: RoomKind, message: EntityId) -> Result<Message, DomainError> {
    let message = visible_message(context, of, message)?;
    require_writable(context.store, context.actor, &message.room)?;
    Ok(message)
}

/// Checks that a message has a text or a file.
fn check_content(content: &str, has_file: bool) -> Result<(), DomainError> {
    match has_file {
        true => validation::optional("content", Some(content), validation::MAX_CONTENT),
        false => validation::required("content", content, validation::MAX_CONTENT),
    }
}
