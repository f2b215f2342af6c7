//! Messages of a room.

use serde::{Deserialize, Serialize};

use crate::names::{Id, Room, Timestamp};
use crate::people::Person;

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
    /// When.
    pub created_at: Timestamp,
}
