//! What a team's own back end says through us: events of its own making, to whom it likes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::Event;
use crate::fields;
use crate::names::Room;
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;

/// How many rooms and people one emission may name, and how many it may except.
pub const MOST_NAMED: usize = 1000;

/// An event of a back end's own making, and who hears it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Emission {
    /// Everybody who is in at least one of these, once. [`Room::everyone`] is everybody who is connected.
    pub rooms: Vec<Room>,
    /// But not who is in one of these.
    pub except: Vec<Room>,
    /// And not these connections, by the ids that their clients know them by.
    pub except_connections: Vec<String>,
    /// What clients call the event.
    pub name: String,
    /// Its argument; without one it has none.
    pub data: Option<Value>,
}

impl Emission {
    /// Refuses what clients could not hear.
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

/// Emits, as a fact that is stored and ordered. For a back end and the server's admin. The answer is the fact's offset.
#[derive(Clone, PartialEq, Debug)]
pub struct Emit(pub Emission);

impl Command for Emit {
    type Answer = i64;

    fn decide(self, tx: &mut Tx<'_>) -> Result<i64, Refusal> {
        if !tx.actor.admin {
            return Err(Refusal::Forbidden("Only a back end or an admin may do this"));
        }
        self.0.check()?;
        // A fact has one room whose order it keeps: of several it is the first.
        let room = self.0.rooms.first().cloned().unwrap_or_else(Room::everyone);
        tx.record_at(&room, Event::Emitted { emission: self.0 })
    }
}
