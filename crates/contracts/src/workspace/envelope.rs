//! The envelopes that clients of the workspace contract receive.

use client_json::ids::IdOutput;
use client_json::json;
use client_json::timestamps::Microseconds;
use domain::chat;
use domain::custom_events::CustomEvent;
use domain::ids::{RoomId, RoomKind, Timestamp};
use domain::notifications;
use domain::users::User;
use engine::OutboundMessage;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::envelope_event::{About, Direct, EnvelopeEvent, From};
use super::events;
use super::objects::Metadata;
use crate::auth_refresh::seconds_until;
use crate::error_codes;
use crate::shared_events::Resync;

/// A message of the server. Every envelope has `data`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Envelope<'a, D> {
    pub r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<&'a str>,
    pub data: D,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<&'a str>,
    pub timestamp: Microseconds,
}

/// `data` of `connected`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::ConnectedData)]
pub(super) struct Connected<'a> {
    message: &'static str,
    user_id: IdOutput<'a>,
    username: &'a str,
}

/// The welcome message for a user.
pub(super) fn connected(user: &User, at: Timestamp) -> OutboundMessage {
    let user_id = IdOutput(user.id.as_str());
    events::CONNECTED.render(&Direct, &Connected { message: "Connected successfully", user_id, username: user.handle() }, at)
}

/// `data` of `user_joined` and `user_left`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::PresenceData)]
pub(super) struct Presence<'a> {
    username: &'a str,
    user_id: IdOutput<'a>,
}

impl<'a> Presence<'a> {
    fn of(user: &'a User) -> Self {
        Self { username: user.handle(), user_id: IdOutput(user.id.as_str()) }
    }
}

/// The message that a user has entered or left a room.
pub(super) fn presence<'a>(
    event: &EnvelopeEvent<Presence<'a>, From<'a>>,
    room: &'a RoomId,
    user: &'a User,
    at: Timestamp,
) -> OutboundMessage {
    event.render(&From(room, user), &Presence::of(user), at)
}

/// `data` of `message` and `message.edited`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::MessageData)]
pub(super) struct MessageData<'a> {
    message_id: i64,
    content: &'a str,
    username: &'a str,
    user_id: IdOutput<'a>,
    #[schema(value_type = Object)]
    metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client_id: Option<&'a str>,
}

impl<'a> MessageData<'a> {
    fn of(message: &'a chat::Message) -> Self {
        Self {
            message_id: message.id,
            content: &message.content,
            username: message.sender.handle(),
            user_id: IdOutput(message.sender.id.as_str()),
            metadata: Metadata::of(message.metadata.as_ref()),
            client_id: message.client_id.as_deref(),
        }
    }
}

/// The envelope of a message, as text.
pub(super) fn message(message: &chat::Message) -> String {
    events::MESSAGE.text(&From(&message.room, &message.sender), &MessageData::of(message), message.created_at)
}

/// The message that a chat message has a new text.
pub(super) fn message_edited(message: &chat::Message, at: Timestamp) -> OutboundMessage {
    events::MESSAGE_EDITED.render(&From(&message.room, &message.sender), &MessageData::of(message), at)
}

/// `data` of `message.deleted`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::MessageDeletedData)]
pub(super) struct MessageDeleted<'a> {
    message_id: i64,
    username: &'a str,
    user_id: IdOutput<'a>,
}

/// The message that a chat message was deleted.
pub(super) fn message_deleted(message_id: i64, sender: &User, room: &RoomId, at: Timestamp) -> OutboundMessage {
    let data = MessageDeleted { message_id, username: sender.handle(), user_id: IdOutput(sender.id.as_str()) };
    events::MESSAGE_DELETED.render(&From(room, sender), &data, at)
}

/// `data` of `notification.new`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::NotificationData)]
pub(super) struct Notification<'a> {
    notification_id: i64,
    r#type: &'a str,
    title: &'a str,
    message: &'a str,
    #[schema(required)]
    link: Option<&'a str>,
    priority: &'a str,
    #[schema(value_type = Object)]
    metadata: Metadata<'a>,
}

/// The message about a user's notification, whose data contains its priority.
pub(super) fn notification(notification: &notifications::Notification) -> OutboundMessage {
    let data = Notification {
        notification_id: notification.id,
        r#type: &notification.kind,
        title: &notification.title,
        message: &notification.message,
        link: notification.link.as_deref(),
        priority: priority(notification.data.as_ref()),
        metadata: Metadata::of(notification.data.as_ref()),
    };
    events::NOTIFICATION_NEW.render(&Direct, &Notified::Own(data), notification.created_at)
}

fn priority(data: Option<&Value>) -> &str {
    data.and_then(|data| data.get("priority")).and_then(Value::as_str).unwrap_or("normal")
}

/// A backend's event, in an envelope. The envelope names the room if there is only one, and it is no inbox.
pub(super) fn emitted(custom_event: &CustomEvent, at: Timestamp) -> OutboundMessage {
    let room = match &custom_event.rooms[..] {
        [room] if !matches!(room.kind(), RoomKind::User | RoomKind::Everyone) => Some(room.as_str()),
        _ => None,
    };
    OutboundMessage::Text(json(&Envelope {
        r#type: &custom_event.name,
        room,
        data: &custom_event.data,
        sender: None,
        timestamp: Microseconds(at),
    }))
}

