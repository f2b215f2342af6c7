//! Messages of a room.

use serde::{Deserialize, Serialize};

use super::{EntityId, RoomId, Timestamp, User};

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

/// A message and whether it was read, as a user sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MessageWithReadState {
    /// The message.
    pub message: Message,
    /// For the user's own message: whether another user has read it. For another user's message: whether the user has read it.
    pub read: bool,
}
