//! What clients send over sockets: a message, its parsed request, and the result.

use auth::AuthError;
use domain::error::DomainError;
use domain::ids::{RoomId, Timestamp, UserId};
use domain::users::User;
use wire::socketio::Args;

use super::socket_command::{ExecutedCommand, SocketCommand};

/// A client's message.
#[derive(Clone, Debug)]
pub enum ClientMessage<'a> {
    /// A Socket.IO event.
    Event {
        /// Its name.
        name: &'a str,
        /// Its arguments, raw JSON.
        args: &'a Args<'a>,
    },
    /// A message on the raw WebSocket.
    Text(&'a str),
}

/// A client's request, parsed.
pub struct ParsedRequest {
    /// The name of the request; the answer may contain it.
    pub name: &'static str,
    /// The action, or why the request is invalid.
    pub action: Result<ClientAction, DomainError>,
}

/// An action that a client requests.
pub enum ClientAction {
    /// Enters a room.
    Enter(RoomId),
    /// Enters a room, leaves the other rooms of its kind on this connection, and returns the room's online members.
    Move(RoomId),
    /// Leaves a room.
    Leave(RoomId),
    /// Returns a pong.
    Ping,
    /// Broadcasts that the user is typing in a room. The user must be a member, but need not have entered the room.
    Typing(RoomId),
    /// Ends the user's typing in a room, and broadcasts that if the user was typing there.
    StopTyping(RoomId),
    /// Returns for each user whether the user is online.
    Statuses(Vec<UserId>),
    /// Returns the members of a room who are online anywhere.
    OnlineIn(RoomId),
    /// Replaces the connection's token.
    Refresh(String),
    /// Executes a command in the writer's transaction, and renders its output after the commit.
    Execute(SocketCommand),
}

/// The result of a request.
#[derive(Debug)]
pub enum Outcome {
    /// The connection is in the room (or was already).
    Joined(RoomId),
    /// The connection is in the room, and `count` users have it open, its own user included; `present` are at most
    /// 100 of them, those who opened it first.
    #[expect(missing_docs, reason = "the variant's sentence names them")]
    EnteredAmong { room: RoomId, present: Vec<User>, count: usize },
    /// The connection is in the room, and in no other of its kind. `online` are the members who are online, each with the id of a
    /// connection.
    #[expect(missing_docs, reason = "the variant's sentence names them")]
    Moved { room: RoomId, online: Vec<(UserId, String)> },
    /// The connection is not in the room (or was not).
    Left(RoomId),
    /// The reply to a ping.
    Pong,
    /// The event was broadcast; the client needs no answer.
    Noted,
    /// Whether each user is online, as far as the client may know.
    Statuses(Vec<(UserId, bool)>),
    /// The users who are online.
    Online(Vec<UserId>),
    /// The expiry of the connection's new token (`None`: never), or why it was rejected; see [`Contract::auth_refreshed`](super::Contract::auth_refreshed).
    Refreshed(Result<Option<Timestamp>, AuthError>),
    /// The output of the command; see [`ExecutedCommand::render`].
    Executed(ExecutedCommand),
}
