//! Connections that may come back: what is remembered of them, so that they are told exactly what they have missed.
//!
//! Everything here is decided in the writer's transactions, in one order with the facts. So a session is there as soon as its client knows of
//! it, a room belongs to it as soon as the client is told that it has joined, and neither is lost when the server is killed.

mod absent;
mod arrive;
mod catch_up;
mod end;
mod epoch;
mod forget;

use crate::names::{PersonId, Room, Timestamp};

pub use absent::{Absent, GiveUpAbsent};
pub use arrive::{Arrive, Arrived, Came, Claimed, Offered, Place, Recovered, Restart, Restarted};
pub use catch_up::{CatchUp, CaughtUp};
pub use end::{EndSession, ForgetSession, LeaveRoom};
pub use epoch::{BeginEpoch, Begun, Confirm, ReadFacts, ReadJournal};
pub use forget::{ForgetEvictedFacts, ForgetOldFacts, ForgetOldSessions};

/// A connection of a person in a namespace, as it is remembered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// By which its client proves that it is the same.
    pub secret: String,
    /// By which others know it.
    pub id: String,
    /// Whose it is.
    pub person: PersonId,
    /// Where it is.
    pub namespace: String,
    /// The journal's last offset when it connected, or came back.
    pub live_from: i64,
    /// When that was.
    pub came_at: Timestamp,
    /// Everything up to this offset that it was to hear has arrived.
    pub confirmed: i64,
    /// When its connection ended, if it has,
    pub left_at: Option<Timestamp>,
    /// and whether that was because the server stopped, or was killed, and its client may be expected back.
    pub let_go: bool,
}

/// A room that a session has joined, or left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRoom {
    /// Which.
    pub room: Room,
    /// The space that the room is part of, if it is.
    pub inside: Option<Room>,
    /// The journal's last offset when it was joined: what was said before is not for it.
    pub since: i64,
    /// How the session is in it.
    pub stay: Stay,
}

/// How a session is in a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stay {
    /// It has joined it.
    Joined,
    /// It has left it, and would be in it again without asking.
    Left,
    /// It has joined it after that: what was said before is not for it, whatever its person may hear.
    JoinedAgain,
}
