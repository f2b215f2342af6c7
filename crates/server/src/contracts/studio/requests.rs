//! Client events of the studio contract, with one object each.

use domain::calls::{AnswerCall, EndCall, InitiateCall, InitiateCallResult};
use domain::chat::{DeleteMessage, EditMessage, SendMessage, SendMessageResult};
use domain::command::{Command, CommandContext};
use domain::error::DomainError;
use domain::ids::{EntityId, RoomId, RoomKind, parse_id};
use engine::OutboundMessage;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use wire::socketio::Args;

use super::events::{CALL_INITIATED, MESSAGE_NEW};
use super::objects::NewMessage;
use super::payloads::{CallAck, CallAnswered, CallEnded, CallInitiated, MessageDeleted, MessageEdited, MessageSent};
use crate::contracts::client_ids::{IdInput, IdOutput};
use crate::contracts::event_schema::{id_argument, invalid_field, missing_or_invalid, object};
use crate::contracts::responses::ConstBool;
use crate::contracts::{ClientAction, json};

/// What names a room.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::RoomNamed)]
pub(super) struct RoomRef {
    room_id: IdInput,
}

impl From<RoomRef> for IdInput {
    fn from(named: RoomRef) -> Self {
        named.room_id
    }
}

/// Of `user:typing` and `user:stop_typing`.
#[derive(ToSchema)]
#[schema(as = studio::TypingIn, rename_all = "camelCase")]
#[expect(dead_code, reason = "only its description is wanted")]
pub(super) struct TypingPayload {
    room_id: IdInput,
    /// May be there; who types is whose connection it is.
    user_id: Option<IdInput>,
}

// Here and below, each field is parsed by itself, so that a refusal can name it. Fields that the contract's document defines and the server
// knows itself are not parsed, so they may have any value.
/// Of `message:send`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::SentMessage)]
pub(super) struct SendMessagePayload<'a> {
    #[serde(borrow)]
    #[schema(value_type = IdInput)]
    room_id: FieldInput<'a>,
    /// May be left out beside a `fileUrl`.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    content: FieldInput<'a>,
    /// In the client's own word; `TEXT` without.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    r#type: FieldInput<'a>,
    /// A link to what is shown beside the text.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    file_url: FieldInput<'a>,
    /// The client's own id of the message: sent again with the same one, it is not a second message.
    #[serde(borrow)]
    #[schema(value_type = Option<IdInput>)]
    client_id: FieldInput<'a>,
}

/// Of `message:edit`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::EditedMessage)]
pub(super) struct EditMessagePayload<'a> {
    #[serde(borrow)]
    #[schema(value_type = IdInput)]
    message_id: FieldInput<'a>,
    #[serde(borrow)]
    #[schema(value_type = String)]
    content: FieldInput<'a>,
    /// May be there; a message knows its room.
    #[schema(value_type = Option<IdInput>)]
    #[expect(dead_code, reason = "only its description is wanted")]
    room_id: Option<IgnoredAny>,
}

/// What names a message.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::MessageNamed)]
pub(super) struct MessageRef<'a> {
    #[serde(borrow)]
    #[schema(value_type = IdInput)]
    message_id: FieldInput<'a>,
    /// May be there; a message knows its room.
    #[schema(value_type = Option<IdInput>)]
    #[expect(dead_code, reason = "only its description is wanted")]
    room_id: Option<IgnoredAny>,
}

/// Of `call:initiated`, as clients send it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::NewCall)]
pub(super) struct InitiateCallPayload<'a> {
    #[serde(borrow)]
    #[schema(value_type = IdInput)]
    room_id: FieldInput<'a>,
    /// What sort of call it is: `AUDIO`, `VIDEO`.
    #[serde(borrow)]
    #[schema(value_type = String)]
    call_type: FieldInput<'a>,
    /// May be there; who rings is whose connection it is.
    #[schema(value_type = Option<IdInput>)]
    #[expect(dead_code, reason = "only its description is wanted")]
    initiated_by: Option<IgnoredAny>,
}

