//! Lists notifications, and marks them as read.

use crate::event::Event;
use crate::ids::{EntityId, RoomId};
use crate::notifications::Notification;
use crate::command::{Actor, Command, Query, CommandContext};
use crate::error::DomainError;
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
        Ok(store.notifications_of(&actor.person, &self.page)?)
    }
}

/// Marks one of the actor's notifications as read, on all devices. For a notification that was read before, the answer is the same and no event is
/// recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MarkNotificationRead {
    /// The notification's id.
    pub notification: EntityId,
}

impl Command for MarkNotificationRead {
    type Output = Notification;

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<Notification, DomainError> {
        let known = tx.store.notification(self.notification)?;
        // A notification of another user is not found.
        let own = known.filter(|notification| notification.person == tx.actor.person);
        let mut notification = own.ok_or(DomainError::NotFound("Notification"))?;
        if !notification.read {
            notification.read = true;
            tx.store.update_notification(&notification)?;
            tx.record_event(&RoomId::inbox(&notification.person), Event::NotificationRead { notification: notification.id })?;
        }
        Ok(notification)
    }
}

/// Marks all of the actor's notifications as read, on all devices. The answer is how many were unread; if none were, no event is recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MarkAllNotificationsRead;

impl Command for MarkAllNotificationsRead {
    type Output = u64;

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<u64, DomainError> {
        let read = tx.store.mark_notifications_read(&tx.actor.person)?;
        if read > 0 {
            tx.record_event(&RoomId::inbox(&tx.actor.person), Event::NotificationsRead)?;
        }
        Ok(read)
    }
}
