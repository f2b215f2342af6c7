//! The words of the messenger contract.

use super::objects::{Message, Notification};
use super::payloads::{
    AllRead, ConversationAdded, ConversationRemoved, InConversation, MessageDeleted, MessagesRead, NotificationRead, Status, Typing,
};
use super::requests::{
    ConversationNamed, NotificationNamed, UserNamed, UsersNamed, conversation_of, notification_of, people_of, person_of, read, read_all,
};
use crate::dialects::Ask;
use crate::dialects::ids::GivenId;
use crate::dialects::tokens;
use crate::dialects::vocabulary::{BareWord, ClientWord, Shape, Word, words};

words! {
    /// A message was sent in a conversation that this connection has joined.
    MESSAGE_NEW: Word<Message<'_>> = "message:new";
    /// A message is gone.
    MESSAGE_DELETED: Word<MessageDeleted<'_>> = "message:deleted";
    /// Somebody has read messages; told to who has joined, and on all of the reader's devices.
    MESSAGES_READ: Word<MessagesRead<'_>> = "messages:read";
    /// This user was added to a conversation; on all of the user's connections. The payload is the conversation.
    CONVERSATION_ADDED: Word<ConversationAdded<'_>> = "conversation:added";
    /// This user is no longer a participant of a conversation; on all of the user's connections.
    CONVERSATION_REMOVED: Word<ConversationRemoved<'_>> = "conversation:removed";
    /// Somebody else is typing.
    TYPING_START: Word<Typing<'_>> = "typing:start";
    /// Somebody else has stopped typing, also without having said so.
    TYPING_STOP: Word<Typing<'_>> = "typing:stop";
    /// Somebody is online or offline.
    USER_STATUS_CHANGED: Word<Status<'_>> = "user:status-changed";
    /// There is a notification for this person.
    NOTIFICATION_NEW: Word<Notification<'_>> = "notification:new";
    /// A notification was read on one of this person's devices; its id.
    NOTIFICATION_READ: Word<String> = "notification:read";
    /// All notifications were read on one of this person's devices.
    NOTIFICATIONS_READ_ALL: BareWord = "notifications:read-all";
}

/// A question that is answered with one status.
pub(super) const GET_STATUS: &str = "user:get-status";
/// A question that is answered with a list of ids, also an empty one for whoever may not know.
pub(super) const GET_ONLINE_USERS: &str = "conversation:get-online-users";

/// What clients of this contract may say.
pub(super) const UNDERSTOOD: &[ClientWord] = &[
    ClientWord::new("join:conversation", "Hears a conversation on this connection.", |args| conversation_of(args).map(Ask::Enter))
        .names::<ConversationNamed>()
        .answers::<InConversation<'_>>(),
    ClientWord::new("leave:conversation", "Hears it no longer.", |args| conversation_of(args).map(Ask::Leave))
        .names::<ConversationNamed>()
        .answers::<InConversation<'_>>(),
    ClientWord::new("typing:start", "Tells the others that one is typing; to be said again while it lasts.", |args| {
        conversation_of(args).map(Ask::Typing)
    })
    .names::<ConversationNamed>(),
    ClientWord::new("typing:stop", "Tells them that one has stopped.", |args| conversation_of(args).map(Ask::StopTyping))
        .names::<ConversationNamed>(),
    ClientWord::new(GET_ONLINE_USERS, "Asks which participants are online; nobody, for whoever is not one.", |args| {
        conversation_of(args).map(Ask::OnlineIn)
    })
    .names::<ConversationNamed>()
    .answers_shape(Shape::list::<String>),
    ClientWord::new(GET_STATUS, "Asks whether somebody is online.", |args| person_of(args).map(|person| Ask::Statuses(vec![person])))
        .names::<UserNamed>()
        .answers::<Status<'_>>(),
    ClientWord::new("users:get-status", "Asks the same of several people.", |args| people_of(args).map(Ask::Statuses))
        .takes_shape(|| Shape::of::<UsersNamed>().or(Shape::list::<GivenId>()))
        .answers_shape(Shape::list::<Status<'_>>),
    ClientWord::new("notification:read", "Marks a notification as read.", |args| notification_of(args).map(read))
        .names::<NotificationNamed>()
        .answers::<NotificationRead>(),
    ClientWord::new("notifications:read-all", "Marks all notifications as read.", |_| Ok(read_all())).answers::<AllRead>(),
    tokens::REFRESH,
];
