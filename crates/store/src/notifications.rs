//! Notifications.

use domain::ids::{EntityId, UserId};
use domain::notifications::Notification;
use domain::ports::{NotificationStore, Page, StoreError, StoreResult};

use crate::driver::{Driver, Row, Tables, values};

impl<D: Driver> NotificationStore for Tables<D> {
    fn notification(&mut self, id: EntityId) -> StoreResult<Option<Notification>> {
        let sql = "SELECT id, person, kind, title, message, link, data, is_read, created_at FROM notifications WHERE id = $1";
        self.0.first(sql, values![id], notification_of)
    }

    fn insert_notification(&mut self, notification: &Notification) -> StoreResult<()> {
        let sql = "INSERT INTO notifications (id, person, kind, title, message, link, data, is_read, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let data = notification.data.as_ref().map(serde_json::Value::to_string);
        let values = values![
            notification.id,
            &notification.user,
            &notification.kind,
            &notification.title,
            &notification.message,
            notification.link.as_deref(),
            data.as_deref(),
            notification.read,
            notification.created_at
        ];
        self.0.post(sql, values)
    }

    fn update_notification(&mut self, notification: &Notification) -> StoreResult<()> {
        self.0.change_one("UPDATE notifications SET is_read = $1 WHERE id = $2", values![notification.read, notification.id])
    }

    fn notifications_of(&mut self, user: &UserId, page: &Page) -> StoreResult<Vec<Notification>> {
        let sql = "SELECT id, person, kind, title, message, link, data, is_read, created_at FROM notifications
            WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
        self.0.all(sql, values![user, page.before.unwrap_or(EntityId::MAX), page.limit], notification_of)
    }

    fn mark_notifications_read(&mut self, user: &UserId) -> StoreResult<u64> {
        self.0.write("UPDATE notifications SET is_read = 1 WHERE person = $1 AND is_read = 0", values![user])
    }

    fn delete_notifications_of(&mut self, user: &UserId, limit: u32) -> StoreResult<u64> {
        let sql = "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE person = $1 ORDER BY id LIMIT $2)";
        self.0.write(sql, values![user, limit])
    }
}

fn notification_of(row: &dyn Row) -> StoreResult<Notification> {
    let data = row.maybe_text(6)?.map(serde_json::from_str).transpose();
    Ok(Notification {
        id: row.int(0)?,
        user: row.user_id(1)?,
        kind: row.text(2)?.to_owned(),
        title: row.text(3)?.to_owned(),
        message: row.text(4)?.to_owned(),
        link: row.owned_text(5)?,
        data: data.map_err(|error| StoreError::Broken(format!("a notification's data: {error}")))?,
        read: row.int(7)? != 0,
        created_at: row.time(8)?,
    })
}
