//! The trip contract. So far: a person's notifications.

use domain::event::{Event, Fact};
use domain::names::Kind;
use domain::notifications;
use engine::Saying;
use serde::Serialize;
use serde_json::Value;

use super::times::Milliseconds;
use super::{Answer, Dialect, Heard, Reply, Request, json};

/// trip's way of speaking.
#[derive(Clone, Copy, Debug)]
pub struct Trip;

/// A notification.
#[derive(Clone, Debug, Serialize)]
struct Notification<'a> {
    id: String,
    r#type: &'a str,
    title: &'a str,
    message: &'a str,
    link: Option<&'a str>,
    data: Option<&'a Value>,
    timestamp: Milliseconds,
}

impl<'a> Notification<'a> {
    fn of(notification: &'a notifications::Notification) -> Self {
        Self {
            id: notification.id.to_string(),
            r#type: &notification.kind,
            title: &notification.title,
            message: &notification.message,
            link: notification.link.as_deref(),
            data: notification.data.as_ref(),
            timestamp: Milliseconds(notification.created_at),
        }
    }
}

impl Dialect for Trip {
    fn namespace(&self) -> Option<&'static str> {
        Some("/trips")
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Trip]
    }

    fn fact(&self, fact: &Fact) -> Vec<Saying> {
        match &fact.event {
            Event::NotificationCreated { notification } => vec![Saying::event("notification", json(&Notification::of(notification)))],
            _ => Vec::new(),
        }
    }

    fn understand(&self, _: &Heard<'_>) -> Option<Request> {
        None
    }

    fn answer(&self, _: &Answer<'_>) -> Reply {
        Reply::default()
    }
}
