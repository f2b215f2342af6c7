//! Resumable sessions: the stored state of connections, from which a client that reconnects receives exactly the events that it missed.
//!
//! The writer executes all commands here in its transactions, in one order with the events. So a session is stored before its client learns its
//! secret, a room is stored before the client's join is acknowledged, and neither is lost when the server is killed.

mod connect;
mod disconnected_users;
mod end;
mod epoch;
mod retention;
mod sync;

use crate::ids::{RoomId, Timestamp, UserId};

pub use connect::{
    ClientPosition, ConnectOutcome, ConnectSession, NewSession, ReplaceSession, ReplacedSession, ResumeRequest, ResumedSession,
    SessionClaim,
};
pub use disconnected_users::{DisconnectedUser, ExpireDisconnected};
pub use end::{DeleteSession, EndSession, LeaveRoom};
pub use epoch::{BeginEpoch, ReadEventLog, ReadEvents, SaveAckedOffset, StartupState};
pub use retention::{PurgeEvictedEvents, PurgeOldEvents, PurgeOldSessions};
pub use sync::{ResolveSync, SyncRange};

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
