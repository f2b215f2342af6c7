//! What clients of the studio contract ask for: events with one object each.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::calls::{AnswerCall, EndCall, InitiateCall, Initiated};
use domain::chat::{DeleteMessage, EditMessage, SendMessage, Sent};
use domain::names::{Id, Kind, Room, parse_id};
use domain::operation::{Command, Tx};
use domain::refusal::Refusal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use wire::socketio::Args;

use super::objects::NewMessage;
use super::payloads::{CallAnswered, CallEnded, CallInitiated, MessageDeleted, MessageEdited};
use crate::dialects::ids::{GivenId, NumberOrText};
use crate::dialects::{Ask, Request, json};

/// How an event's payload is read.
type Read = fn(&Payload<'_>) -> Result<Ask, Refusal>;

/// Understands one event; `None` for a word that is not this contract's.
pub(super) fn understand(name: &str, args: &Args<'_>) -> Option<Request> {
    // Each word with how its payload is read.
    let (name, read): (_, Read) = match name {
        "join_room" => ("join_room", |payload| payload.room().map(Ask::Move)),
        "leave_room" => ("leave_room", |payload| payload.room().map(Ask::Leave)),
        "message:send" => ("message:send", send),
        // The document's clients say the latter.
        "message:edit" | "message:edited" => ("message:edit", edit),
        "message:delete" => ("message:delete", delete),
        "user:typing" => ("user:typing", |payload| payload.room().map(Ask::Typing)),
        "user:stop_typing" => ("user:stop_typing", |payload| payload.room().map(Ask::StopTyping)),
        "call:initiated" => ("call:initiated", initiate),
        "call:answered" => ("call:answered", answer),
        "call:ended" => ("call:ended", end),
        _ => return None,
    };
    Some(Request { name: name.into(), ask: Payload::of(args).and_then(|payload| read(&payload)) })
}

/// The fields of an event's first argument, read one by one, so that a refusal can name one. A bare id stands for a room's.
enum Payload<'a> {
    Fields(BTreeMap<Cow<'a, str>, &'a RawValue>),
    Id(GivenId),
}

impl<'a> Payload<'a> {
    fn of(args: &Args<'a>) -> Result<Self, Refusal> {
        let arg = args.get(0).unwrap_or("null");
        let read = match arg.trim_start().starts_with('{') {
            true => serde_json::from_str(arg).ok().map(Self::Fields),
            false => serde_json::from_str(arg).ok().map(Self::Id),
        };
        read.ok_or_else(|| Refusal::invalid("roomId", "must be in an object, such as {\"roomId\": 1}"))
    }

