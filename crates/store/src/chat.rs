//! Messages.

use domain::chat::Message;
use domain::ids::{EntityId, RoomId, Timestamp, UserId};
use domain::ports::{MessageStore, Page, StoreError, StoreResult};

use crate::driver::{Driver, Row, Tables, values};
use crate::users::user_at;

impl<D: Driver> MessageStore for Tables<D> {
    fn message(&mut self, id: EntityId) -> StoreResult<Option<Message>> {
        let sql = "SELECT m.id, m.room, m.content, m.metadata, m.client_id, m.created_at, m.sort, m.file_url, m.edited_at,
                m.sender, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM messages m LEFT JOIN people p ON p.id = m.sender WHERE m.id = $1";
        self.0.first(sql, values![id], message_of)
    }

    fn message_by_client_id(&mut self, room: &RoomId, sender: &UserId, client_id: &str) -> StoreResult<Option<Message>> {
        let sql = "SELECT m.id, m.room, m.content, m.metadata, m.client_id, m.created_at, m.sort, m.file_url, m.edited_at,
                m.sender, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM messages m LEFT JOIN people p ON p.id = m.sender WHERE m.room = $1 AND m.sender = $2 AND m.client_id = $3";
        self.0.first(sql, values![room, sender, client_id], message_of)
    }

    fn insert_message(&mut self, message: &Message) -> StoreResult<()> {
        let sql = "INSERT INTO messages (id, room, sender, content, metadata, client_id, created_at, sort, file_url, edited_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let metadata = message.metadata.as_ref().map(serde_json::Value::to_string);
        let values = values![
            message.id,
            &message.room,
            &message.sender.id,
            &message.content,
            metadata.as_deref(),
            message.client_id.as_deref(),
            message.created_at,
            message.sort.as_deref(),
            message.file_url.as_deref(),
            message.edited_at
        ];
        self.0.post(sql, values)
    }

    fn update_message(&mut self, message: &Message) -> StoreResult<()> {
        let sql = "UPDATE messages SET content = $1, metadata = $2, edited_at = $3 WHERE id = $4";
        let metadata = message.metadata.as_ref().map(serde_json::Value::to_string);
        self.0.change_one(sql, values![&message.content, metadata.as_deref(), message.edited_at, message.id])
    }

    fn delete_message(&mut self, id: EntityId) -> StoreResult<()> {
        self.0.post("DELETE FROM messages WHERE id = $1", values![id])
    }

    fn messages_in(&mut self, room: &RoomId, page: &Page) -> StoreResult<Vec<Message>> {
        let sql = "SELECT m.id, m.room, m.content, m.metadata, m.client_id, m.created_at, m.sort, m.file_url, m.edited_at,
                m.sender, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM messages m LEFT JOIN people p ON p.id = m.sender
            WHERE m.room = $1 AND m.id < $2 ORDER BY m.id DESC LIMIT $3";
        self.0.all(sql, values![room, page.before.unwrap_or(EntityId::MAX), page.limit], message_of)
    }
}

fn message_of(row: &dyn Row) -> StoreResult<Message> {
    let metadata = row.maybe_text(3)?.map(serde_json::from_str).transpose();
    Ok(Message {
        id: row.int(0)?,
        room: row.room(1)?,
        content: row.text(2)?.to_owned(),
        metadata: metadata.map_err(|error| StoreError::Broken(format!("a message's metadata: {error}")))?,
        client_id: row.owned_text(4)?,
        created_at: row.time(5)?,
        sort: row.owned_text(6)?,
        file_url: row.owned_text(7)?,
        edited_at: row.maybe_int(8)?.map(Timestamp),
        sender: user_at(row, 9)?,
    })
}
