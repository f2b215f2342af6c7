//! The events of the studio contract.

use serde::Serialize;
use utoipa::ToSchema;

use super::objects::NewMessage;
use super::payloads::{
    CallAnswered, CallEnded, CallInitiated, MessageDeleted, MessageEdited, MessageSent, Offline, Online, RoomAck, RoomAdded, RoomRemoved,
    StoppedTyping, UserInRoom,
};
use super::requests::{
    CallRef, EditMessagePayload, InitiateCallPayload, MessageRef, RoomRef, SendMessagePayload, TypingPayload, answer, delete, edit, end,
    initiate, room_of, send,
};
use crate::ClientAction;
use crate::auth_refresh;
use crate::event_schema::{ClientEvent, ServerEvent, server_events};
use crate::shared_events::ErrorEvent;

server_events! {
    /// A message was sent in the room.
    MESSAGE_NEW: ServerEvent<NewMessage<'_>> = "message:new";
    /// A message was edited.
    MESSAGE_EDITED: ServerEvent<MessageEdited<'_>> = "message:edited";
    /// A message was deleted.
    MESSAGE_DELETED: ServerEvent<MessageDeleted<'_>> = "message:deleted";
    /// A user entered the room, or became a member.
    MEMBER_JOINED: ServerEvent<UserInRoom<'_>> = "member:joined";
    /// A user left the room, or is no longer a member.
    MEMBER_LEFT: ServerEvent<UserInRoom<'_>> = "member:left";
    /// This user was added to a room. Sent to all connections of the user. The payload is the room.
    ROOM_ADDED: ServerEvent<RoomAdded<'_>> = "room:added";
    /// This user is no longer a member of a room. Sent to all connections of the user.
    ROOM_REMOVED: ServerEvent<RoomRemoved<'_>> = "room:removed";
    /// Another user is typing.
    USER_TYPING: ServerEvent<UserInRoom<'_>> = "user:typing";
    /// Another user has stopped typing. Also sent when the typing expires.
    USER_STOP_TYPING: ServerEvent<StoppedTyping<'_>> = "user:stop_typing";
    /// A user went online. Also sent after `join_room`, for each member who is online.
    USER_ONLINE: ServerEvent<Online<'_>> = "user:online";
    /// A user went offline.
    USER_OFFLINE: ServerEvent<Offline<'_>> = "user:offline";
    /// A call was started.
    CALL_INITIATED: ServerEvent<CallInitiated<'_>> = "call:initiated";
    /// A user joined the call.
    CALL_ANSWERED: ServerEvent<CallAnswered<'_>> = "call:answered";
    /// The call ended.
    CALL_ENDED: ServerEvent<CallEnded<'_>> = "call:ended";
    /// A request of this connection without an acknowledgement failed. The payload is a text, or an object if no contract defines the event.
    ERROR: ServerEvent<Error<'_>> = "error";
}

/// The payload of `error`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = studio::ErrorPayload)]
pub(super) enum Error<'a> {
    /// The error text.
    Text(&'a str),
    /// The error of an unknown event.
    #[expect(dead_code, reason = "the server sends it for all contracts, if none of them defines the event")]
    Event(ErrorEvent<'a>),
}

/// The events that clients of this contract may send.
pub(super) const CLIENT_EVENTS: &[ClientEvent] = &[
    ClientEvent::new("join_room", "Subscribes this connection to a room, and unsubscribes it from all other rooms.", |args| {
        room_of(args).map(ClientAction::Move)
    })
    .names::<RoomRef>()
    .answers::<RoomAck<'_>>(),
    ClientEvent::new("leave_room", "Unsubscribes this connection from a room.", |args| room_of(args).map(ClientAction::Leave))
        .names::<RoomRef>()
        .answers::<RoomAck<'_>>(),
    ClientEvent::new("message:send", "Sends a message.", send).takes::<SendMessagePayload<'_>>().answers::<MessageSent<'_>>(),
    EDIT,
    // Clients of the contract's document use this name.
    EDIT.also("message:edited"),
    ClientEvent::new("message:delete", "Deletes a message of this user.", delete)
        .takes::<MessageRef<'_>>()
        .confirms::<MessageDeleted<'_>>(),
    ClientEvent::new("user:typing", "Broadcasts that this user is typing. Repeat it while the typing lasts.", |args| {
        room_of(args).map(ClientAction::Typing)
    })
    .names::<TypingPayload>(),
    ClientEvent::new("user:stop_typing", "Broadcasts that this user has stopped typing.", |args| {
        room_of(args).map(ClientAction::StopTyping)
    })
    .names::<TypingPayload>(),
    ClientEvent::new("call:initiated", "Starts a call. If the room has an open call, the acknowledgement contains that call.", initiate)
        .takes::<InitiateCallPayload<'_>>()
        .confirms::<CallInitiated<'_>>(),
    ClientEvent::new("call:answered", "Joins a call.", answer).takes::<CallRef<'_>>().confirms::<CallAnswered<'_>>(),
    ClientEvent::new("call:ended", "Ends a call for all participants.", end).takes::<CallRef<'_>>().confirms::<CallEnded<'_>>(),
    auth_refresh::REFRESH,
];

const EDIT: ClientEvent = ClientEvent::new("message:edit", "Edits a message of this user.", edit)
    .takes::<EditMessagePayload<'_>>()
    .confirms::<MessageEdited<'_>>();
