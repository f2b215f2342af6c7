//! Words of the contract as a back end has them said that keeps conversations itself: the name of each and what stands in it.

use domain::names::{Id, PersonId, Room};
use serde::Serialize;
use serde_json::Value;

use super::payloads::{MessageDeleted, MessagesRead};
use super::words;

/// A message was sent. It is the back end's own, and told as it is.
pub fn message_new(message: Value) -> (&'static str, Value) {
    (words::MESSAGE_NEW.name(), message)
}

/// A person has read these messages of a conversation, and all others up to `up_to`.
pub fn messages_read(conversation: &Room, reader: &PersonId, messages: &[Id], up_to: Id) -> (&'static str, Value) {
    (words::MESSAGES_READ.name(), value(&MessagesRead::by(reader, conversation, messages, up_to)))
}

/// A message of a conversation is gone.
pub fn message_deleted(conversation: &Room, message: Id) -> (&'static str, Value) {
    (words::MESSAGE_DELETED.name(), value(&MessageDeleted::of(conversation, message)))
}

fn value(payload: &impl Serialize) -> Value {
    serde_json::to_value(payload).expect("an object of ours is JSON")
}
