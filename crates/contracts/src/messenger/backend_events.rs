//! Events of the contract for a backend that stores conversations itself.

use domain::ids::{EntityId, RoomId, RoomKind, UserId};
use serde::Serialize;
use serde_json::Value;

use super::events;
use super::payloads::{MessageDeleted, MessagesRead};
use crate::backend_api::{BackendApi, Pending, custom_event};

/// The functions of [`BackendApi`] for the events of this contract.
pub trait MessengerBackendApi {
    /// Sends a conversation the event of a message that the backend stores itself. The backend defines the object, which is sent unchanged.
    fn emit_new_message(&self, conversation: &str, message: Value) -> Pending<i64>;

    /// Sends a conversation the event that a user has read these messages, and all others up to `up_to`.
    fn emit_message_read(&self, conversation: &str, reader: &UserId, messages: &[EntityId], up_to: EntityId) -> Pending<i64>;

    /// Sends a conversation the event that such a message was deleted.
    fn emit_message_deleted(&self, conversation: &str, message: EntityId) -> Pending<i64>;

    /// Sends a user the event that an order has changed.
    fn emit_order_update(&self, user: &UserId, order: Value) -> Pending<i64>;
}

impl<B: BackendApi + ?Sized> MessengerBackendApi for B {
    fn emit_new_message(&self, conversation: &str, message: Value) -> Pending<i64> {
        self.emit(custom_event(conversation_room(conversation), events::MESSAGE_NEW.name(), message))
    }

    fn emit_message_read(&self, conversation: &str, reader: &UserId, messages: &[EntityId], up_to: EntityId) -> Pending<i64> {
        let room = conversation_room(conversation);
        let payload = value(&MessagesRead::by(reader, &room, messages, up_to));
        self.emit(custom_event(room, events::MESSAGES_READ.name(), payload))
    }

    fn emit_message_deleted(&self, conversation: &str, message: EntityId) -> Pending<i64> {
        let room = conversation_room(conversation);
        let payload = value(&MessageDeleted::of(&room, message));
        self.emit(custom_event(room, events::MESSAGE_DELETED.name(), payload))
    }

    fn emit_order_update(&self, user: &UserId, order: Value) -> Pending<i64> {
        self.send_to_user(user, "order:update", order)
    }
}

fn conversation_room(id: &str) -> RoomId {
    RoomKind::Conversation.room(id)
}

fn value(payload: &impl Serialize) -> Value {
    serde_json::to_value(payload).expect("the server's payloads are JSON")
}
