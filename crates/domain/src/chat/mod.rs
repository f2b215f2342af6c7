//! Messages of a room.

use serde::{Deserialize, Serialize};

use crate::fields;
use crate::names::{Id, Kind, Room, Timestamp};
use crate::operation::Tx;
use crate::people::Person;
use crate::refusal::Refusal;
use crate::spaces::{require_writable, role_in};

mod delete;
mod edit;
mod mentions;
mod read;
mod reads;
mod send;

pub use delete::DeleteMessage;
pub use edit::EditMessage;
pub use read::{ListMessages, ReadMessage};
pub(crate) use reads::begin_reading;
pub use reads::{CountUnread, ListOverviews, ListSeenMessages, Overview, Read, ReadMessages, ReadOverview, Seen};
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
    /// 1 to 10,000 characters; it may be empty beside a file.
    pub content: String,
    /// What sort of message its client calls it: `IMAGE`. None is a plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// Where the file is that was sent with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_url: Option<String>,
    /// What the client wants kept with it, a JSON object of at most 16 KB.
    pub metadata: Option<serde_json::Value>,
    /// The id that its sender gave it, so that a repeated sending is told from a new one.
    pub client_id: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// When its text was last changed, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
}

impl Message {
    /// The last change: the editing, or else the sending.
    pub fn updated_at(&self) -> Timestamp {
        self.edited_at.unwrap_or(self.created_at)
    }
}

/// A message that the actor may see. A message in a room of another kind than the caller speaks of is answered like one that is not there,
/// and so is one in a room that the actor is not in.
fn visible(tx: &mut Tx<'_>, of: Kind, message: Id) -> Result<Message, Refusal> {
    const NOT_THERE: Refusal = Refusal::NotFound("Message");
    let message = tx.store.message(message)?.filter(|message| message.room.kind() == of).ok_or(NOT_THERE)?;
    role_in(tx.store, &message.room, &tx.actor.person)?.ok_or(NOT_THERE)?;
    Ok(message)
}

/// The same, for whoever wants to change it: not in what is put away.
fn changeable(tx: &mut Tx<'_>, of: Kind, message: Id) -> Result<Message, Refusal> {
    let message = visible(tx, of, message)?;
    require_writable(tx.store, tx.actor, &message.room)?;
    Ok(message)
}

/// A message says something, or brings a file.
fn check_content(content: &str, has_file: bool) -> Result<(), Refusal> {
    match has_file {
        true => fields::optional("content", Some(content), fields::CONTENT),
        false => fields::required("content", content, fields::CONTENT),
    }
}
