//! Resumable sessions, and the rooms of a session.

use super::{RoomId, Timestamp, UserId};

/// The stored state of a user's connection in a namespace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// The secret with which the client resumes the session.
    pub secret: String,
    /// The public id, which other users may see.
    pub id: String,
    /// The user.
    pub user: UserId,
    /// The Socket.IO namespace.
    pub namespace: String,
    /// The log's last offset when the client connected or resumed.
    pub start_offset: i64,
    /// The time at which the client connected or resumed.
    pub connected_at: Timestamp,
    /// The offset up to which the client has received all its events.
    pub acked_offset: i64,
    /// The time at which the connection ended; `None` while it is connected.
    pub disconnected_at: Option<Timestamp>,
    /// Whether the connection ended because the server stopped or was killed, and the client is expected to reconnect.
    pub ended_by_shutdown: bool,
}

/// A room that a session has joined, or left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRoom {
    /// The room.
    pub room: RoomId,
    /// The parent of the room, if it has one: losing access to the parent is losing access to the room.
    pub parent: Option<RoomId>,
    /// The log's last offset at the time of the join: earlier events of the room are not for the session.
    pub since: i64,
    /// Whether the session is in the room.
    pub state: RoomState,
}

/// Whether a session is in a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RoomState {
    /// The session has joined the room.
    Joined,
    /// The session has left a room that connections join automatically.
    Left,
    /// The session has joined the room again after leaving it. Events before the second join are not for the session, even if the user may read them.
    JoinedAgain,
}
