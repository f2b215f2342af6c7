//! The messenger contract's objects, complete: what sockets are told and what REST answers.

use domain::notifications;
use serde::Serialize;
use serde_json::Value;

use crate::dialects::times::Milliseconds;

/// A notification.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification<'a> {
    id: String,
    user_id: &'a str,
    r#type: &'a str,
    title: &'a str,
    message: &'a str,
    link: Option<&'a str>,
    data: Option<&'a Value>,
    is_read: bool,
    created_at: Milliseconds,
}

impl<'a> Notification<'a> {
    /// The object of a notification.
    pub fn of(notification: &'a notifications::Notification) -> Self {
        Self {
            id: notification.id.to_string(),
            user_id: notification.person.as_str(),
            r#type: &notification.kind,
            title: &notification.title,
            message: &notification.message,
            link: notification.link.as_deref(),
            data: notification.data.as_ref(),
            is_read: notification.read,
            created_at: Milliseconds(notification.created_at),
        }
    }
}
