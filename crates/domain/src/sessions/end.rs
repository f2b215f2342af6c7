//! A session's connection ends, for a while or for good; a room of it is left.

use crate::names::Room;
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::spaces::role_in;

/// A session's connection has ended, and the client may come back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndSession {
    /// Which.
    pub secret: String,
    /// Up to which offset everything has arrived.
    pub confirmed: i64,
    /// Whether it has ended because the server stops.
    pub let_go: bool,
}

impl Command for EndSession {
    type Answer = ();

    fn decide(self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        Ok(tx.store.end_session(&self.secret, self.confirmed, tx.now, self.let_go)?)
    }
}

/// The actor's session is over for good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForgetSession {
    /// Which.
    pub secret: String,
}

impl Command for ForgetSession {
    type Answer = ();

    fn decide(self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        Ok(tx.store.delete_session(&self.secret, &tx.actor.person)?)
    }
}

/// The actor's session leaves a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaveRoom {
    /// Which session.
    pub secret: String,
    /// Which room.
    pub room: Room,
    /// Whether the session would be in it without asking: then it is remembered that it is not.
    pub unasked: bool,
}

impl Command for LeaveRoom {
    type Answer = ();

    fn decide(self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        let person = &tx.actor.person;
        // Of a room that one may not hear there is nothing to remember.
        if self.unasked && role_in(tx.store, &self.room, person)?.is_some() {
            return Ok(tx.store.leave_session_room(&self.secret, person, &self.room)?);
        }
        Ok(tx.store.delete_session_room(&self.secret, person, &self.room)?)
    }
}
