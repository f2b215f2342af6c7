//! The payloads of the events. Some REST responses have the same shape.

use domain::chat::{self, MessageWithReadState};
use domain::event::Event;
use domain::ids::{EntityId, RoomId, UserId};
use domain::spaces::Space;
use serde::Serialize;
use utoipa::ToSchema;

use super::objects::Conversation;
use crate::acknowledgements::ConstBool;

/// The payload of `messages:read`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::MessagesRead)]
pub(super) struct MessagesRead<'a> {
    pub(super) conversation_id: &'a str,
    pub(super) message_ids: Vec<String>,
    pub(super) user_id: &'a str,
    pub(super) up_to: String,
}

impl<'a> MessagesRead<'a> {
    /// The payload for a user who has read messages; `None` for any other event.
    pub(super) fn of(room: &'a RoomId, event: &'a Event) -> Option<Self> {
        let Event::MessagesRead { by, messages, up_to, .. } = event else { return None };
        Some(Self::by(by, room, messages, *up_to))
    }

    /// The payload for a user who has read these messages, and all others up to `up_to`.
    pub(super) fn by(reader: &'a UserId, room: &'a RoomId, messages: &[EntityId], up_to: EntityId) -> Self {
        Self { conversation_id: room.id(), message_ids: texts(messages), user_id: reader.as_str(), up_to: up_to.to_string() }
    }
}

/// The response to a request that marks messages as read.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::Read)]
pub struct Read<'a> {
    conversation_id: &'a str,
    message_ids: Vec<String>,
    unread_count: u64,
}

impl<'a> Read<'a> {
    /// The response with the messages that were marked, and the number of unread messages.
    pub fn of(read: &'a chat::ReadUpdate) -> Self {
        Self { conversation_id: read.room.id(), message_ids: texts(&read.messages), unread_count: read.unread }
    }
}

/// The payload of `message:deleted`, and the response to the DELETE of a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::MessageDeleted)]
pub struct MessageDeleted<'a> {
    conversation_id: &'a str,
    message_id: String,
}

impl<'a> MessageDeleted<'a> {
    /// The payload for a deleted message.
    pub fn of(room: &'a RoomId, message: EntityId) -> Self {
        Self { conversation_id: room.id(), message_id: message.to_string() }
    }
}

/// The payload of `conversation:added`: the conversation as its new participant sees it, and the user who added that participant; null if the server did.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::ConversationAdded)]
pub(super) struct ConversationAdded<'a> {
    #[serde(flatten)]
    conversation: Conversation<'a>,
    #[schema(required)]
    added_by: Option<&'a str>,
}

impl<'a> ConversationAdded<'a> {
    pub(super) fn of(space: &'a Space, last: Option<&'a MessageWithReadState>, by: Option<&'a UserId>) -> Self {
        // A new participant cannot read messages from before the membership, so none is unread.
        Self { conversation: Conversation::with(space, last, 0), added_by: by.map(UserId::as_str) }
    }
}

/// The payload of `conversation:removed`: the conversation, and the user who removed the participant; null if the server did.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::ConversationRemoved)]
pub(super) struct ConversationRemoved<'a> {
    conversation_id: &'a str,
    #[schema(required)]
    removed_by: Option<&'a str>,
}

impl<'a> ConversationRemoved<'a> {
    pub(super) fn of(room: &'a RoomId, by: Option<&'a UserId>) -> Self {
        Self { conversation_id: room.id(), removed_by: by.map(UserId::as_str) }
    }
}

/// The payload of `typing:start` and `typing:stop`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::Typing)]
pub(super) struct Typing<'a> {
    conversation_id: &'a str,
    user_id: &'a str,
}

impl<'a> Typing<'a> {
    pub(super) fn of(room: &'a RoomId, user: &'a UserId) -> Self {
        Self { conversation_id: room.id(), user_id: user.as_str() }
    }
}

/// Whether a user is online.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = messenger::Presence)]
enum Presence {
    /// The user has a connection, in any contract.
    Online,
    /// The user has no connection, or the caller may not see the status.
    Offline,
}

/// The payload of `user:status-changed`, and the acknowledgement of the queries for it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::Status)]
pub(super) struct Status<'a> {
    user_id: &'a str,
    status: Presence,
}

impl<'a> Status<'a> {
    pub(super) fn of(user: &'a UserId, online: bool) -> Self {
        Self { user_id: user.as_str(), status: if online { Presence::Online } else { Presence::Offline } }
    }
}

/// The acknowledgement of a join or a leave.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::InConversation)]
pub(super) struct ConversationAck<'a> {
    #[schema(schema_with = ConstBool::<true>::schema)]
    pub(super) ok: ConstBool<true>,
    pub(super) conversation_id: &'a str,
}

/// The acknowledgement of `notification:read`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::NotificationRead)]
pub(super) struct NotificationRead {
    #[schema(schema_with = ConstBool::<true>::schema)]
    pub(super) ok: ConstBool<true>,
    pub(super) notification_id: String,
}

/// The acknowledgement of `notifications:read-all`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = messenger::AllRead)]
pub(super) struct AllRead {
    #[schema(schema_with = ConstBool::<true>::schema)]
    pub(super) ok: ConstBool<true>,
    /// The number of notifications that were marked as read.
    pub(super) count: u64,
}

fn texts(ids: &[EntityId]) -> Vec<String> {
    ids.iter().map(EntityId::to_string).collect()
}
