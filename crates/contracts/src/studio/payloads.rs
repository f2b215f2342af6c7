//! The payloads of the studio contract's events, with the keys of its specification.

use client_json::ids::IdOutput;
use client_json::timestamps::Milliseconds;
use domain::calls::{Call, CallStatus};
use domain::chat;
use domain::ids::{EntityId, RoomId, Timestamp, UserId};
use domain::spaces::Space;
use serde::Serialize;
use utoipa::ToSchema;

use super::objects::{self, NewMessage};
use crate::acknowledgements::ConstBool;

/// The payload of `user:online`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::Online)]
pub(super) struct Online<'a> {
    pub(super) user_id: IdOutput<'a>,
    pub(super) socket_id: &'a str,
    pub(super) timestamp: Milliseconds,
}

/// The payload of `user:offline`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::Offline)]
pub(super) struct Offline<'a> {
    pub(super) user_id: IdOutput<'a>,
    pub(super) timestamp: Milliseconds,
}

/// The payload of `member:joined`, `member:left` and `user:typing`: a user, a room and the time.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::PersonInRoom)]
pub(super) struct UserInRoom<'a> {
    user_id: IdOutput<'a>,
    room_id: IdOutput<'a>,
    timestamp: Milliseconds,
}

impl<'a> UserInRoom<'a> {
    pub(super) fn of(user: &'a UserId, room: &'a RoomId, at: Timestamp) -> Self {
        Self { user_id: IdOutput(user.as_str()), room_id: IdOutput(room.id()), timestamp: Milliseconds(at) }
    }
}

/// The payload of `room:added`: the room as REST shows it, and the user who added the member; null if the server did.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::RoomAdded)]
pub(super) struct RoomAdded<'a> {
    #[serde(flatten)]
    room: objects::Room<'a>,
    #[schema(required)]
    added_by: Option<IdOutput<'a>>,
}

impl<'a> RoomAdded<'a> {
    pub(super) fn of(space: &'a Space, by: Option<&'a UserId>) -> Self {
        Self { room: objects::Room::of(space), added_by: by.map(|by| IdOutput(by.as_str())) }
    }
}

/// The payload of `room:removed`: the room, and the user who removed the member; null if the server did.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::RoomRemoved)]
pub(super) struct RoomRemoved<'a> {
    room_id: IdOutput<'a>,
    #[schema(required)]
    removed_by: Option<IdOutput<'a>>,
    timestamp: Milliseconds,
}

impl<'a> RoomRemoved<'a> {
    pub(super) fn of(room: &'a RoomId, by: Option<&'a UserId>, at: Timestamp) -> Self {
        Self { room_id: IdOutput(room.id()), removed_by: by.map(|by| IdOutput(by.as_str())), timestamp: Milliseconds(at) }
    }
}

/// The payload of `user:stop_typing`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::StoppedTyping)]
pub(super) struct StoppedTyping<'a> {
    pub(super) user_id: IdOutput<'a>,
    pub(super) room_id: IdOutput<'a>,
}

/// The payload of `message:edited`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::MessageEdited)]
pub(super) struct MessageEdited<'a> {
    #[schema(value_type = i64)]
    message_id: EntityId,
    content: &'a str,
    updated_at: Milliseconds,
}

impl<'a> MessageEdited<'a> {
    pub(super) fn of(message: &'a chat::Message) -> Self {
        Self { message_id: message.id, content: &message.content, updated_at: Milliseconds(message.updated_at()) }
    }
}

/// The payload of `message:deleted`, and the response to the DELETE of a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::MessageDeleted)]
pub struct MessageDeleted<'a> {
    #[schema(value_type = i64)]
    message_id: EntityId,
    room_id: IdOutput<'a>,
}

impl<'a> MessageDeleted<'a> {
    /// The payload for a deleted message.
    pub fn of(message: EntityId, room: &'a RoomId) -> Self {
        Self { message_id: message, room_id: IdOutput(room.id()) }
    }
}

/// The payload of `call:initiated`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::CallInitiated)]
pub(super) struct CallInitiated<'a> {
    #[schema(value_type = i64)]
    call_id: EntityId,
    call_type: &'a str,
    initiated_by: IdOutput<'a>,
    timestamp: Milliseconds,
}

impl<'a> CallInitiated<'a> {
    pub(super) fn of(call: &'a Call) -> Self {
        let initiated_by = IdOutput(call.initiated_by.id.as_str());
        Self { call_id: call.id, call_type: &call.sort, initiated_by, timestamp: Milliseconds(call.started_at) }
    }
}

/// The payload of `call:answered`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::CallAnswered)]
pub(super) struct CallAnswered<'a> {
    #[schema(value_type = i64)]
    pub(super) call_id: EntityId,
    pub(super) answered_by: IdOutput<'a>,
}

/// The reason for which the server ended a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = studio::Reason)]
enum CallEndReason {
    /// No user answered.
    Missed,
    /// All participants left, or the server was restarted.
    Interrupted,
}

/// The payload of `call:ended`: the user who ended the call, or, if the server ended it, the room and the reason.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::CallEnded)]
pub(super) struct CallEnded<'a> {
    #[schema(value_type = i64)]
    call_id: EntityId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    room_id: Option<IdOutput<'a>>,
    #[schema(required)]
    ended_by: Option<IdOutput<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<CallEndReason>,
}

impl<'a> CallEnded<'a> {
    pub(super) fn of(call: &'a Call) -> Self {
        let ended_by = call.ended_by.as_ref().map(|by| IdOutput(by.as_str()));
        let reason = if call.status == CallStatus::Missed { CallEndReason::Missed } else { CallEndReason::Interrupted };
        let by_itself = ended_by.is_none();
        Self { call_id: call.id, room_id: by_itself.then(|| IdOutput(call.room.id())), ended_by, reason: by_itself.then_some(reason) }
    }
}

/// The acknowledgement of a join or a leave.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::InRoom)]
pub(super) struct RoomAck<'a> {
    #[schema(schema_with = ConstBool::<true>::schema)]
    pub(super) ok: ConstBool<true>,
    pub(super) room_id: IdOutput<'a>,
}

/// The acknowledgement of a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = studio::MessageSent)]
pub(super) struct MessageSent<'a> {
    #[schema(schema_with = ConstBool::<true>::schema)]
    pub(super) ok: ConstBool<true>,
    /// True if a message with the same `clientId` existed already.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, schema_with = ConstBool::<true>::schema)]
    pub(super) duplicate: Option<ConstBool<true>>,
    pub(super) message: &'a NewMessage<'a>,
}

/// The acknowledgement that contains the payload of a broadcast.
#[derive(Clone, Debug, Serialize)]
pub(super) struct CallAck<P> {
    pub(super) ok: ConstBool<true>,
    #[serde(flatten)]
    pub(super) payload: P,
}
