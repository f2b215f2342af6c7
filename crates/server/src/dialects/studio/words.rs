//! The words of the studio contract.

use serde::Serialize;
use utoipa::ToSchema;

use super::objects::NewMessage;
use super::payloads::{
    CallAnswered, CallEnded, CallInitiated, InRoom, MessageDeleted, MessageEdited, MessageSent, Offline, Online, PersonInRoom, RoomAdded,
    RoomRemoved, StoppedTyping,
};
use super::requests::{
    CallNamed, EditedMessage, MessageNamed, NewCall, RoomNamed, SentMessage, TypingIn, answer, delete, edit, end, initiate, room_of, send,
};
use crate::dialects::Ask;
use crate::dialects::answers::ErrorEvent;
use crate::dialects::tokens;
use crate::dialects::vocabulary::{ClientWord, Word, words};

words! {
    /// A message was sent in the room.
    MESSAGE_NEW: Word<NewMessage<'_>> = "message:new";
    /// A message has another text.
    MESSAGE_EDITED: Word<MessageEdited<'_>> = "message:edited";
    /// A message is gone.
    MESSAGE_DELETED: Word<MessageDeleted<'_>> = "message:deleted";
    /// Somebody has come to the room, or has become a member.
    MEMBER_JOINED: Word<PersonInRoom<'_>> = "member:joined";
    /// Somebody has left the room, or is no longer a member.
    MEMBER_LEFT: Word<PersonInRoom<'_>> = "member:left";
    /// This user was added to a room; on all of the user's connections. The payload is the room.
    ROOM_ADDED: Word<RoomAdded<'_>> = "room:added";
    /// This user is no longer a member of a room; on all of the user's connections.
    ROOM_REMOVED: Word<RoomRemoved<'_>> = "room:removed";
    /// Somebody else is typing.
    USER_TYPING: Word<PersonInRoom<'_>> = "user:typing";
    /// Somebody else has stopped typing, also without having said so.
    USER_STOP_TYPING: Word<StoppedTyping<'_>> = "user:stop_typing";
    /// Somebody is online; after `join_room`, each member who is.
    USER_ONLINE: Word<Online<'_>> = "user:online";
    /// Somebody is offline.
    USER_OFFLINE: Word<Offline<'_>> = "user:offline";
    /// A call rings.
    CALL_INITIATED: Word<CallInitiated<'_>> = "call:initiated";
    /// Somebody has come into the call.
    CALL_ANSWERED: Word<CallAnswered<'_>> = "call:answered";
    /// The call is over.
    CALL_ENDED: Word<CallEnded<'_>> = "call:ended";
    /// What this connection asked for without an acknowledgement was refused: a text, or an object if no contract knows the event.
    ERROR: Word<Error<'_>> = "error";
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
pub(super) const UNDERSTOOD: &[ClientWord] = &[
    ClientWord::new("join_room", "Hears a room on this connection, and no other room any longer.", |args| room_of(args).map(Ask::Move))
        .names::<RoomNamed>()
        .answers::<InRoom<'_>>(),
    ClientWord::new("leave_room", "Hears it no longer.", |args| room_of(args).map(Ask::Leave)).names::<RoomNamed>().answers::<InRoom<'_>>(),
    ClientWord::new("message:send", "Sends a message.", send).takes::<SentMessage<'_>>().answers::<MessageSent<'_>>(),
    EDIT,
    // The document's clients say this.
    EDIT.also("message:edited"),
    ClientWord::new("message:delete", "Deletes a message of one's own.", delete)
        .takes::<MessageNamed<'_>>()
        .confirms::<MessageDeleted<'_>>(),
    ClientWord::new("user:typing", "Tells the others that one is typing; to be said again while it lasts.", |args| {
        room_of(args).map(Ask::Typing)
    })
    .names::<TypingIn>(),
    ClientWord::new("user:stop_typing", "Tells them that one has stopped.", |args| room_of(args).map(Ask::StopTyping)).names::<TypingIn>(),
    ClientWord::new("call:initiated", "Rings; in a room where a call is already, answers with that one.", initiate)
        .takes::<NewCall<'_>>()
        .confirms::<CallInitiated<'_>>(),
    ClientWord::new("call:answered", "Comes into a call.", answer).takes::<CallNamed<'_>>().confirms::<CallAnswered<'_>>(),
    ClientWord::new("call:ended", "Ends a call for everybody.", end).takes::<CallNamed<'_>>().confirms::<CallEnded<'_>>(),
    tokens::REFRESH,
];

const EDIT: ClientWord = ClientWord::new("message:edit", "Gives a message of one's own another text.", edit)
    .takes::<EditedMessage<'_>>()
    .confirms::<MessageEdited<'_>>();
