//! Client messages of the workspace contract: `{type, room, data}` as text.

use std::borrow::Cow;

use client_json::ids::IdInput;
use domain::chat::{SendMessage, SendMessageResult};
use domain::error::DomainError;
use domain::ids::{RoomId, RoomKind};
use engine::OutboundMessage;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::{PartialSchema, ToSchema};

use super::envelope_event::only;
use super::{KINDS, envelope};
use crate::auth_refresh::read_token;
use crate::event_schema::{ClientEventSchema, PayloadSchema, missing_or_invalid};
use crate::{ClientAction, ParsedRequest, Reply, SocketCommand};

/// A client's envelope. Each part is parsed by itself, so that an error can name it.
#[derive(Deserialize)]
pub(super) struct ClientEnvelope<'a> {
    #[serde(borrow)]
    r#type: Option<&'a RawValue>,
    #[serde(borrow)]
    room: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// `data` of `send_message`.
#[derive(Deserialize, ToSchema)]
#[schema(as = workspace::NewMessage)]
struct NewMessage<'a> {
    #[serde(borrow)]
    #[schema(value_type = String)]
    content: Option<&'a RawValue>,
    /// Further data that the front end stores with the message, such as `reply_to`.
    #[schema(value_type = Option<Object>)]
    metadata: Option<&'a RawValue>,
    /// The client's own id of the message. A repeated request with the same id creates no second message.
    #[serde(alias = "clientId")]
    #[schema(value_type = Option<IdInput>)]
    client_id: Option<&'a RawValue>,
}

/// `data` of `auth_refresh`.
#[derive(Deserialize, ToSchema)]
#[schema(as = workspace::NewToken)]
struct NewToken<'a> {
    /// With or without `Bearer`.
    #[serde(borrow)]
    #[schema(value_type = String)]
    token: Option<&'a RawValue>,
}

