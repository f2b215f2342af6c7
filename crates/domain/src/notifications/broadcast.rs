//! Announces a text to all connected users.

use serde_json::Value;

use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::field::Field;
use crate::model::Announcement;
use crate::validation;

/// Makes an announcement for a team's own back end or the server's admin. The caller publishes the output.
#[derive(Clone, PartialEq, Debug)]
pub struct BroadcastAnnouncement {
    /// See [`Announcement::event`].
    pub event: Option<String>,
    /// See [`Announcement::kind`].
    pub kind: String,
    /// See [`Announcement::title`].
    pub title: String,
    /// See [`Announcement::message`].
    pub message: String,
    /// See [`Announcement::data`].
    pub data: Option<Value>,
}

impl Command for BroadcastAnnouncement {
    type Output = Announcement;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Announcement, DomainError> {
        if !context.actor.admin {
            return Err(DomainError::Forbidden("Only a back end or an admin may do this"));
        }
        let Self { event, kind, title, message, data } = self;
        if let Some(event) = &event {
            validation::event_name(Field::EventName, event)?;
        }
        validation::required(Field::NotificationType, &kind, validation::MAX_NOTIFICATION_KIND)?;
        validation::required(Field::Title, &title, validation::MAX_NAME)?;
        validation::optional(Field::NotificationText, Some(&message), validation::MAX_NOTIFICATION)?;
        validation::metadata(Field::Data, data.as_ref())?;
        Ok(Announcement { event, kind, title, message, data, at: context.now })
    }
}
