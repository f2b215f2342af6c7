//! Notifications of a user, which all devices of the user share, and whether each was read.
//!
//! A notification is delivered only to the inbox of its user.

mod broadcast;
mod create;
mod queries;

pub use crate::model::{Announcement, Notification};
pub use broadcast::BroadcastAnnouncement;
pub use create::{CreateNotification, NewNotification, create_notification, create_notification_by_actor};
pub use queries::{ListNotifications, MarkAllNotificationsRead, MarkNotificationRead};
