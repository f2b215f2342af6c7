//! The words of the messenger contract.

use super::objects::{Message, Notification};
use super::payloads::{
    AllRead, ConversationAck, ConversationAdded, ConversationRemoved, MessageDeleted, MessagesRead, NotificationRead, Status, Typing,
};
use super::requests::{
    ConversationRef, NotificationRef, UserRef, UserRefs, conversation_of, notification_of, read, read_all, user_of, users_of,
};
use crate::contracts::ClientAction;
use crate::contracts::auth_refresh;
use crate::contracts::client_ids::IdInput;
use crate::contracts::event_schema::{ClientEvent, PayloadSchema, ServerEvent, UnitServerEvent, server_events};

server_events! {
    /// A message was sent in a conversation that this connection has joined.
    MESSAGE_NEW: ServerEvent<Message<'_>> = "message:new";
    /// A message is gone.
    MESSAGE_DELETED: ServerEvent<MessageDeleted<'_>> = "message:deleted";
    /// Somebody has read messages; told to who has joined, and on all of the reader's devices.
    MESSAGES_READ: ServerEvent<MessagesRead<'_>> = "messages:read";
    /// This user was added to a conversation; on all of the user's connections. The payload is the conversation.
    CONVERSATION_ADDED: ServerEvent<ConversationAdded<'_>> = "conversation:added";
    /// This user is no longer a participant of a conversation; on all of the user's connections.
    CONVERSATION_REMOVED: ServerEvent<ConversationRemoved<'_>> = "conversation:removed";
    /// Somebody else is typing.
    TYPING_START: ServerEvent<Typing<'_>> = "typing:start";
    /// Somebody else has stopped typing, also without having said so.
    TYPING_STOP: ServerEvent<Typing<'_>> = "typing:stop";
    /// Somebody is online or offline.
    USER_STATUS_CHANGED: ServerEvent<Status<'_>> = "user:status-changed";
    /// There is a notification for this person.
    NOTIFICATION_NEW: ServerEvent<Notification<'_>> = "notification:new";
    /// A notification was read on one of this person's devices; its id.
    NOTIFICATION_READ: ServerEvent<String> = "notification:read";
    /// All notifications were read on one of this person's devices.
    NOTIFICATIONS_READ_ALL: UnitServerEvent = "notifications:read-all";
}

/// A question that is answered with one status.
pub(super) const GET_STATUS: &str = "user:get-status";
/// A question that is answered with a list of ids, also an empty one for whoever may not know.
pub(super) const GET_ONLINE_USERS: &str = "conversation:get-online-users";

/// What clients of this contract may say.
pub(super) const CLIENT_EVENTS: &[ClientEvent] = &[
    ClientEvent::new("join:conversation", "Hears a conversation on this connection.", |args| {
        conversation_of(args).map(ClientAction::Enter)
    })
    .names::<ConversationRef>()
    .answers::<ConversationAck<'_>>(),
    ClientEvent::new("leave:conversation", "Hears it no longer.", |args| conversation_of(args).map(ClientAction::Leave))
        .names::<ConversationRef>()
        .answers::<ConversationAck<'_>>(),
    ClientEvent::new("typing:start", "Tells the others that one is typing; to be said again while it lasts.", |args| {
        conversation_of(args).map(ClientAction::Typing)
    })
    .names::<ConversationRef>(),
    ClientEvent::new("typing:stop", "Tells them that one has stopped.", |args| conversation_of(args).map(ClientAction::StopTyping))
        .names::<ConversationRef>(),
    ClientEvent::new(GET_ONLINE_USERS, "Asks which participants are online; nobody, for whoever is not one.", |args| {
        conversation_of(args).map(ClientAction::OnlineIn)
    })
    .names::<ConversationRef>()
    .answers_shape(PayloadSchema::list::<String>),
    ClientEvent::new(GET_STATUS, "Asks whether somebody is online.", |args| user_of(args).map(|user| ClientAction::Statuses(vec![user])))
        .names::<UserRef>()
        .answers::<Status<'_>>(),
    ClientEvent::new("users:get-status", "Asks the same of several people.", |args| users_of(args).map(ClientAction::Statuses))
        .takes_shape(|| PayloadSchema::of::<UserRefs>().or(PayloadSchema::list::<IdInput>()))
        .answers_shape(PayloadSchema::list::<Status<'_>>),
    ClientEvent::new("notification:read", "Marks a notification as read.", |args| notification_of(args).map(read))
        .names::<NotificationRef>()
        .answers::<NotificationRead>(),
    ClientEvent::new("notifications:read-all", "Marks all notifications as read.", |_| Ok(read_all())).answers::<AllRead>(),
    auth_refresh::REFRESH,
];
