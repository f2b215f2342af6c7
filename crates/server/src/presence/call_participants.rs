//! The users in each call, with the connection of each. When that connection ends, the seat is kept for the grace period: a client that
//! reconnects in time and enters the room again has its seat again. The caller passes the time.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::ids::{EntityId, RoomId, UserId};

use super::DepartureId;

/// The seats in all open calls. A user has one seat in a call, on the connection that took it last.
#[derive(Debug, Default)]
pub struct CallParticipants(Mutex<CallsState>);

#[derive(Debug, Default)]
struct CallsState {
    /// By user first, so that a look-up for one user costs only that user's seats. A user without seats has no entry.
    seats: HashMap<UserId, HashMap<EntityId, CallParticipant>>,
    /// The users with a seat in each call.
    calls: HashMap<EntityId, HashSet<UserId>>,
    last_departure: DepartureId,
}

#[derive(Debug)]
struct CallParticipant {
    room: RoomId,
    is: State,
}

#[derive(PartialEq, Eq, Debug)]
enum State {
    Taken(String),
    Vacant(DepartureId),
}

impl CallParticipants {
    /// Gives a user a seat in a room's call, on this connection.
    pub fn join(&self, call: EntityId, room: &RoomId, user: &UserId, connection: &str) {
        let mut hall = self.lock();
        let seat = CallParticipant { room: room.clone(), is: State::Taken(connection.to_owned()) };
        hall.seats.entry(user.clone()).or_default().insert(call, seat);
        hall.calls.entry(call).or_default().insert(user.clone());
    }

    /// Whether a user has a seat in a call, on an open connection.
    pub fn is_in_call(&self, call: EntityId, user: &UserId) -> bool {
        let hall = self.lock();
        let seat = hall.seats.get(user).and_then(|seats| seats.get(&call));
        seat.is_some_and(|seat| matches!(seat.is, State::Taken(_)))
    }

    /// Leaves the seats that a user has on a connection that has ended. Returns a departure for each call: call [`CallParticipants::expire`] when its
    /// grace period ends.
    pub fn disconnect(&self, user: &UserId, connection: &str) -> Vec<(EntityId, DepartureId)> {
        let mut hall = self.lock();
        let CallsState { seats, last_departure, .. } = &mut *hall;
        let mut vacated = Vec::new();
        for (call, seat) in seats.get_mut(user).into_iter().flatten() {
            if matches!(&seat.is, State::Taken(taken) if taken == connection) {
                let departure = last_departure.next();
                seat.is = State::Vacant(departure);
                vacated.push((*call, departure));
            }
        }
        vacated
    }

    /// Returns a user's seat in a room's call that was left within the grace period, because a connection of the user enters the room.
    pub fn resume(&self, room: &RoomId, user: &UserId, connection: &str) {
        let mut hall = self.lock();
        for seat in hall.seats.get_mut(user).into_iter().flat_map(HashMap::values_mut) {
            if seat.room == *room && matches!(seat.is, State::Vacant(_)) {
                seat.is = State::Taken(connection.to_owned());
            }
        }
    }

    /// Ends the grace period of a departure. True if the seat was not taken since: the user is no longer in the call.
    pub fn expire(&self, call: EntityId, user: &UserId, departure: DepartureId) -> bool {
        let mut hall = self.lock();
        let seat = hall.seats.get(user).and_then(|seats| seats.get(&call));
        let expired = seat.is_some_and(|seat| seat.is == State::Vacant(departure));
        if expired {
            hall.remove(call, user);
            if let Entry::Occupied(mut users) = hall.calls.entry(call) {
                users.get_mut().remove(user);
                if users.get().is_empty() {
                    users.remove();
                }
            }
        }
        expired
    }

    /// Removes all seats of a call that has ended.
    pub fn clear(&self, call: EntityId) {
        let mut hall = self.lock();
        for user in hall.calls.remove(&call).unwrap_or_default() {
            hall.remove(call, &user);
        }
    }

    fn lock(&self) -> MutexGuard<'_, CallsState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallsState {
    /// Removes a user's seat in a call.
    fn remove(&mut self, call: EntityId, user: &UserId) {
        if let Entry::Occupied(mut seats) = self.seats.entry(user.clone()) {
            seats.get_mut().remove(&call);
            if seats.get().is_empty() {
                seats.remove();
            }
        }
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
    fn a_seat_is_lost_with_its_connection_when_the_grace_is_over() {
        let (seats, (room, anna, ben)) = (CallParticipants::default(), users());
        seats.join(1, &room, &anna, "laptop");
        seats.join(1, &room, &ben, "phone");
        assert_eq!(seats.disconnect(&anna, "tablet"), vec![], "it has no seat");
        let [(1, departure)] = seats.disconnect(&anna, "laptop")[..] else { panic!("one seat was left") };
        assert!(!seats.is_in_call(1, &anna) && seats.is_in_call(1, &ben));
        assert!(seats.expire(1, &anna, departure));
        assert!(!seats.expire(1, &anna, departure), "once");
        assert!(!seats.is_in_call(1, &anna));
        assert_eq!(seats.disconnect(&ben, "phone").len(), 1, "others keep theirs");
    }

    #[test]
    fn who_comes_back_within_the_grace_keeps_the_seat() {
        let (seats, (room, anna, _)) = (CallParticipants::default(), users());
        seats.join(1, &room, &anna, "laptop");
        let first = seats.disconnect(&anna, "laptop");
        seats.resume(&RoomKind::ChatRoom.room(8), &anna, "elsewhere");
        assert!(!seats.is_in_call(1, &anna));
        seats.resume(&room, &anna, "laptop again");
        assert!(seats.is_in_call(1, &anna));
        assert!(!seats.expire(1, &anna, first[0].1));
        let second = seats.disconnect(&anna, "laptop again");
        assert!(!seats.expire(1, &anna, first[0].1), "the second absence has a grace of its own");
        seats.join(1, &room, &anna, "phone");
        assert!(!seats.expire(1, &anna, second[0].1), "taken by an answer on another device");
    }

    #[test]
    fn a_call_that_is_over_has_no_seats() {
        let (seats, (room, anna, _)) = (CallParticipants::default(), users());
        seats.join(1, &room, &anna, "laptop");
        seats.join(2, &room, &anna, "laptop");
        seats.clear(1);
        let [(2, departure)] = seats.disconnect(&anna, "laptop")[..] else { panic!("one is left") };
        seats.clear(2);
        assert!(!seats.expire(2, &anna, departure));
        let hall = seats.lock();
        assert!(hall.seats.is_empty() && hall.calls.is_empty(), "nothing is left of them");
    }
}
