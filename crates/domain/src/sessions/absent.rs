//! The users who were connected before a start of the server: other users may still see them as online, because no event has announced that they went
//! offline.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::names::{PersonId, Room, Timestamp};
use crate::operation::{Command, Tx};
use crate::people::Person;
use crate::refusal::Refusal;
use crate::seam::Stored;
use crate::sessions::{SessionRoom, Stay};

/// A user who had a resumable session before the start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Absent {
    /// The user's profile; without a stored profile only the id is filled.
    pub person: Person,
    /// The public id of one of the user's connections: see [`Session::id`](super::Session::id).
    pub id: String,
    /// The time since which the user was connected, as far as it is known.
    pub came_at: Timestamp,
    /// The time at which the last connection ended. `None` for a user who was connected until the server stopped or was killed, and is expected to
    /// reconnect.
    pub left_at: Option<Timestamp>,
    /// The rooms that a user without `left_at` had joined, each with its parent, if it has one.
    pub rooms: Vec<(Room, Option<Room>)>,
}

/// The users with sessions of the last `window` seconds. Must be called before the start ends the sessions.
pub(super) fn absent(tx: &mut Tx<'_>, window: i64) -> Stored<Vec<Absent>> {
    let mut people: BTreeMap<PersonId, Absent> = BTreeMap::new();
    for (session, rooms) in tx.store.sessions_since(tx.now.minus_seconds(window))? {
        let left_at = session.left_at.filter(|_| !session.let_go);
        let absent = match people.entry(session.person.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                // A deleted user has gone offline, too.
                let person = tx.store.person(&session.person)?.unwrap_or_else(|| Person::unseen(session.person, tx.now));
                entry.insert(Absent { person, id: session.id.clone(), came_at: session.came_at, left_at, rooms: Vec::new() })
            }
        };
        if let Some(left_at) = left_at {
            // A user who was connected on another session stays without `left_at`.
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

/// Expires the sessions of users who were connected before a start and have not reconnected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GiveUpAbsent {
    /// The time of that start.
    pub started: Timestamp,
}

impl Command for GiveUpAbsent {
    type Answer = ();

    fn decide(self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        Ok(tx.store.give_up_sessions(self.started)?)
    }
}