/// What names a call.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::CallNamed)]
pub(super) struct CallRef<'a> {
    #[serde(borrow)]
    #[schema(value_type = IdInput)]
    call_id: FieldInput<'a>,
    /// May be there; a call knows its room.
    #[schema(value_type = Option<IdInput>)]
    #[expect(dead_code, reason = "only its description is wanted")]
    room_id: Option<IgnoredAny>,
}

/// A field as the client sent it; null counts as absent.
type FieldInput<'a> = Option<&'a RawValue>;

/// The payload of an event.
fn payload<'a, T: Deserialize<'a>>(args: &Args<'a>, first: &'static str) -> Result<T, DomainError> {
    object(args).ok_or_else(|| invalid_field(args, first, format!("must be in an object, such as {{\"{first}\": 1}}")))
}

/// A field; `None` if it is absent or null.
fn field<T: DeserializeOwned>(given: FieldInput<'_>, name: &'static str, wanted: &str) -> Result<Option<T>, DomainError> {
    let field = given.map(|raw| serde_json::from_str(raw.get())).transpose();
    field.map_err(|_| DomainError::invalid(name, wanted.to_owned()))
}

fn text(given: FieldInput<'_>, name: &'static str) -> Result<Option<String>, DomainError> {
    field(given, name, "must be text")
}

/// The room that a client names.
pub(super) fn room_of(args: &Args<'_>) -> Result<RoomId, DomainError> {
    room(id_argument::<RoomRef>(args)).ok_or_else(|| invalid_field(args, "roomId", EXPECTED_ROOM))
}

fn room_in(given: FieldInput<'_>) -> Result<RoomId, DomainError> {
    let id = given.and_then(|raw| serde_json::from_str(raw.get()).ok());
    room(id).ok_or_else(|| missing_or_invalid(given.is_none(), "roomId", EXPECTED_ROOM))
}

fn room(id: Option<IdInput>) -> Option<RoomId> {
    id.and_then(|id| RoomKind::ChatRoom.room_from_external_id(&id.0))
}

/// The error text for an invalid room id.
const EXPECTED_ROOM: &str = "must be the id of a room, as number or text";

/// An id of an object that the server numbers. A malformed id becomes 0, which no object has.
fn number(given: FieldInput<'_>, name: &'static str, wanted: &str) -> Result<EntityId, DomainError> {
    let given = field::<IdInput>(given, name, wanted)?.ok_or_else(|| missing_or_invalid(true, name, ""))?;
    Ok(parse_id(&given.0).unwrap_or(0))
}

fn message_in(given: FieldInput<'_>) -> Result<EntityId, DomainError> {
    number(given, "messageId", "must be the id of a message, as number or text")
}

fn call_in(given: FieldInput<'_>) -> Result<EntityId, DomainError> {
    number(given, "callId", "must be the id of a call, as number or text")
}

