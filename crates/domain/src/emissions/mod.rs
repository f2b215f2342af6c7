//! Custom events, which a team's own back end emits to rooms and users.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::Event;
use crate::fields;
use crate::names::Room;
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;

/// How many rooms and users one emission may name, and how many rooms, users and connections it may except.
pub const MOST_NAMED: usize = 1000;

/// A custom event of a back end, and its audience.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Emission {
    /// The rooms that receive the event. A connection in several rooms receives it once. [`Room::everyone`] is all connections.
    pub rooms: Vec<Room>,
    /// Connections in one of these rooms do not receive it.
    pub except: Vec<Room>,
    /// These connections do not receive it, by the socket ids that their clients have.
    pub except_connections: Vec<String>,
    /// The event name for clients.
    pub name: String,
    /// The event's only argument; `None` for an event without arguments.
    pub data: Option<Value>,
}

impl Emission {
    /// Checks the name and the number of rooms and exceptions.
    ///
    /// # Errors
    /// [`Refusal::Invalid`].
    pub fn check(&self) -> Result<(), Refusal> {
        fields::event_name("event", &self.name)?;
        if self.rooms.is_empty() {
            return Err(Refusal::invalid("to", "must name rooms or users, or everyone must be true"));
        }
        if self.rooms.len() > MOST_NAMED {
            return Err(Refusal::invalid("to", format!("must name at most {MOST_NAMED} rooms and users")));
        }
        if self.except.len() + self.except_connections.len() > MOST_NAMED {
            return Err(Refusal::invalid("except", format!("must name at most {MOST_NAMED} rooms, users and connections")));
        }
        Ok(())
    }
}

/// Emits a custom event as a persisted event, for a back end and the server's admin. The answer is its offset.
#[derive(Clone, PartialEq, Debug)]
pub struct Emit(pub Emission);

impl Command for Emit {
    type Answer = i64;

    fn decide(self, tx: &mut Tx<'_>) -> Result<i64, Refusal> {
        if !tx.actor.admin {
            return Err(Refusal::Forbidden("Only a back end or an admin may do this"));
        }
        self.0.check()?;
        // A persisted event belongs to the order of one room: here the first.
        let room = self.0.rooms.first().cloned().unwrap_or_else(Room::everyone);
        tx.record_at(&room, Event::Emitted { emission: self.0 })
    }
}
