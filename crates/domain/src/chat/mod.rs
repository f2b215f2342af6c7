//! Messages of a room.

use serde::{Deserialize, Serialize};

use crate::names::{Id, Room, Timestamp};
use crate::people::Person;

mod read;
mod send;

pub use read::ListMessages;
pub use send::{SendMessage, Sent};

/// A message, whole.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Message {
    /// Its id.
    pub id: Id,
    /// Where it was said.
    pub room: Room,
    /// By whom.
    pub sender: Person,
    /// 1 to 10,000 characters.
    pub content: String,
    /// What the client wants kept with it, a JSON object of at most 16 KB.
    pub metadata: Option<serde_json::Value>,
    /// The id that its sender gave it, so that a repeated sending is told from a new one.
    pub client_id: Option<String>,
    /// When.
    pub created_at: Timestamp,
}
