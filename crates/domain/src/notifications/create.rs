//! Notifies a user.

use serde_json::Value;

use crate::blocks::blocks_actor;
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::event::Event;
use crate::field::Field;
use crate::model::{Notification, RoomId, UserId};
use crate::validation;

/// The content of a new notification.
#[derive(Clone, PartialEq, Debug)]
pub struct NewNotification {
    /// The user to notify. A user without a profile reads the notification after the first sign-in.
    pub user: UserId,
    /// The kind of the notification, for the clients to sort: "info", "mention".
    pub kind: String,
    /// The title, 1 to 200 characters.
    pub title: String,
    /// The text, up to 2,000 characters; may be empty.
    pub message: String,
    /// The target of the notification: a link, or a path within the front end.
    pub link: Option<String>,
    /// Further data for the front end, a JSON object of at most 16 KB.
    pub data: Option<Value>,
}

/// Notifies a user, as a part of another operation: stores the notification and records its event in the user's inbox.
///
/// # Errors
/// [`DomainError::Invalid`] for a field that is not valid; the store's.
pub fn create_notification(context: &mut CommandContext<'_>, new: NewNotification) -> Result<Notification, DomainError> {
    let NewNotification { user, kind, title, message, link, data } = new;
    if UserId::parse(user.as_str()).is_none() {
        return Err(DomainError::invalid(Field::NotifiedUser, "must be an id of 1 to 200 bytes"));
    }
    validation::required(Field::NotificationType, &kind, validation::MAX_NOTIFICATION_KIND)?;
    validation::required(Field::Title, &title, validation::MAX_NAME)?;
    validation::optional(Field::NotificationText, Some(&message), validation::MAX_NOTIFICATION)?;
    validation::link_or_path(Field::Link, link.as_deref())?;
    validation::metadata(Field::Data, data.as_ref())?;
    let id = context.new_id();
    let notification = Notification { id, user, kind, title, message, link, data, read: false, created_at: context.now };
    context.store.insert_notification(&notification)?;
    context.record_event(&RoomId::inbox(&notification.user), Event::NotificationCreated { notification: notification.clone() })?;
    Ok(notification)
}

/// Notifies a user of an action of the actor, as a part of another operation, unless the user has blocked the actor: see [`create_notification`].
///
/// # Errors
/// As [`create_notification`].
pub fn create_notification_by_actor(context: &mut CommandContext<'_>, new: NewNotification) -> Result<(), DomainError> {
    if new.user != context.actor.user && blocks_actor(context, &new.user)? {
        return Ok(());
    }
    create_notification(context, new).map(drop)
}

/// Notifies a user, for a team's own back end or the server's admin.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateNotification(pub NewNotification);

impl Command for CreateNotification {
    type Output = Notification;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Notification, DomainError> {
        if !context.actor.admin {
            return Err(DomainError::Forbidden("Only a back end or an admin may do this"));
        }
        create_notification(context, self.0)
    }
}
