//! The client events of the studio contract. Each has one object as its argument.

use client_json::ids::{IdInput, IdOutput};
use client_json::json;
use domain::calls::{AnswerCall, Call, EndCall, InitiateCall, InitiateCallResult};
use domain::chat::{DeleteMessage, EditMessage, SendMessage, SendMessageResult};
use domain::error::DomainError;
use domain::ids::{EntityId, RoomId, RoomKind, parse_id};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use wire::socketio::Args;

use super::events::{CALL_INITIATED, MESSAGE_NEW};
use super::objects::NewMessage;
use super::payloads::{CallAck, CallAnswered, CallEnded, CallInitiated, MessageDeleted, MessageEdited, MessageSent};
use crate::acknowledgements::ConstBool;
use crate::event_schema::{id_argument, invalid_field, missing_or_invalid, object};
use crate::socket_command::RenderReply;
use crate::{ClientAction, Reply, SocketCommand};

/// The id of a room.
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

/// The payload of `user:typing` and `user:stop_typing`.
#[derive(ToSchema)]
#[schema(as = studio::TypingIn, rename_all = "camelCase")]
#[expect(dead_code, reason = "only its description is wanted")]
pub(super) struct TypingPayload {
    room_id: IdInput,
    /// Accepted and ignored; the server knows the user of the connection.
    user_id: Option<IdInput>,
}

// Here and below, each field is parsed by itself, so that an error can name it. Fields that the contract's document defines and the server
// knows itself are not parsed, so they may have any value.
/// The payload of `message:send`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::SentMessage)]
pub(super) struct SendMessagePayload<'a> {
    #[serde(borrow)]
    #[schema(value_type = IdInput)]
    room_id: FieldInput<'a>,
    /// May be absent if `fileUrl` is present.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    content: FieldInput<'a>,
    /// An identifier that the client chooses; `TEXT` if absent.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    r#type: FieldInput<'a>,
    /// A link to a file that is shown with the text.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    file_url: FieldInput<'a>,
    /// The client's own id of the message. A repeated request with the same id creates no second message.
    #[serde(borrow)]
    #[schema(value_type = Option<IdInput>)]
    client_id: FieldInput<'a>,
}

/// The payload of `message:edit`.
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
    /// Accepted and ignored; the server knows the room of the message.
    #[schema(value_type = Option<IdInput>)]
    #[expect(dead_code, reason = "only its description is wanted")]
    room_id: Option<IgnoredAny>,
}

/// The id of a message.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::MessageNamed)]
pub(super) struct MessageRef<'a> {
    #[serde(borrow)]
    #[schema(value_type = IdInput)]
    message_id: FieldInput<'a>,
    /// Accepted and ignored; the server knows the room of the message.
    #[schema(value_type = Option<IdInput>)]
    #[expect(dead_code, reason = "only its description is wanted")]
    room_id: Option<IgnoredAny>,
}

/// The payload of `call:initiated`, as clients send it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::NewCall)]
pub(super) struct InitiateCallPayload<'a> {
    #[serde(borrow)]
    #[schema(value_type = IdInput)]
    room_id: FieldInput<'a>,
    /// The type of the call, such as `AUDIO` or `VIDEO`.
    #[serde(borrow)]
    #[schema(value_type = String)]
    call_type: FieldInput<'a>,
    /// Accepted and ignored; the server knows the user of the connection.
    #[schema(value_type = Option<IdInput>)]
    #[expect(dead_code, reason = "only its description is wanted")]
    initiated_by: Option<IgnoredAny>,
}

/// The id of a call.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::CallNamed)]
pub(super) struct CallRef<'a> {
    #[serde(borrow)]
    #[schema(value_type = IdInput)]
    call_id: FieldInput<'a>,
    /// Accepted and ignored; the server knows the room of the call.
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
    field.map_err(|_| DomainError::invalid_input(name, wanted.to_owned()))
}

fn text(given: FieldInput<'_>, name: &'static str) -> Result<Option<String>, DomainError> {
    field(given, name, "must be text")
}

