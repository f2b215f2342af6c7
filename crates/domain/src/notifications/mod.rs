//! Notifications of a user, which all devices of the user share, and whether each was read.
//!
//! A notification is delivered only to the inbox of its user.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{EntityId, Timestamp, UserId};

mod broadcast;
mod create;
mod queries;

pub use broadcast::{Announcement, BroadcastAnnouncement};
pub use create::{CreateNotification, NewNotification, create_notification, create_notification_by_actor};
pub use queries::{ListNotifications, MarkAllNotificationsRead, MarkNotificationRead};

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
