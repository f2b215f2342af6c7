//! What stands in the studio contract's events, with the document's keys.

use domain::chat;
use domain::names::{Id, PersonId, Room, Timestamp};
use serde::Serialize;

use crate::dialects::ids::NumberOrText;
use crate::dialects::times::Milliseconds;

/// Of `user:online`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Online<'a> {
    pub(super) user_id: NumberOrText<'a>,
    pub(super) socket_id: &'a str,
    pub(super) timestamp: Milliseconds,
}

/// Of `user:offline`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offline<'a> {
    pub(super) user_id: NumberOrText<'a>,
    pub(super) timestamp: Milliseconds,
}

/// Of `member:joined`, `member:left` and `user:typing`: a person and a room, at a moment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PersonInRoom<'a> {
    user_id: NumberOrText<'a>,
    room_id: NumberOrText<'a>,
    timestamp: Milliseconds,
}

impl<'a> PersonInRoom<'a> {
    pub(super) fn of(person: &'a PersonId, room: &'a Room, at: Timestamp) -> Self {
        Self { user_id: NumberOrText(person.as_str()), room_id: NumberOrText(room.id()), timestamp: Milliseconds(at) }
    }
}

/// Of `user:stop_typing`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoppedTyping<'a> {
    pub(super) user_id: NumberOrText<'a>,
    pub(super) room_id: NumberOrText<'a>,
}

/// Of `message:edited`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageEdited<'a> {
    message_id: Id,
    content: &'a str,
    updated_at: Milliseconds,
}

impl<'a> MessageEdited<'a> {
    pub(super) fn of(message: &'a chat::Message) -> Self {
        Self { message_id: message.id, content: &message.content, updated_at: Milliseconds(message.updated_at()) }
    }
}

/// Of `message:deleted`, and the answer to a message's DELETE.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageDeleted<'a> {
    message_id: Id,
    room_id: NumberOrText<'a>,
}

impl<'a> MessageDeleted<'a> {
    /// Says that this message is gone.
    pub fn of(message: Id, room: &'a Room) -> Self {
        Self { message_id: message, room_id: NumberOrText(room.id()) }
    }
}
