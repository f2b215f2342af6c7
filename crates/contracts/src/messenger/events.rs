//! The events of the messenger contract.

use client_json::ids::IdInput;

use super::objects::{Message, Notification};
use super::payloads::{
    AllRead, ConversationAck, ConversationAdded, ConversationRemoved, MessageDeleted, MessagesRead, NotificationRead, Status, Typing,
};
use super::requests::{
    ConversationRef, NotificationRef, UserRef, UserRefs, conversation_of, notification_of, read, read_all, user_of, users_of,
};
use crate::ClientAction;
use crate::auth_refresh;
use crate::event_schema::{ClientEvent, PayloadSchema, ServerEvent, UnitServerEvent, server_events};

server_events! {
    /// A message was sent in a conversation that this connection has joined.
    MESSAGE_NEW: ServerEvent<Message<'_>> = "message:new";
    /// A message was deleted.
    MESSAGE_DELETED: ServerEvent<MessageDeleted<'_>> = "message:deleted";
    /// A user has read messages. Sent to the connections that have joined the conversation, and to all connections of the reader.
    MESSAGES_READ: ServerEvent<MessagesRead<'_>> = "messages:read";
    /// This user was added to a conversation. Sent to all connections of the user. The payload is the conversation.
    CONVERSATION_ADDED: ServerEvent<ConversationAdded<'_>> = "conversation:added";
    /// This user is no longer a participant of a conversation. Sent to all connections of the user.
    CONVERSATION_REMOVED: ServerEvent<ConversationRemoved<'_>> = "conversation:removed";
    /// Another user is typing.
    TYPING_START: ServerEvent<Typing<'_>> = "typing:start";
    /// Another user has stopped typing. Also sent when the typing expires.
    TYPING_STOP: ServerEvent<Typing<'_>> = "typing:stop";
    /// A user went online or offline.
    USER_STATUS_CHANGED: ServerEvent<Status<'_>> = "user:status-changed";
    /// This user has a new notification.
    NOTIFICATION_NEW: ServerEvent<Notification<'_>> = "notification:new";
    /// A notification was read on one of this user's connections. The payload is its id.
    NOTIFICATION_READ: ServerEvent<String> = "notification:read";
    /// All notifications were read on one of this user's connections.
    NOTIFICATIONS_READ_ALL: UnitServerEvent = "notifications:read-all";
}

/// The query that returns one status.
pub(super) const GET_STATUS: &str = "user:get-status";
/// The query that returns a list of ids. The list is empty if the caller may not access the conversation.
pub(super) const GET_ONLINE_USERS: &str = "conversation:get-online-users";

/// The events that clients of this contract may send.
pub(super) const CLIENT_EVENTS: &[ClientEvent] = &[
    ClientEvent::new("join:conversation", "Subscribes this connection to a conversation.", |args| {
        conversation_of(args).map(ClientAction::Enter)
    })
    .names::<ConversationRef>()
    .answers::<ConversationAck<'_>>(),
    ClientEvent::new("leave:conversation", "Unsubscribes this connection from a conversation.", |args| {
        conversation_of(args).map(ClientAction::Leave)
    })
    .names::<ConversationRef>()
    .answers::<ConversationAck<'_>>(),
    ClientEvent::new("typing:start", "Broadcasts that this user is typing. Repeat it while the typing lasts.", |args| {
        conversation_of(args).map(ClientAction::Typing)
    })
    .names::<ConversationRef>(),
    ClientEvent::new("typing:stop", "Broadcasts that this user has stopped typing.", |args| {
        conversation_of(args).map(ClientAction::StopTyping)
    })
    .names::<ConversationRef>(),
    ClientEvent::new(
        GET_ONLINE_USERS,
        "Returns the participants who are online. The list is empty for a user who is not a participant.",
        |args| conversation_of(args).map(ClientAction::OnlineIn),
    )
    .names::<ConversationRef>()
    .answers_shape(PayloadSchema::list::<String>),
    ClientEvent::new(GET_STATUS, "Returns whether a user is online.", |args| user_of(args).map(|user| ClientAction::Statuses(vec![user])))
        .names::<UserRef>()
        .answers::<Status<'_>>(),
    ClientEvent::new("users:get-status", "Returns for each of several users whether the user is online.", |args| {
        users_of(args).map(ClientAction::Statuses)
    })
    .takes_shape(|| PayloadSchema::of::<UserRefs>().or(PayloadSchema::list::<IdInput>()))
    .answers_shape(PayloadSchema::list::<Status<'_>>),
    ClientEvent::new("notification:read", "Marks a notification as read.", |args| notification_of(args).map(read))
        .names::<NotificationRef>()
        .answers::<NotificationRead>(),
    ClientEvent::new("notifications:read-all", "Marks all notifications as read.", |_| Ok(read_all())).answers::<AllRead>(),
    auth_refresh::REFRESH,
];
