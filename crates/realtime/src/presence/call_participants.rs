//! The users in each call, with the connection of each. When that connection ends, the user stays in the call for the grace period: a
//! client that reconnects in time and enters the room is in the call again. The caller passes the time.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::ids::{EntityId, RoomId, UserId};

use super::DepartureId;

/// The users in all open calls. A user is in a call on one connection: the one that joined it last.
#[derive(Debug, Default)]
pub struct CallParticipants(Mutex<CallsState>);

#[derive(Debug, Default)]
struct CallsState {
    /// By user first, so that a look-up for one user costs only that user's calls. A user in no call has no entry.
    users: HashMap<UserId, HashMap<EntityId, CallParticipant>>,
    /// The users in each call.
    calls: HashMap<EntityId, HashSet<UserId>>,
    last_departure: DepartureId,
}

#[derive(Debug)]
struct CallParticipant {
    room: RoomId,
    state: ParticipantState,
}

#[derive(PartialEq, Eq, Debug)]
enum ParticipantState {
    Connected(String),
    Disconnected(DepartureId),
}

impl CallParticipants {
    /// Puts a user into a room's call, on this connection.
    pub fn join(&self, call: EntityId, room: &RoomId, user: &UserId, connection: &str) {
        let mut state = self.lock();
        let participant = CallParticipant { room: room.clone(), state: ParticipantState::Connected(connection.to_owned()) };
        state.users.entry(user.clone()).or_default().insert(call, participant);
        state.calls.entry(call).or_default().insert(user.clone());
    }

    /// Whether a user is in a call, on an open connection.
    pub fn is_in_call(&self, call: EntityId, user: &UserId) -> bool {
        let state = self.lock();
        let participant = state.users.get(user).and_then(|calls| calls.get(&call));
        participant.is_some_and(|participant| matches!(participant.state, ParticipantState::Connected(_)))
    }

    /// Starts the grace periods of a user in the calls of a connection that has ended. Returns the room and a departure for each call: call
    /// [`CallParticipants::expire`] when its grace period ends.
    pub fn disconnect(&self, user: &UserId, connection: &str) -> Vec<(EntityId, RoomId, DepartureId)> {
        let mut state = self.lock();
        let CallsState { users, last_departure, .. } = &mut *state;
        let mut disconnected = Vec::new();
        for (call, participant) in users.get_mut(user).into_iter().flatten() {
            if matches!(&participant.state, ParticipantState::Connected(current) if current == connection) {
                let departure = last_departure.next();
                participant.state = ParticipantState::Disconnected(departure);
                disconnected.push((*call, participant.room.clone(), departure));
            }
        }
        disconnected
    }

    /// Ends a user's grace period in a room's call, because a connection of the user enters the room. Returns the call that the user is in again.
    pub fn resume(&self, room: &RoomId, user: &UserId, connection: &str) -> Option<EntityId> {
        let mut state = self.lock();
        let mut resumed = None;
        for (call, participant) in state.users.get_mut(user).into_iter().flatten() {
            if participant.room == *room && matches!(participant.state, ParticipantState::Disconnected(_)) {
                participant.state = ParticipantState::Connected(connection.to_owned());
                resumed = resumed.max(Some(*call));
            }
        }
        resumed
    }

    /// Ends the grace period of a departure. True if the user has not reconnected since, and is no longer in the call.
    pub fn expire(&self, call: EntityId, user: &UserId, departure: DepartureId) -> bool {
        let mut state = self.lock();
        let participant = state.users.get(user).and_then(|calls| calls.get(&call));
        let expired = participant.is_some_and(|participant| participant.state == ParticipantState::Disconnected(departure));
        if expired {
            state.remove(call, user);
            if let Entry::Occupied(mut users) = state.calls.entry(call) {
                users.get_mut().remove(user);
                if users.get().is_empty() {
                    users.remove();
                }
            }
        }
        expired
    }

    /// Removes all users of a call that has ended. Returns them, each with the room of the call.
    pub fn clear(&self, call: EntityId) -> Vec<(RoomId, UserId)> {
        let mut state = self.lock();
        let users = state.calls.remove(&call).unwrap_or_default();
        users.into_iter().filter_map(|user| Some((state.remove(call, &user)?.room, user))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, CallsState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallsState {
    /// Removes a user from a call.
    fn remove(&mut self, call: EntityId, user: &UserId) -> Option<CallParticipant> {
        let Entry::Occupied(mut calls) = self.users.entry(user.clone()) else { return None };
        let removed = calls.get_mut().remove(&call);
        if calls.get().is_empty() {
            calls.remove();
        }
        removed
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::RoomKind;

    use super::*;

    fn users() -> (RoomId, UserId, UserId) {
        (RoomKind::ChatRoom.room(7), UserId::new("anna"), UserId::new("ben"))
    }

    #[test]
    fn a_user_leaves_a_call_when_the_grace_period_ends() {
        let (calls, (room, anna, ben)) = (CallParticipants::default(), users());
        calls.join(1, &room, &anna, "laptop");
        calls.join(1, &room, &ben, "phone");
        assert_eq!(calls.disconnect(&anna, "tablet"), vec![], "the tablet is in no call");
        let [(1, _, departure)] = calls.disconnect(&anna, "laptop")[..] else { panic!("the laptop was in one call") };
        assert!(!calls.is_in_call(1, &anna) && calls.is_in_call(1, &ben));
        assert!(calls.expire(1, &anna, departure));
        assert!(!calls.expire(1, &anna, departure), "once");
        assert!(!calls.is_in_call(1, &anna));
        assert_eq!(calls.disconnect(&ben, "phone").len(), 1, "ben is still in the call");
    }

    #[test]
    fn a_user_who_returns_within_the_grace_stays_in_the_call() {
        let (calls, (room, anna, _)) = (CallParticipants::default(), users());
        calls.join(1, &room, &anna, "laptop");
        let first = calls.disconnect(&anna, "laptop");
        assert_eq!(calls.resume(&RoomKind::ChatRoom.room(8), &anna, "elsewhere"), None);
        assert!(!calls.is_in_call(1, &anna));
        assert_eq!(calls.resume(&room, &anna, "laptop again"), Some(1));
        assert_eq!(calls.resume(&room, &anna, "phone"), None, "the laptop is in the call");
        assert!(calls.is_in_call(1, &anna));
        assert!(!calls.expire(1, &anna, first[0].2));
        let second = calls.disconnect(&anna, "laptop again");
        assert!(!calls.expire(1, &anna, first[0].2), "the second departure has a grace period of its own");
        calls.join(1, &room, &anna, "phone");
        assert!(!calls.expire(1, &anna, second[0].2), "the user joined on another device");
    }

    #[test]
    fn an_ended_call_has_no_users() {
        let (calls, (room, anna, _)) = (CallParticipants::default(), users());
        calls.join(1, &room, &anna, "laptop");
        calls.join(2, &room, &anna, "laptop");
        assert_eq!(calls.clear(1), [(room.clone(), anna.clone())]);
        let [(2, _, departure)] = calls.disconnect(&anna, "laptop")[..] else { panic!("one is left") };
        calls.clear(2);
        assert!(!calls.expire(2, &anna, departure));
        let state = calls.lock();
        assert!(state.users.is_empty() && state.calls.is_empty(), "ended calls take no memory");
    }
}