    /// A field; `None` if it is absent or null.
    fn field<T: DeserializeOwned>(&self, name: &'static str, wanted: &str) -> Result<Option<T>, Refusal> {
        let Self::Fields(fields) = self else { return Ok(None) };
        let Some(raw) = fields.get(name).filter(|raw| raw.get() != "null") else { return Ok(None) };
        serde_json::from_str(raw.get()).map(Some).map_err(|_| Refusal::invalid(name, wanted.to_owned()))
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, Refusal> {
        self.field(name, "must be text")
    }

    fn room(&self) -> Result<Room, Refusal> {
        const WANTED: &str = "must be the id of a room, as number or text";
        let given = match self {
            Self::Id(id) => Some(id.clone()),
            Self::Fields(_) => self.field::<GivenId>("roomId", WANTED)?,
        };
        let room = given.and_then(|id| Room::parse(&format!("{}:{}", Kind::ChatRoom.as_str(), id.0)));
        room.ok_or_else(|| Refusal::invalid("roomId", WANTED))
    }

    /// The id of something that the server numbers. An id that nothing can have is that of nothing: 0.
    fn number(&self, name: &'static str, wanted: &str) -> Result<Id, Refusal> {
        let given = self.field::<GivenId>(name, wanted)?.ok_or_else(|| Refusal::invalid(name, wanted.to_owned()))?;
        Ok(parse_id(&given.0).unwrap_or(0))
    }

    fn call(&self) -> Result<Id, Refusal> {
        self.number("callId", "must be the id of a call, as number or text")
    }

    fn message(&self) -> Result<Id, Refusal> {
        self.number("messageId", "must be the id of a message, as number or text")
    }
}

fn send(payload: &Payload<'_>) -> Result<Ask, Refusal> {
    let command = SendMessage {
        room: payload.room()?,
        content: payload.text("content")?.unwrap_or_default(),
        sort: payload.text("type")?,
        file_url: payload.text("fileUrl")?,
        metadata: None,
        client_id: payload.field::<GivenId>("clientId", "must be text or a number")?.map(|id| id.0),
    };
    Ok(change(move |tx| {
        let Sent { message, duplicate } = command.decide(tx)?;
        let told = NewMessage::of(&message);
        let ack = json(&Sending { ok: true, duplicate, message: &told });
        // A message that was sent before is told to nobody again but its sender, who may not have heard of it.
        Ok(if duplicate { with_event(ack, "message:new", json(&told)) } else { Value::String(ack) })
    }))
}

fn edit(payload: &Payload<'_>) -> Result<Ask, Refusal> {
    let message = payload.message()?;
    let content = payload.text("content")?.ok_or_else(|| Refusal::invalid("content", "must be text"))?;
    let command = EditMessage { of: Kind::ChatRoom, message, content };
    Ok(change(move |tx| Ok(confirmed(&MessageEdited::of(&command.decide(tx)?)))))
}

fn delete(payload: &Payload<'_>) -> Result<Ask, Refusal> {
    let command = DeleteMessage { of: Kind::ChatRoom, message: payload.message()? };
    Ok(change(move |tx| {
        let message = command.decide(tx)?;
        Ok(confirmed(&MessageDeleted::of(message.id, &message.room)))
    }))
}

fn initiate(payload: &Payload<'_>) -> Result<Ask, Refusal> {
    const WANTED: &str = "must be a word such as AUDIO or VIDEO";
    let room = payload.room()?;
    let sort = payload.field("callType", WANTED)?.ok_or_else(|| Refusal::invalid("callType", WANTED))?;
    let command = InitiateCall { room, sort };
    Ok(Ask::TakePart(Box::new(move |tx| {
        let Initiated { call, existing } = command.decide(tx)?;
        let told = CallInitiated::of(&call);
        let ack = json(&Confirmed { ok: true, payload: &told });
        // Of a call that there was already nobody is told again but the one who has just asked for one.
        let value = if existing { with_event(ack, "call:initiated", json(&told)) } else { Value::String(ack) };
        Ok((call, value))
    })))
}

fn answer(payload: &Payload<'_>) -> Result<Ask, Refusal> {
    let command = AnswerCall { of: Kind::ChatRoom, call: payload.call()? };
    Ok(Ask::TakePart(Box::new(move |tx| {
        let call = command.decide(tx)?;
        let value = confirmed(&CallAnswered { call_id: call.id, answered_by: NumberOrText(tx.actor.person.as_str()) });
        Ok((call, value))
    })))
}

fn end(payload: &Payload<'_>) -> Result<Ask, Refusal> {
    let command = EndCall { of: Kind::ChatRoom, call: payload.call()? };
    Ok(change(move |tx| Ok(confirmed(&CallEnded::of(&command.decide(tx)?)))))
}

/// A command whose value is what its asker alone is told: the acknowledgement as text, or a list of it and of an event (its name and its
/// payload).
fn change(work: impl FnOnce(&mut Tx<'_>) -> Result<Value, Refusal> + Send + 'static) -> Ask {
    Ask::Change(Box::new(work))
}

/// The acknowledgement of a sending.
#[derive(Serialize)]
struct Sending<'a, M> {
    ok: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
    message: &'a M,
}

/// The acknowledgement of something that is told with this payload.
#[derive(Serialize)]
struct Confirmed<'a, P> {
    ok: bool,
    #[serde(flatten)]
    payload: &'a P,
}

fn confirmed(payload: &impl Serialize) -> Value {
    Value::String(json(&Confirmed { ok: true, payload }))
}

fn with_event(ack: String, name: &str, payload: String) -> Value {
    Value::Array(vec![ack.into(), name.into(), payload.into()])
}
