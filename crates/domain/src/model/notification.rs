//! Notifications of a user, and announcements to all users.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EntityId, Timestamp, UserId};

/// A notification.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Notification {
    /// The notification's id.
    pub id: EntityId,
    /// The notified user.
    #[serde(rename = "person")]
    pub user: UserId,
    /// The kind of the notification, for the clients to sort: "info", "mention".
    pub kind: String,
    /// The title, 1 to 200 characters.
    pub title: String,
    /// The text, up to 2,000 characters.
    pub message: String,
    /// The target of the notification: a link, or a path within the front end.
    pub link: Option<String>,
    /// Further data for the front end, a JSON object of at most 16 KB.
    pub data: Option<Value>,
    /// Whether the user has read it.
    pub read: bool,
    /// The time of creation.
    pub created_at: Timestamp,
}

/// An announcement to all connected users. It is not stored, and users who are not connected do not receive it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Announcement {
    /// The event name for clients; `None` for the name that all notifications have.
    pub event: Option<String>,
    /// The kind of the announcement, for the clients to sort: "info".
    pub kind: String,
    /// The title, 1 to 200 characters.
    pub title: String,
    /// The text, up to 2,000 characters; may be empty.
    pub message: String,
    /// Further data for the front end, a JSON object of at most 16 KB.
    pub data: Option<Value>,
    /// The time of the announcement.
    pub at: Timestamp,
}
