//! Lists notifications, and marks them as read.

use crate::command::{Command, CommandContext, Query};
use crate::error::DomainError;
use crate::event::Event;
use crate::model::{Actor, EntityId, Notification, RoomId};
use crate::ports::{Page, Store};

/// Lists the actor's notifications, newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListNotifications {
    /// The page of the list.
    pub page: Page,
}

impl Query for ListNotifications {
    type Output = Vec<Notification>;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Notification>, DomainError> {
        Ok(store.notifications_of(&actor.user, &self.page)?)
    }
}

/// Marks one of the actor's notifications as read, on all devices. For a notification that was read before, the output is the same and no event is
/// recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MarkNotificationRead {
    /// The notification's id.
    pub notification: EntityId,
}

impl Command for MarkNotificationRead {
    type Output = Notification;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Notification, DomainError> {
        let stored = context.store.notification(self.notification)?;
        // A notification of another user is not found.
        let own = stored.filter(|notification| notification.user == context.actor.user);
        let mut notification = own.ok_or(DomainError::NotFound("Notification"))?;
        if !notification.read {
            notification.read = true;
            context.store.update_notification(&notification)?;
            context.record_event(&RoomId::inbox(&notification.user), Event::NotificationRead { notification: notification.id })?;
        }
        Ok(notification)
    }
}

/// Marks all of the actor's notifications as read, on all devices. The output is how many were unread; if none were, no event is recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MarkAllNotificationsRead;

impl Command for MarkAllNotificationsRead {
    type Output = u64;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<u64, DomainError> {
        let read = context.store.mark_notifications_read(&context.actor.user)?;
        if read > 0 {
            context.record_event(&RoomId::inbox(&context.actor.user), Event::NotificationsRead)?;
        }
        Ok(read)
    }
}
