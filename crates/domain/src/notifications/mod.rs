//! What a person is told about, on all devices, and whether it has been read.
//!
//! A notification is told in its person's inbox: whoever else may not hear of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::names::{Id, PersonId, Timestamp};

mod announce;
mod notify;
mod read;

pub use announce::{Announce, Announcement};
pub use notify::{NewNotification, Notify, notify, notify_of_actor};
pub use read::{ListNotifications, ReadAllNotifications, ReadNotification};

/// A notification, whole.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Notification {
    /// Its id.
    pub id: Id,
    /// Whose.
    pub person: PersonId,
    /// What it is about, in a word that clients sort by: "info", "mention".
    pub kind: String,
    /// 1 to 200 characters.
    pub title: String,
    /// Up to 2,000 characters.
    pub message: String,
    /// Where it leads: a link, or a path of the front end's own.
    pub link: Option<String>,
    /// What the front end wants to know besides, a JSON object of at most 16 KB.
    pub data: Option<Value>,
    /// Whether the person has read it.
    pub read: bool,
    /// When.
    pub created_at: Timestamp,
}
