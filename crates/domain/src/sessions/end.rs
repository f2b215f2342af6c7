//! Ends connections on all nodes, ends a session's connection, deletes a session, and removes a room from a session.

use crate::access::role_in;
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::event::Event;
use crate::model::{RoomId, UserId};

/// Stores that a session's connection has ended; the client may resume it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndSession {
    /// The session's secret.
    pub secret: String,
    /// The offset up to which the client has received all events.
    pub confirmed: i64,
    /// Whether the connection ended because the server stops.
    pub by_shutdown: bool,
}

impl Command for EndSession {
    type Output = ();

    fn execute(self, context: &mut CommandContext<'_>) -> Result<(), DomainError> {
        Ok(context.store.end_session(&self.secret, self.confirmed, context.now, self.by_shutdown)?)
    }
}

/// Deletes a session of the actor, which cannot be resumed any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteSession {
    /// The session's secret.
    pub secret: String,
}

impl Command for DeleteSession {
    type Output = ();

    fn execute(self, context: &mut CommandContext<'_>) -> Result<(), DomainError> {
        Ok(context.store.delete_session(&self.secret, &context.actor.user)?)
    }
}

/// Removes a room from a session of the actor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaveRoom {
    /// The session's secret.
    pub secret: String,
    /// The room to leave.
    pub room: RoomId,
    /// Whether connections join the room automatically: the session then stores that it has left the room.
    pub unasked: bool,
}

impl Command for LeaveRoom {
    type Output = ();

    fn execute(self, context: &mut CommandContext<'_>) -> Result<(), DomainError> {
        let user = &context.actor.user;
        // A connection does not join a room automatically that its user may not access, so nothing needs to be stored.
        if self.unasked && role_in(context.store, &self.room, user)?.is_some() {
            return Ok(context.store.leave_session_room(&self.secret, user, &self.room)?);
        }
        Ok(context.store.delete_session_room(&self.secret, user, &self.room)?)
    }
}

/// Ends all connections of these users, and these connections, on every node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndConnections {
    /// The users.
    pub users: Vec<UserId>,
    /// The connections, by the ids that clients know.
    pub connections: Vec<String>,
    /// The close reason for a raw WebSocket.
    pub reason: String,
}

impl Command for EndConnections {
    type Output = ();

    fn execute(self, context: &mut CommandContext<'_>) -> Result<(), DomainError> {
        let Self { users, connections, reason } = self;
        // An event belongs to the order of one room. No connection is in the room of all users.
        context.record_event(&RoomId::everyone(), Event::ConnectionsEnded { users, connections, reason })
    }
}
