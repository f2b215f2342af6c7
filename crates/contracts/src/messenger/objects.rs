//! The objects of the messenger contract, in socket events and in REST responses.

use client_json::timestamps::Milliseconds;
use domain::chat::{self, ConversationSummary, MessageWithReadState};
use domain::notifications;
use domain::spaces::{Member, Role, Space};
use domain::users;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::schemas::role;

/// A user.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::User)]
struct User<'a> {
    id: &'a str,
    name: &'a str,
    #[schema(required)]
    avatar_url: Option<&'a str>,
}

impl<'a> User<'a> {
    fn of(user: &'a users::User) -> Self {
        Self { id: user.id.as_str(), name: &user.name, avatar_url: user.avatar_url.as_deref() }
    }
}

/// A participant of a conversation: a user object with two more fields.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::Participant)]
pub struct Participant<'a> {
    #[serde(flatten)]
    user: User<'a>,
    #[schema(schema_with = role)]
    role: Role,
    joined_at: Milliseconds,
}

impl<'a> Participant<'a> {
    /// The object of a participant.
    pub fn of(member: &'a Member) -> Self {
        Self { user: User::of(&member.user), role: member.role, joined_at: Milliseconds(member.joined_at) }
    }
}

/// A conversation, as one of its participants sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::Conversation)]
pub struct Conversation<'a> {
    id: &'a str,
    /// Null if the conversation has no title.
    #[schema(required)]
    title: Option<&'a str>,
    /// The number of participants.
    member_count: u64,
    /// The first members in the order of joining, at most 100.
    participants: Vec<Participant<'a>>,
    #[schema(required)]
    last_message: Option<Message<'a>>,
    unread_count: u64,
    created_by: &'a str,
    created_at: Milliseconds,
    updated_at: Milliseconds,
}

impl<'a> Conversation<'a> {
    /// The object of a conversation.
    pub fn of(overview: &'a ConversationSummary) -> Self {
        let ConversationSummary { space, last, unread } = overview;
        Self::with(space, last.as_ref(), *unread)
    }

    /// The object of a conversation with its newest message, if it has messages, and the number of messages that its reader has not read.
    pub(super) fn with(space: &'a Space, last: Option<&'a MessageWithReadState>, unread: u64) -> Self {
        Self {
            id: space.room.id(),
            title: Some(space.name.as_str()).filter(|title| !title.is_empty()),
            member_count: space.member_count(),
            participants: space.members.iter().map(Participant::of).collect(),
            last_message: last.map(Message::seen),
            unread_count: unread,
            created_by: space.created_by.as_str(),
            created_at: Milliseconds(space.created_at),
            updated_at: Milliseconds(space.updated_at),
        }
    }
}

/// A message.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::Message)]
pub struct Message<'a> {
    id: String,
    conversation_id: &'a str,
    sender_id: &'a str,
    sender: User<'a>,
    content: &'a str,
    #[schema(required)]
    client_id: Option<&'a str>,
    is_read: bool,
    created_at: Milliseconds,
    updated_at: Milliseconds,
}

impl<'a> Message<'a> {
    /// The object of a message.
    pub fn of(message: &'a chat::Message, is_read: bool) -> Self {
        Self {
            id: message.id.to_string(),
            conversation_id: message.room.id(),
            sender_id: message.sender.id.as_str(),
            sender: User::of(&message.sender),
            content: &message.content,
            client_id: message.client_id.as_deref(),
            is_read,
            created_at: Milliseconds(message.created_at),
            updated_at: Milliseconds(message.updated_at()),
        }
    }

    /// The object of a message, with its read state for one user.
    pub fn seen(seen: &'a MessageWithReadState) -> Self {
        Self::of(&seen.message, seen.read)
    }
}

/// A notification.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::Notification)]
pub struct Notification<'a> {
    id: String,
    user_id: &'a str,
    r#type: &'a str,
    title: &'a str,
    message: &'a str,
    #[schema(required)]
    link: Option<&'a str>,
    #[schema(required, value_type = Option<Object>)]
    data: Option<&'a Value>,
    is_read: bool,
    created_at: Milliseconds,
}

impl<'a> Notification<'a> {
    /// The object of a notification.
    pub fn of(notification: &'a notifications::Notification) -> Self {
        Self {
            id: notification.id.to_string(),
            user_id: notification.user.as_str(),
            r#type: &notification.kind,
            title: &notification.title,
            message: &notification.message,
            link: notification.link.as_deref(),
            data: notification.data.as_ref(),
            is_read: notification.read,
            created_at: Milliseconds(notification.created_at),
        }
    }
}