/// A type of message that clients may send.
#[derive(Clone, Copy)]
pub(super) struct ClientMessageType {
    name: &'static str,
    about: &'static str,
    /// Whether it names a room.
    room: bool,
    data: Option<fn() -> PayloadSchema>,
    read: fn(&ClientEnvelope<'_>) -> Result<ClientAction, DomainError>,
}

/// The messages that clients of this contract may send.
pub(super) const CLIENT_EVENTS: &[ClientMessageType] = &[
    ClientMessageType {
        name: "join_room",
        about: "Subscribes this connection to a room: `project:ID`, `channel:ID` or `task:ID`. Every connection is subscribed to the `user:ID` of its user.",
        room: true,
        data: None,
        read: |envelope| room_of(envelope).map(ClientAction::Enter),
    },
    ClientMessageType {
        name: "leave_room",
        about: "Unsubscribes this connection from a room.",
        room: true,
        data: None,
        read: |envelope| room_to_leave(envelope).map(ClientAction::Leave),
    },
    ClientMessageType {
        name: "send_message",
        about: "Sends a message in a channel.",
        room: true,
        data: Some(PayloadSchema::of::<NewMessage<'_>>),
        read: |envelope| message_of(envelope).map(send),
    },
    ClientMessageType {
        name: "auth_refresh",
        about: "Replaces the token of this connection with a newer one of the same user. From then on the connection closes when its token expires, and receives a notice a minute before.",
        room: false,
        data: Some(PayloadSchema::of::<NewToken<'_>>),
        read: |envelope| token_of(envelope).map(ClientAction::Refresh),
    },
    ClientMessageType { name: "ping", about: "Returns a pong.", room: false, data: None, read: |_| Ok(ClientAction::Ping) },
];

impl ClientMessageType {
    /// The message's description.
    pub(super) fn schema(&self) -> ClientEventSchema {
        let object = ObjectBuilder::new().property("type", only(self.name)).required("type");
        let object = if self.room { object.property("room", String::schema()).required("room") } else { object };
        let argument = match self.data.map(|shape| shape()) {
            None => PayloadSchema { schema: object.into(), components: Vec::new() },
            Some(PayloadSchema { schema, components }) => {
                PayloadSchema { schema: object.property("data", schema).required("data").into(), components }
            }
        };
        ClientEventSchema { name: self.name, about: self.about, argument: Some(argument), ack: None }
    }
}

/// Parses one message. Every message gives a request: an invalid message gives a request with an error.
pub(super) fn parse_message(text: &str) -> ParsedRequest {
    let rejected = |error| ParsedRequest { name: "message", action: Err(error) };
    let Some(envelope) = object::<ClientEnvelope<'_>>(text) else {
        return rejected(DomainError::invalid_input("message", "must be a JSON object {type, room, data}"));
    };
    let name = envelope.r#type.and_then(text_of);
    match CLIENT_EVENTS.iter().find(|message_type| name.as_deref() == Some(message_type.name)) {
        Some(message_type) => ParsedRequest { name: message_type.name, action: (message_type.read)(&envelope) },
        None => rejected(missing_or_invalid(envelope.r#type.is_none(), "type", format!("must be {}", types()))),
    }
}

/// The types of messages, for an error text.
fn types() -> String {
    let names: Vec<_> = CLIENT_EVENTS.iter().map(|message_type| message_type.name).collect();
    match &names[..] {
        [others @ .., last] => format!("{} or {last}", others.join(", ")),
        [] => String::new(),
    }
}

/// A JSON object. serde would accept an array for a struct, too, but an envelope is never an array.
fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    let is_object = text.trim_start().starts_with('{');
    if is_object { serde_json::from_str(text).ok() } else { None }
}

/// A JSON text, borrowed if it has no escapes. `None` for any other value.
fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    // serde borrows a `Cow` only where a field asks for it. Reading a `&str` first would create an error that quotes each text with escapes.
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str(raw.get()).ok().map(|Text(text)| text)
}

fn room_of(envelope: &ClientEnvelope<'_>) -> Result<RoomId, DomainError> {
    let address = envelope.room.and_then(text_of);
    // In this contract, a user's inbox is a room like any other, with the user's id.
    let room =
        address.and_then(|address| RoomId::parse(&address)).filter(|room| KINDS.contains(&room.kind()) || room.kind() == RoomKind::User);
    room.ok_or_else(|| missing_or_invalid(envelope.room.is_none(), "room", "must be project:ID, channel:ID, task:ID or user:ID"))
}

fn room_to_leave(envelope: &ClientEnvelope<'_>) -> Result<RoomId, DomainError> {
    let room = room_of(envelope)?;
    if room.kind() == RoomKind::User {
        return Err(DomainError::invalid_input("room", "must be project:ID, channel:ID or task:ID; one's own user room cannot be left"));
    }
    Ok(room)
}

fn message_of(envelope: &ClientEnvelope<'_>) -> Result<SendMessage, DomainError> {
    let room = room_of(envelope)?;
    let message: Option<NewMessage<'_>> = envelope.data.and_then(|data| object(data.get()));
    let message = message.ok_or_else(|| missing_or_invalid(envelope.data.is_none(), "data", "must be an object {content, metadata}"))?;
    let content = message.content.and_then(text_of);
    let content = content.ok_or_else(|| missing_or_invalid(message.content.is_none(), "content", "must be text"))?;
    let metadata = message.metadata.map(|raw| serde_json::from_str::<Value>(raw.get())).transpose();
    // The text is JSON, as was checked before, so the error is its depth.
    let metadata = metadata.map_err(|_| DomainError::invalid_input("metadata", "must not be nested so deeply"))?;
    let client_id = message.client_id.map(|raw| {
        let given = serde_json::from_str::<IdInput>(raw.get());
        given.map(|id| id.0).map_err(|_| DomainError::invalid_input("client_id", "must be text or a number"))
    });
    Ok(SendMessage { room, content: content.into_owned(), sort: None, file_url: None, metadata, client_id: client_id.transpose()? })
}

fn token_of(envelope: &ClientEnvelope<'_>) -> Result<String, DomainError> {
    read_token(envelope.data.and_then(|data| object::<NewToken<'_>>(data.get())).and_then(|shown| shown.token))
}

/// Sends a message. Its sender receives a new message as a broadcast, so the reply is empty. A message that was sent before is not broadcast
/// again, so the reply contains it.
fn send(command: SendMessage) -> ClientAction {
    ClientAction::Execute(SocketCommand::new(command, |SendMessageResult { message, duplicate }, _| {
        let repeated = duplicate.then(|| OutboundMessage::Text(envelope::message(message)));
        Reply { messages: repeated.into_iter().collect(), ..Reply::default() }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_with_its_escapes_and_copied_only_if_it_has_some() {
        for (json, expected) in [
            (r#""plain""#, Some(Cow::Borrowed("plain"))),
            (r#""a \"line\"\n""#, Some(Cow::Owned("a \"line\"\n".to_owned()))),
            ("7", None),
            ("null", None),
            (r#"["text"]"#, None),
        ] {
            let raw: &RawValue = serde_json::from_str(json).unwrap();
            let text = text_of(raw);
            assert_eq!(text, expected, "{json}");
            assert_eq!(matches!(text, Some(Cow::Borrowed(_))), matches!(expected, Some(Cow::Borrowed(_))), "{json}");
        }
    }
}
