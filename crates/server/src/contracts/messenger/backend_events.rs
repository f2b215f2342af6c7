//! Messages of the contract for a backend that stores conversations itself: the name and the payload of each.

use domain::ids::{EntityId, RoomId, UserId};
use serde::Serialize;
use serde_json::Value;

use super::events;
use super::payloads::{MessageDeleted, MessagesRead};

/// A new message. The backend defines its object, which is sent unchanged.
pub fn message_new(message: Value) -> (&'static str, Value) {
    (events::MESSAGE_NEW.name(), message)
}

/// A user has read these messages of a conversation, and all others up to `up_to`.
pub fn messages_read(conversation: &RoomId, reader: &UserId, messages: &[EntityId], up_to: EntityId) -> (&'static str, Value) {
    (events::MESSAGES_READ.name(), value(&MessagesRead::by(reader, conversation, messages, up_to)))
}

/// A message of a conversation was deleted.
pub fn message_deleted(conversation: &RoomId, message: EntityId) -> (&'static str, Value) {
    (events::MESSAGE_DELETED.name(), value(&MessageDeleted::of(conversation, message)))
}

fn value(payload: &impl Serialize) -> Value {
    serde_json::to_value(payload).expect("an object of ours is JSON")
}
