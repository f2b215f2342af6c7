//! The envelopes that clients of the workspace contract are sent.

use domain::chat;
use domain::emissions::Emission;
use domain::names::{Kind, Room, Timestamp};
use domain::notifications;
use domain::people::Person;
use engine::Saying;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::dialects::ids::NumberOrText;
use crate::dialects::json;
use crate::dialects::times::Microseconds;

/// What every message from the server looks like. `data` stands in all that we send.
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

impl<'a, D: Serialize> Envelope<'a, D> {
    /// An envelope without room or sender.
    pub(super) fn new(r#type: &'a str, data: D, at: Timestamp) -> Self {
        Self { r#type, room: None, data, sender: None, timestamp: Microseconds(at) }
    }

    /// About a room.
    pub(super) fn about(self, room: &'a Room) -> Self {
        Self { room: Some(room.as_str()), ..self }
    }

    /// From a person.
    pub(super) fn from(self, person: &'a Person) -> Self {
        Self { sender: Some(person.handle()), ..self }
    }

    /// From whoever did it, if that is known.
    pub(super) fn by(self, person: Option<&'a Person>) -> Self {
        Self { sender: person.map(Person::handle), ..self }
    }

    /// From the server itself.
    pub(super) fn by_system(self) -> Self {
        Self { sender: Some("system"), ..self }
    }

    /// The envelope as a message.
    pub(super) fn say(&self) -> Saying {
        Saying::Text(json(self))
    }
}

/// `data` of `connected`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Connected<'a> {
    message: &'static str,
    user_id: NumberOrText<'a>,
    username: &'a str,
}

/// Welcomes a person.
pub(super) fn connected(person: &Person, at: Timestamp) -> Saying {
    let user_id = NumberOrText(person.id.as_str());
    Envelope::new("connected", Connected { message: "Connected successfully", user_id, username: person.handle() }, at).say()
}

/// `data` of `user_joined` and `user_left`.
#[derive(Clone, Debug, Serialize)]
struct Presence<'a> {
    username: &'a str,
    user_id: NumberOrText<'a>,
}

/// Tells that a person came or went.
pub(super) fn presence(r#type: &str, room: &Room, person: &Person, at: Timestamp) -> Saying {
    let data = Presence { username: person.handle(), user_id: NumberOrText(person.id.as_str()) };
    Envelope::new(r#type, data, at).about(room).from(person).say()
}

/// `data` of `message` and `message.edited`.
#[derive(Clone, Debug, Serialize)]
struct Message<'a> {
    message_id: i64,
    content: &'a str,
    username: &'a str,
    user_id: NumberOrText<'a>,
    /// Always an object, so that clients may read `metadata.reply_to` of any message.
    metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Metadata<'a> {
    Sent(&'a Value),
    None(Map<String, Value>),
}

impl<'a> Metadata<'a> {
    fn of(metadata: Option<&'a Value>) -> Self {
        metadata.map_or_else(|| Self::None(Map::new()), Self::Sent)
    }
}

impl<'a> Message<'a> {
    fn of(message: &'a chat::Message) -> Self {
        Self {
            message_id: message.id,
            content: &message.content,
            username: message.sender.handle(),
            user_id: NumberOrText(message.sender.id.as_str()),
            metadata: Metadata::of(message.metadata.as_ref()),
            client_id: message.client_id.as_deref(),
        }
    }
}

/// The envelope of a message, as text.
pub(super) fn message(message: &chat::Message) -> String {
    json(&Envelope::new("message", Message::of(message), message.created_at).about(&message.room).from(&message.sender))
}

/// Tells that a message has another text.
pub(super) fn message_edited(message: &chat::Message, at: Timestamp) -> Saying {
    Envelope::new("message.edited", Message::of(message), at).about(&message.room).from(&message.sender).say()
}

/// `data` of `message.deleted`.
#[derive(Clone, Debug, Serialize)]
struct MessageDeleted<'a> {
    message_id: i64,
    username: &'a str,
    user_id: NumberOrText<'a>,
}

/// Tells that a message is gone.
pub(super) fn message_deleted(message_id: i64, sender: &Person, room: &Room, at: Timestamp) -> Saying {
    let data = MessageDeleted { message_id, username: sender.handle(), user_id: NumberOrText(sender.id.as_str()) };
    Envelope::new("message.deleted", data, at).about(room).from(sender).say()
}

/// `data` of `notification.new`.
#[derive(Clone, Debug, Serialize)]
struct Notification<'a> {
    notification_id: i64,
    r#type: &'a str,
    title: &'a str,
    message: &'a str,
    link: Option<&'a str>,
    priority: &'a str,
    metadata: Metadata<'a>,
}

/// Tells a person of a notification. How urgent it is stands in its data.
pub(super) fn notification(notification: &notifications::Notification) -> Saying {
    let priority = notification.data.as_ref().and_then(|data| data.get("priority")).and_then(Value::as_str);
    let data = Notification {
        notification_id: notification.id,
        r#type: &notification.kind,
        title: &notification.title,
        message: &notification.message,
        link: notification.link.as_deref(),
        priority: priority.unwrap_or("normal"),
        metadata: Metadata::of(notification.data.as_ref()),
    };
    Envelope::new("notification.new", data, notification.created_at).say()
}

/// What a back end says of its own making, in an envelope. Its room stands in it if there is one alone and it is no inbox.
pub fn emitted(emission: &Emission, at: Timestamp) -> Saying {
    let envelope = Envelope::new(&emission.name, &emission.data, at);
    match &emission.rooms[..] {
        [room] if !matches!(room.kind(), Kind::User | Kind::Everyone) => envelope.about(room).say(),
        _ => envelope.say(),
    }
}

/// `data` of `notification.new` that everybody is told: it is in nobody's inbox and has no id.
#[derive(Clone, Debug, Serialize)]
struct Announcement<'a> {
    r#type: &'a str,
    title: &'a str,
    message: &'a str,
    metadata: Metadata<'a>,
}

/// Tells everybody something. Under which name Socket.IO clients hear it is not said here: this contract has one.
pub(super) fn announcement(announcement: &notifications::Announcement) -> Saying {
    let data = Announcement {
        r#type: &announcement.kind,
        title: &announcement.title,
        message: &announcement.message,
        metadata: Metadata::of(announcement.data.as_ref()),
    };
    Envelope::new("notification.new", data, announcement.at).say()
}

/// `data` of `joined_room` and `left_room`.
#[derive(Clone, Debug, Serialize)]
struct Notice {
    message: String,
}

/// Confirms what was asked: "Joined room channel:456".
pub(super) fn confirmed(r#type: &str, what: &str, room: &Room, at: Timestamp) -> Saying {
    Envelope::new(r#type, Notice { message: format!("{what} room {room}") }, at).about(room).say()
}

/// `data` of `pong`.
#[derive(Clone, Debug, Serialize)]
struct Pong {
    timestamp: Microseconds,
}

/// Answers a ping.
pub(super) fn pong(at: Timestamp) -> Saying {
    Envelope::new("pong", Pong { timestamp: Microseconds(at) }, at).say()
}

/// `data` of `error`: the document's text, and a word for programs.
#[derive(Clone, Debug, Serialize)]
struct Error<'a> {
    error: String,
    code: &'a str,
}

/// Says no.
pub(super) fn error(error: String, code: &str, at: Timestamp) -> Saying {
    Envelope::new("error", Error { error, code }, at).say()
}