/// The room that a request names.
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
    Ok(ClientAction::Execute(SocketCommand::new(command, |SendMessageResult { message, duplicate }, request| {
        let message = NewMessage::of(message);
        if request.acked {
            let ack = MessageSent { ok: ConstBool, duplicate: duplicate.then_some(ConstBool), message: &message };
            return Reply { ack: Some(json(&ack)), ..Reply::default() };
        }
        // A message that was sent before is not broadcast again. Only its sender receives it, who may have missed the broadcast.
        let repeated = duplicate.then(|| MESSAGE_NEW.render(&message));
        Reply { messages: repeated.into_iter().collect(), ..Reply::default() }
    })))
}

pub(super) fn edit(args: &Args<'_>) -> Result<ClientAction, DomainError> {
    let edited: EditMessagePayload<'_> = payload(args, "messageId")?;
    let message = message_in(edited.message_id)?;
    let content = text(edited.content, "content")?.ok_or_else(|| missing_or_invalid(true, "content", ""))?;
    let command = EditMessage { of: RoomKind::ChatRoom, message, content };
    Ok(ClientAction::Execute(SocketCommand::new(command, |message, request| {
        Reply::ack_if(request.acked, || ack_with(&MessageEdited::of(message)))
    })))
}

pub(super) fn delete(args: &Args<'_>) -> Result<ClientAction, DomainError> {
    let message = message_in(payload::<MessageRef<'_>>(args, "messageId")?.message_id)?;
    let command = DeleteMessage { of: RoomKind::ChatRoom, message };
    Ok(ClientAction::Execute(SocketCommand::new(command, |message, request| {
        Reply::ack_if(request.acked, || ack_with(&MessageDeleted::of(message.id, &message.room)))
    })))
}

pub(super) fn initiate(args: &Args<'_>) -> Result<ClientAction, DomainError> {
    const EXPECTED: &str = "must be a word such as AUDIO or VIDEO";
    let new: InitiateCallPayload<'_> = payload(args, "roomId")?;
    let room = room_in(new.room_id)?;
    let sort = field(new.call_type, "callType", EXPECTED)?.ok_or_else(|| missing_or_invalid(true, "callType", ""))?;
    let command = InitiateCall { room, sort };
    let render: RenderReply<InitiateCallResult> = |InitiateCallResult { call, existing }, request| {
        let payload = CallInitiated::of(call);
        let ack = request.acked.then(|| ack_with(&payload));
        // A call that exists already is not announced again. Only the client that asked for a new one receives it.
        let repeated = existing.then(|| CALL_INITIATED.render(&payload));
        Reply { ack, messages: repeated.into_iter().collect(), close: None }
    };
    Ok(ClientAction::Execute(SocketCommand::joining_call(command, |result| Some(&result.call), render)))
}

pub(super) fn answer(args: &Args<'_>) -> Result<ClientAction, DomainError> {
    let command = AnswerCall { of: RoomKind::ChatRoom, call: call_in(payload::<CallRef<'_>>(args, "callId")?.call_id)? };
    let render: RenderReply<Call> = |call, request| {
        Reply::ack_if(request.acked, || ack_with(&CallAnswered { call_id: call.id, answered_by: IdOutput(request.user.as_str()) }))
    };
    Ok(ClientAction::Execute(SocketCommand::joining_call(command, |call| Some(call), render)))
}

pub(super) fn end(args: &Args<'_>) -> Result<ClientAction, DomainError> {
    let command = EndCall { of: RoomKind::ChatRoom, call: call_in(payload::<CallRef<'_>>(args, "callId")?.call_id)? };
    Ok(ClientAction::Execute(SocketCommand::new(command, |call, request| Reply::ack_if(request.acked, || ack_with(&CallEnded::of(call))))))
}

/// The acknowledgement that contains the fields of a broadcast.
fn ack_with(payload: &impl Serialize) -> String {
    json(&CallAck { ok: ConstBool, payload })
}
