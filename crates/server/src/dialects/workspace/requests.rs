//! What clients of the workspace contract ask for: `{type, room, data}` as text.

use std::borrow::Cow;

use domain::chat::{SendMessage, Sent};
use domain::names::{Kind, Room};
use domain::operation::{Command, Tx};
use domain::refusal::Refusal;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{KINDS, envelope};
use crate::dialects::{Ask, Request};

/// A client's envelope; each part is read by itself, so that a refusal can name it.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    r#type: Option<&'a RawValue>,
    #[serde(borrow)]
    room: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// `data` of `send_message`.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    metadata: Option<&'a RawValue>,
    #[serde(alias = "clientId")]
    client_id: Option<&'a RawValue>,
}

/// Understands one message. It never fails to: what cannot be meant is a refusal.
pub(super) fn understand(text: &str) -> Request {
    let refused = |refusal| Request { name: "message".into(), ask: Err(refusal) };
    let envelope: Envelope<'_> = match object(text) {
        Some(envelope) => envelope,
        None => return refused(Refusal::invalid("message", "must be a JSON object {type, room, data}")),
    };
    let Some(name) = envelope.r#type.and_then(text_of) else {
        return refused(Refusal::invalid("type", format!("must be {TYPES}")));
    };
    match &*name {
        "ping" => Request { name: "ping".into(), ask: Ok(Ask::Ping) },
        "join_room" => Request { name: "join_room".into(), ask: room_of(&envelope).map(Ask::Enter) },
        "leave_room" => Request { name: "leave_room".into(), ask: room_to_leave(&envelope).map(Ask::Leave) },
        "send_message" => Request { name: "send_message".into(), ask: message_of(&envelope).map(send) },
        _ => refused(Refusal::invalid("type", format!("must be {TYPES}"))),
    }
}

const TYPES: &str = "join_room, leave_room, send_message or ping";

/// A JSON object. serde would take an array for a struct, too, and that is nobody's envelope.
fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    let is_object = text.trim_start().starts_with('{');
    if is_object { serde_json::from_str(text).ok() } else { None }
}

fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    // A text without escapes is borrowed; one with them needs a copy.
    match serde_json::from_str::<&str>(raw.get()) {
        Ok(text) => Some(Cow::Borrowed(text)),
        Err(_) => serde_json::from_str::<String>(raw.get()).ok().map(Cow::Owned),
    }
}

fn room_of(envelope: &Envelope<'_>) -> Result<Room, Refusal> {
    let address = envelope.room.and_then(text_of);
    // An inbox is a room like the others here, only that it is somebody's own.
    let room = address.and_then(|address| Room::parse(&address)).filter(|room| KINDS.contains(&room.kind()) || room.kind() == Kind::User);
    room.ok_or_else(|| Refusal::invalid("room", "must be project:ID, channel:ID, task:ID or user:ID"))
}

fn room_to_leave(envelope: &Envelope<'_>) -> Result<Room, Refusal> {
    let room = room_of(envelope)?;
    if room.kind() == Kind::User {
        return Err(Refusal::invalid("room", "must be project:ID, channel:ID or task:ID; one's own user room cannot be left"));
    }
    Ok(room)
}

fn message_of(envelope: &Envelope<'_>) -> Result<SendMessage, Refusal> {
    let room = room_of(envelope)?;
    let message: Option<Message<'_>> = envelope.data.and_then(|data| object(data.get()));
    let message = message.ok_or_else(|| Refusal::invalid("data", "must be an object {content, metadata}"))?;
    let content = message.content.and_then(text_of).ok_or_else(|| Refusal::invalid("content", "must be text"))?;
    let metadata = message.metadata.map(|raw| serde_json::from_str::<Value>(raw.get())).transpose();
    // That it is JSON is known by now, so this is its depth.
    let metadata = metadata.map_err(|_| Refusal::invalid("metadata", "must not be nested so deeply"))?;
    let client_id = message.client_id.map(|raw| text_of(raw).ok_or_else(|| Refusal::invalid("client_id", "must be text"))).transpose()?;
    Ok(SendMessage { room, content: content.into_owned(), sort: None, file_url: None, metadata, client_id: client_id.map(Cow::into_owned) })
}

/// The command; its value is what its sender alone is told. Normally that is nothing: the message comes to the sender as to everybody else.
/// Of a message that was sent before nobody is told again, so its sender gets the answer here.
fn send(command: SendMessage) -> Ask {
    Ask::Change(Box::new(move |tx: &mut Tx<'_>| {
        let Sent { message, duplicate } = command.decide(tx)?;
        Ok(if duplicate { Value::String(envelope::message(&message)) } else { Value::Null })
    }))
}
