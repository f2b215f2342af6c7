//! Who was here before a start: others may still take them for here, and nobody has seen them go.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::names::{PersonId, Room};
use crate::operation::Tx;
use crate::people::Person;
use crate::seam::Stored;
use crate::sessions::{SessionRoom, Stay};

/// Somebody who was here before the start, on a connection that may come back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Absent {
    /// Who.
    pub person: Person,
    /// By which others know one of the person's connections.
    pub id: String,
    /// Whether the person was here until the server stopped, or was killed, and so will be back soon. Who left before has left.
    pub expected: bool,
    /// Of who is expected: the rooms that the person had joined, each with the space that it is part of, if it is.
    pub rooms: Vec<(Room, Option<Room>)>,
}

/// Everybody whose session is remembered, of so many seconds. To be asked before the sessions are ended.
pub(super) fn absent(tx: &mut Tx<'_>, window: i64) -> Stored<Vec<Absent>> {
    let sessions = tx.store.sessions_since(tx.now.minus_seconds(window))?;
    let mut people: BTreeMap<PersonId, Absent> = BTreeMap::new();
    for (session, rooms) in sessions {
        let absent = match people.entry(session.person.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let Some(person) = tx.store.person(&session.person)? else { continue };
                entry.insert(Absent { person, id: session.id.clone(), expected: false, rooms: Vec::new() })
            }
        };
        if session.left_at.is_some() && !session.let_go {
            continue;
        }
        if !std::mem::replace(&mut absent.expected, true) {
            absent.id = session.id;
        }
        let joined = rooms.into_iter().filter(|room| room.stay != Stay::Left);
        absent.rooms.extend(joined.map(|SessionRoom { room, inside, .. }| (room, inside)));
    }
    Ok(people.into_values().collect())
}