/// `data` of `notification.new` for all users: it is not stored and has no id.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::AnnouncementData)]
pub(super) struct Announcement<'a> {
    r#type: &'a str,
    title: &'a str,
    message: &'a str,
    /// Always null; present so that clients can parse it like a notification.
    #[schema(required)]
    link: Option<&'a str>,
    priority: &'a str,
    #[schema(value_type = Object)]
    metadata: Metadata<'a>,
}

/// `data` of `notification.new`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = workspace::NotifiedData)]
pub(super) enum Notified<'a> {
    /// A notification of this user.
    Own(Notification<'a>),
    /// A notification for all users.
    Everybodys(Announcement<'a>),
}

/// The message about a notification for all users. This contract has its own name for it, so the name for Socket.IO clients is not used.
pub(super) fn announcement(announcement: &notifications::Announcement) -> OutboundMessage {
    let data = Announcement {
        r#type: &announcement.kind,
        title: &announcement.title,
        message: &announcement.message,
        link: None,
        priority: priority(announcement.data.as_ref()),
        metadata: Metadata::of(announcement.data.as_ref()),
    };
    events::NOTIFICATION_NEW.render(&Direct, &Notified::Everybodys(data), announcement.at)
}

/// `data` of `joined_room`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::JoinedData)]
pub(super) struct Joined<'a> {
    message: String,
    /// The users who have the room open, this user included; at most the 100 who have had it open longest. From here on `user_joined` and
    /// `user_left` update the list.
    members_online: Vec<Presence<'a>>,
    /// The number of users who have the room open.
    members_online_count: usize,
}

/// Confirms that the connection is in a room, and names users who have it open. `count` is how many users have it open; `present` may be fewer.
pub(super) fn joined<'a>(room: &'a RoomId, present: &'a [User], count: usize, at: Timestamp) -> OutboundMessage {
    let members_online = present.iter().map(Presence::of).collect();
    let data = Joined { message: format!("Joined room {room}"), members_online, members_online_count: count };
    events::JOINED_ROOM.render(&About(room), &data, at)
}

/// `data` of `left_room`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::NoticeData)]
pub(super) struct Notice {
    message: String,
}

/// Confirms that the connection has left a room: "Left room channel:456".
pub(super) fn left(room: &RoomId, at: Timestamp) -> OutboundMessage {
    events::LEFT_ROOM.render(&About(room), &Notice { message: format!("Left room {room}") }, at)
}

/// `data` of `auth_refreshed`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::RefreshedData)]
pub(super) struct Refreshed {
    /// The time at which the token expires and the connection closes; null if it never expires.
    #[schema(required)]
    expires_at: Option<Microseconds>,
}

/// The confirmation of a token refresh.
pub(super) fn refreshed(ends: Option<Timestamp>, at: Timestamp) -> OutboundMessage {
    events::AUTH_REFRESHED.render(&Direct, &Refreshed { expires_at: ends.map(Microseconds) }, at)
}

/// `data` of `auth_expiring`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::ExpiringData)]
pub(super) struct Expiring {
    /// The time at which the token expires and the connection closes.
    expires_at: Microseconds,
    /// The whole seconds until that time.
    expires_in: u64,
}

/// The notice that a token expires soon.
pub(super) fn expiring(ends: Timestamp, at: Timestamp) -> OutboundMessage {
    events::AUTH_EXPIRING.render(&Direct, &Expiring { expires_at: Microseconds(ends), expires_in: seconds_until(ends, at) }, at)
}

/// `data` of `pong`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::PongData)]
pub(super) struct Pong {
    timestamp: Microseconds,
}

/// Answers a ping.
pub(super) fn pong(at: Timestamp) -> OutboundMessage {
    events::PONG.render(&Direct, &Pong { timestamp: Microseconds(at) }, at)
}

/// `data` of `error`: a text for users, and a code for programs.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::ErrorData)]
pub(super) struct Error<'a> {
    error: String,
    #[schema(schema_with = error_codes::error_code)]
    code: &'a str,
    /// The invalid field, if one is invalid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<&'a str>,
}

/// The message that the events that a client missed are no longer available.
pub(super) fn resync(at: Timestamp) -> OutboundMessage {
    events::RESYNC.render(&Direct, &Resync::new(), at)
}

/// An envelope with its position, after which a client can later ask for the events.
pub(super) fn positioned(message: OutboundMessage, position: &str) -> OutboundMessage {
    match message {
        // An envelope begins with its type; a position is a text without anything to escape.
        OutboundMessage::Text(text) => OutboundMessage::Text(format!(r#"{{"id":"{position}",{}"#, &text[1..])),
        other => other,
    }
}

/// An error. `field` is the field that is wrong, if there is one.
pub(super) fn error(error: String, code: &str, field: Option<&str>, at: Timestamp) -> OutboundMessage {
    events::ERROR.render(&Direct, &Error { error, code, field }, at)
}
