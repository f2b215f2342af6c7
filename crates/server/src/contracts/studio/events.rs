//! The words of the studio contract.

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
use crate::contracts::ClientAction;
use crate::contracts::auth_refresh;
use crate::contracts::event_schema::{ClientEvent, ServerEvent, server_events};
use crate::contracts::responses::ErrorEvent;

server_events! {
    /// A message was sent in the room.
    MESSAGE_NEW: ServerEvent<NewMessage<'_>> = "message:new";
    /// A message has another text.
    MESSAGE_EDITED: ServerEvent<MessageEdited<'_>> = "message:edited";
    /// A message is gone.
    MESSAGE_DELETED: ServerEvent<MessageDeleted<'_>> = "message:deleted";
    /// Somebody has come to the room, or has become a member.
    MEMBER_JOINED: ServerEvent<UserInRoom<'_>> = "member:joined";
    /// Somebody has left the room, or is no longer a member.
    MEMBER_LEFT: ServerEvent<UserInRoom<'_>> = "member:left";
    /// This user was added to a room; on all of the user's connections. The payload is the room.
    ROOM_ADDED: ServerEvent<RoomAdded<'_>> = "room:added";
    /// This user is no longer a member of a room; on all of the user's connections.
    ROOM_REMOVED: ServerEvent<RoomRemoved<'_>> = "room:removed";
    /// Somebody else is typing.
    USER_TYPING: ServerEvent<UserInRoom<'_>> = "user:typing";
    /// Somebody else has stopped typing, also without having said so.
    USER_STOP_TYPING: ServerEvent<StoppedTyping<'_>> = "user:stop_typing";
    /// Somebody is online; after `join_room`, each member who is.
    USER_ONLINE: ServerEvent<Online<'_>> = "user:online";
    /// Somebody is offline.
    USER_OFFLINE: ServerEvent<Offline<'_>> = "user:offline";
    /// A call rings.
    CALL_INITIATED: ServerEvent<CallInitiated<'_>> = "call:initiated";
    /// Somebody has come into the call.
    CALL_ANSWERED: ServerEvent<CallAnswered<'_>> = "call:answered";
    /// The call is over.
    CALL_ENDED: ServerEvent<CallEnded<'_>> = "call:ended";
    /// What this connection asked for without an acknowledgement was refused: a text, or an object if no contract knows the event.
    ERROR: ServerEvent<Error<'_>> = "error";
}

/// Of `error`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = studio::ErrorPayload)]
pub(super) enum Error<'a> {
    /// Why, in the contract's own words.
    Text(&'a str),
    /// Of an event that is unknown.
    #[expect(dead_code, reason = "it is said for all contracts together, where none of them knows a word")]
    Event(ErrorEvent<'a>),
}

/// What clients of this contract may say.
pub(super) const CLIENT_EVENTS: &[ClientEvent] = &[
    ClientEvent::new("join_room", "Hears a room on this connection, and no other room any longer.", |args| {
        room_of(args).map(ClientAction::Move)
    })
    .names::<RoomRef>()
    .answers::<RoomAck<'_>>(),
    ClientEvent::new("leave_room", "Hears it no longer.", |args| room_of(args).map(ClientAction::Leave))
        .names::<RoomRef>()
        .answers::<RoomAck<'_>>(),
    ClientEvent::new("message:send", "Sends a message.", send).takes::<SendMessagePayload<'_>>().answers::<MessageSent<'_>>(),
    EDIT,
    // The document's clients say this.
    EDIT.also("message:edited"),
    ClientEvent::new("message:delete", "Deletes a message of one's own.", delete)
        .takes::<MessageRef<'_>>()
        .confirms::<MessageDeleted<'_>>(),
    ClientEvent::new("user:typing", "Tells the others that one is typing; to be said again while it lasts.", |args| {
        room_of(args).map(ClientAction::Typing)
    })
    .names::<TypingPayload>(),
    ClientEvent::new("user:stop_typing", "Tells them that one has stopped.", |args| room_of(args).map(ClientAction::StopTyping))
        .names::<TypingPayload>(),
    ClientEvent::new("call:initiated", "Rings; in a room where a call is already, answers with that one.", initiate)
        .takes::<InitiateCallPayload<'_>>()
        .confirms::<CallInitiated<'_>>(),
    ClientEvent::new("call:answered", "Comes into a call.", answer).takes::<CallRef<'_>>().confirms::<CallAnswered<'_>>(),
    ClientEvent::new("call:ended", "Ends a call for everybody.", end).takes::<CallRef<'_>>().confirms::<CallEnded<'_>>(),
    auth_refresh::REFRESH,
];

const EDIT: ClientEvent = ClientEvent::new("message:edit", "Gives a message of one's own another text.", edit)
    .takes::<EditMessagePayload<'_>>()
    .confirms::<MessageEdited<'_>>();