pub(super) fn send(args: &Args<'_>) -> Result<ClientAction, DomainError> {
    let sent: SendMessagePayload<'_> = payload(args, "roomId")?;
    let room = room_in(sent.room_id)?;
    if sent.content.is_none() && sent.file_url.is_none() {
        return Err(missing_or_invalid(true, "content", ""));
    }
    let command = SendMessage {
        room,
        content: text(sent.content, "content")?.unwrap_or_default(),
        sort: text(sent.r#type, "type")?,
        file_url: text(sent.file_url, "fileUrl")?,
        metadata: None,
        client_id: field::<IdInput>(sent.client_id, "clientId", "must be text or a number")?.map(|id| id.0),
    };
    Ok(change(move |context| {
        let SendMessageResult { message, duplicate } = command.execute(context)?;
        let told = NewMessage::of(&message);
        let ack = json(&MessageSent { ok: ConstBool, duplicate: duplicate.then_some(ConstBool), message: &told });
        // A message that was sent before is not broadcast again. Only its sender receives it, who may have missed the broadcast.
        Ok(if duplicate { with_event(ack, &MESSAGE_NEW.render(&told)) } else { Value::String(ack) })
    }))
}

pub(super) fn edit(args: &Args<'_>) -> Result<ClientAction, DomainError> {
    let edited: EditMessagePayload<'_> = payload(args, "messageId")?;
    let message = message_in(edited.message_id)?;
    let content = text(edited.content, "content")?.ok_or_else(|| missing_or_invalid(true, "content", ""))?;
    let command = EditMessage { of: RoomKind::ChatRoom, message, content };
    Ok(change(move |context| Ok(confirmed(&MessageEdited::of(&command.execute(context)?)))))
}

pub(super) fn delete(args: &Args<'_>) -> Result<ClientAction, DomainError> {
    let message = message_in(payload::<MessageRef<'_>>(args, "messageId")?.message_id)?;
    let command = DeleteMessage { of: RoomKind::ChatRoom, message };
    Ok(change(move |context| {
        let message = command.execute(context)?;
        Ok(confirmed(&MessageDeleted::of(message.id, &message.room)))
    }))
}

pub(super) fn initiate(args: &Args<'_>) -> Result<ClientAction, DomainError> {
    const WANTED: &str = "must be a word such as AUDIO or VIDEO";
    let new: InitiateCallPayload<'_> = payload(args, "roomId")?;
    let room = room_in(new.room_id)?;
    let sort = field(new.call_type, "callType", WANTED)?.ok_or_else(|| missing_or_invalid(true, "callType", ""))?;
    let command = InitiateCall { room, sort };
    Ok(ClientAction::TakePart(Box::new(move |context| {
        let InitiateCallResult { call, existing } = command.execute(context)?;
        let told = CallInitiated::of(&call);
        let ack = json(&CallAck { ok: ConstBool, payload: &told });
        // A call that exists already is not announced again. Only the client that asked for a new one receives it.
        let value = if existing { with_event(ack, &CALL_INITIATED.render(&told)) } else { Value::String(ack) };
        Ok((call, value))
    })))
}

pub(super) fn answer(args: &Args<'_>) -> Result<ClientAction, DomainError> {
    let command = AnswerCall { of: RoomKind::ChatRoom, call: call_in(payload::<CallRef<'_>>(args, "callId")?.call_id)? };
    Ok(ClientAction::TakePart(Box::new(move |context| {
        let call = command.execute(context)?;
        let value = confirmed(&CallAnswered { call_id: call.id, answered_by: IdOutput(context.actor.user.as_str()) });
        Ok((call, value))
    })))
}

pub(super) fn end(args: &Args<'_>) -> Result<ClientAction, DomainError> {
    let command = EndCall { of: RoomKind::ChatRoom, call: call_in(payload::<CallRef<'_>>(args, "callId")?.call_id)? };
    Ok(change(move |context| Ok(confirmed(&CallEnded::of(&command.execute(context)?)))))
}

/// A command whose value is the reply to its client: the acknowledgement as text, or a list of it and of an event (its name and its
/// payload).
fn change(work: impl FnOnce(&mut CommandContext<'_>) -> Result<Value, DomainError> + Send + 'static) -> ClientAction {
    ClientAction::Change(Box::new(work))
}

fn confirmed(payload: &impl Serialize) -> Value {
    Value::String(json(&CallAck { ok: ConstBool, payload }))
}

fn with_event(ack: String, event: &OutboundMessage) -> Value {
    match event {
        OutboundMessage::Event { name, args, .. } => Value::Array(vec![ack.into(), name.as_ref().into(), args.as_str().into()]),
        OutboundMessage::Text(_) | OutboundMessage::Binary(_) => Value::String(ack),
    }
}
