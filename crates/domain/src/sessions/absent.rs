//! Who was here before a start: others may still take them for here, and nobody has seen them go.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::names::{PersonId, Room, Timestamp};
use crate::operation::{Command, Tx};
use crate::people::Person;
use crate::refusal::Refusal;
use crate::seam::Stored;
use crate::sessions::{SessionRoom, Stay};

/// Somebody who was here before the start, on a connection that may come back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Absent {
    /// Who.
    pub person: Person,
    /// By which others know one of the person's connections.
    pub id: String,
    /// When the person came, as far as is known,
    pub came_at: Timestamp,
    /// and when the person left; `None` for who was here until the server stopped or was killed, and so will be back soon.
    pub left_at: Option<Timestamp>,
    /// Of who was here: the rooms that the person had joined, each with the space that it is part of, if it is.
    pub rooms: Vec<(Room, Option<Room>)>,
}

/// Everybody whose session is remembered, of so many seconds. To be asked before the sessions are ended.
pub(super) fn absent(tx: &mut Tx<'_>, window: i64) -> Stored<Vec<Absent>> {
    let mut people: BTreeMap<PersonId, Absent> = BTreeMap::new();
    for (session, rooms) in tx.store.sessions_since(tx.now.minus_seconds(window))? {
        let left_at = session.left_at.filter(|_| !session.let_go);
        let absent = match people.entry(session.person.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                // One who is deleted has gone nevertheless.
                let person = tx.store.person(&session.person)?.unwrap_or_else(|| Person::unseen(session.person, tx.now));
                entry.insert(Absent { person, id: session.id.clone(), came_at: session.came_at, left_at, rooms: Vec::new() })
            }
        };
        if let Some(left_at) = left_at {
            // Who was here on another connection has not left.
            absent.left_at = absent.left_at.map(|last| last.max(left_at));
            continue;
        }
        if absent.left_at.take().is_some() {
            (absent.id, absent.came_at) = (session.id, session.came_at);
        } else {
            absent.came_at = absent.came_at.min(session.came_at);
        }
        let joined = rooms.into_iter().filter(|room| room.stay != Stay::Left);
        absent.rooms.extend(joined.map(|SessionRoom { room, inside, .. }| (room, inside)));
    }
    Ok(people.into_values().collect())
}

/// Those who were here before a start and have not come back have gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GiveUpAbsent {
    /// When that start was.
    pub started: Timestamp,
}

impl Command for GiveUpAbsent {
    type Answer = ();

    fn decide(self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        Ok(tx.store.give_up_sessions(self.started)?)
    }
}
