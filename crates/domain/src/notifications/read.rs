//! Lists notifications, and marks them as read.

use crate::event::Event;
use crate::names::{Id, Room};
use crate::notifications::Notification;
use crate::operation::{Actor, Command, Query, Tx};
use crate::refusal::Refusal;
use crate::seam::{Page, Store};

/// Lists the actor's notifications, newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListNotifications {
    /// The page of the list.
    pub page: Page,
}

impl Query for ListNotifications {
    type Answer = Vec<Notification>;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Notification>, Refusal> {
        Ok(store.notifications_of(&actor.person, &self.page)?)
    }
}

/// Marks one of the actor's notifications as read, on all devices. For a notification that was read before, the answer is the same and no event is
/// recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadNotification {
    /// The notification's id.
    pub notification: Id,
}

impl Command for ReadNotification {
    type Answer = Notification;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Notification, Refusal> {
        let known = tx.store.notification(self.notification)?;
        // A notification of another user is not found.
        let own = known.filter(|notification| notification.person == tx.actor.person);
        let mut notification = own.ok_or(Refusal::NotFound("Notification"))?;
        if !notification.read {
            notification.read = true;
            tx.store.update_notification(&notification)?;
            tx.record(&Room::inbox(&notification.person), Event::NotificationRead { notification: notification.id })?;
        }
        Ok(notification)
    }
}

/// Marks all of the actor's notifications as read, on all devices. The answer is how many were unread; if none were, no event is recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadAllNotifications;

impl Command for ReadAllNotifications {
    type Answer = u64;

    fn decide(self, tx: &mut Tx<'_>) -> Result<u64, Refusal> {
        let read = tx.store.read_notifications_of(&tx.actor.person)?;
        if read > 0 {
            tx.record(&Room::inbox(&tx.actor.person), Event::NotificationsRead)?;
        }
        Ok(read)
    }
}
