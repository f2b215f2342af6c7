//! The users who are typing, by room. Each entry expires unless the client repeats it. The caller passes the time.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::ids::{RoomId, UserId};

/// How long a user counts as typing whose client does not repeat it.
const TYPING_TIMEOUT: Duration = Duration::from_secs(6);

/// The users who are typing. A user types in a room on one connection: the last one that has sent the event. There are never more entries
/// than connections and rooms that their users may write in.
///
/// The event of a change is sent before the state can change again, so that the last event that is sent is the true one, on whichever
/// shard.
#[derive(Debug, Default)]
pub struct TypingUsers(Mutex<TypingState>);

#[derive(Debug, Default)]
struct TypingState {
    /// By user first, so that the end of a connection costs only its user's entries. A user who is not typing has no entry.
    typists: HashMap<UserId, HashMap<RoomId, TypingUser>>,
    /// The same entries, sorted by their expiry.
    ends: BTreeSet<(Instant, RoomId, UserId)>,
}

#[derive(Debug)]
struct TypingUser {
    connection: String,
    until: Instant,
}

impl TypingUsers {
    /// Notes that a user types on this connection; `send` sends the event. Returns when to call [`TypingUsers::expire`].
    pub fn start(&self, room: &RoomId, user: &UserId, connection: &str, now: Instant, send: impl FnOnce()) -> Instant {
        let until = now + TYPING_TIMEOUT;
        let mut state = self.lock();
        let TypingState { typists, ends } = &mut *state;
        match typists.entry(user.clone()).or_default().entry(room.clone()) {
            Entry::Occupied(mut entry) => {
                let typist = entry.get_mut();
                ends.remove(&(typist.until, room.clone(), user.clone()));
                typist.until = until;
                if typist.connection != connection {
                    connection.clone_into(&mut typist.connection);
                }
            }
            Entry::Vacant(entry) => drop(entry.insert(TypingUser { connection: connection.to_owned(), until })),
        }
        ends.insert((until, room.clone(), user.clone()));
        send();
        until
    }

    /// Ends a user's typing. `send` sends the event if the user was typing on this connection.
    pub fn stop(&self, room: &RoomId, user: &UserId, connection: &str, send: impl FnOnce()) {
        let mut state = self.lock();
        let typist = state.typists.get(user).and_then(|rooms| rooms.get(room));
        if typist.is_some_and(|typist| typist.connection == connection) && state.remove(room, user) {
            send();
        }
    }

    /// Ends a user's typing in all rooms on a connection that has ended; `send` sends an event for each.
    pub fn stop_everywhere(&self, user: &UserId, connection: &str, mut send: impl FnMut(&RoomId)) {
        let mut state = self.lock();
        let typed = state.typists.get(user).into_iter().flatten().filter(|(_, typist)| typist.connection == connection);
        let rooms: Vec<RoomId> = typed.map(|(room, _)| room.clone()).collect();
        for room in rooms {
            if state.remove(&room, user) {
                send(&room);
            }
        }
    }

    /// Ends all typing that has expired; `send` sends an event for each. Returns when to call again, if a user is still typing.
    pub fn expire(&self, now: Instant, mut send: impl FnMut(RoomId, UserId)) -> Option<Instant> {
        let mut state = self.lock();
        while let Some((_, room, user)) = state.ends.first().filter(|(until, _, _)| *until <= now).cloned() {
            state.remove(&room, &user);
            send(room, user);
        }
        state.ends.first().map(|(until, _, _)| *until)
    }

    fn lock(&self) -> MutexGuard<'_, TypingState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TypingState {
    fn remove(&mut self, room: &RoomId, user: &UserId) -> bool {
        let Entry::Occupied(mut rooms) = self.typists.entry(user.clone()) else { return false };
        let Some(typist) = rooms.get_mut().remove(room) else { return false };
        if rooms.get().is_empty() {
            rooms.remove();
        }
        self.ends.remove(&(typist.until, room.clone(), user.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use domain::ids::RoomKind;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn start(typing: &TypingUsers, room: &RoomId, user: &UserId, connection: &str, now: Instant) -> Instant {
        let sent = Cell::new(false);
        let until = typing.start(room, user, connection, now, || sent.set(true));
        assert!(sent.get(), "the event is sent each time");
        until
    }

    fn stops(typing: &TypingUsers, room: &RoomId, user: &UserId, connection: &str) -> bool {
        let sent = Cell::new(false);
        typing.stop(room, user, connection, || sent.set(true));
        sent.get()
    }

    fn expired(typing: &TypingUsers, now: Instant) -> (Vec<(RoomId, UserId)>, Option<Instant>) {
        let mut sent = Vec::new();
        let next = typing.expire(now, |room, user| sent.push((room, user)));
        (sent, next)
    }

    #[test]
    fn typing_expires_after_six_seconds() {
        let (typing, room, anna, then) = (TypingUsers::default(), RoomKind::ChatRoom.room(7), UserId::new("anna"), Instant::now());
        let until = start(&typing, &room, &anna, "laptop", then);
        assert_eq!(until, then + 6 * SECOND);
        let until = start(&typing, &room, &anna, "laptop", then + 4 * SECOND);
        assert_eq!(expired(&typing, then + 9 * SECOND), (vec![], Some(until)), "the client has repeated it");
        assert_eq!(expired(&typing, then + 10 * SECOND), (vec![(room.clone(), anna.clone())], None));
        assert_eq!(expired(&typing, then + 11 * SECOND), (vec![], None), "the event is sent once");
        assert!(!stops(&typing, &room, &anna, "laptop"), "the event is sent already");
    }

    #[test]
    fn typing_stops_on_the_connection_that_typed_last() {
        let (typing, room, anna, now) = (TypingUsers::default(), RoomKind::ChatRoom.room(7), UserId::new("anna"), Instant::now());
        assert!(!stops(&typing, &room, &anna, "laptop"), "the user was not typing");
        start(&typing, &room, &anna, "laptop", now);
        assert!(!stops(&typing, &room, &anna, "phone"));
        start(&typing, &room, &anna, "phone", now);
        assert!(!stops(&typing, &room, &anna, "laptop"));
        assert!(stops(&typing, &room, &anna, "phone"));
        assert_eq!(expired(&typing, now + 60 * SECOND), (vec![], None));
    }

    #[test]
    fn an_ended_connection_stops_all_its_typing() {
        let (typing, anna, now) = (TypingUsers::default(), UserId::new("anna"), Instant::now());
        let (here, there, elsewhere) = (RoomKind::ChatRoom.room(1), RoomKind::Conversation.room(2), RoomKind::ChatRoom.room(3));
        start(&typing, &here, &anna, "laptop", now);
        start(&typing, &there, &anna, "laptop", now);
        start(&typing, &elsewhere, &anna, "phone", now);
        start(&typing, &here, &UserId::new("ben"), "laptop", now);
        let mut rooms = Vec::new();
        typing.stop_everywhere(&anna, "laptop", |room| rooms.push(room.clone()));
        rooms.sort();
        assert_eq!(rooms, [there, here]);
        assert!(stops(&typing, &elsewhere, &anna, "phone"));
        assert!(!typing.lock().typists.contains_key(&anna), "a user who is not typing takes no memory");
    }
}
