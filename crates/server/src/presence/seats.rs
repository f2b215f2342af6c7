//! The users in each call, with the connection of each. When that connection ends, the seat is kept for the grace period: a client that
//! reconnects in time and enters the room again has its seat again. The caller passes the time.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::ids::{EntityId, UserId, RoomId};

use super::Departure;

/// The seats in all open calls. A user has one seat in a call, on the connection that took it last.
#[derive(Debug, Default)]
pub struct Seats(Mutex<Hall>);

#[derive(Debug, Default)]
struct Hall {
    /// By user first, so that a look-up for one user costs only that user's seats. A user without seats has no entry.
    seats: HashMap<UserId, HashMap<EntityId, Seat>>,
    /// The users with a seat in each call.
    calls: HashMap<EntityId, HashSet<UserId>>,
    last_departure: Departure,
}

#[derive(Debug)]
struct Seat {
    room: RoomId,
    is: State,
}

#[derive(PartialEq, Eq, Debug)]
enum State {
    Taken(String),
    Vacant(Departure),
}

impl Seats {
    /// Gives a user a seat in a room's call, on this connection.
    pub fn take(&self, call: EntityId, room: &RoomId, person: &UserId, connection: &str) {
        let mut hall = self.lock();
        let seat = Seat { room: room.clone(), is: State::Taken(connection.to_owned()) };
        hall.seats.entry(person.clone()).or_default().insert(call, seat);
        hall.calls.entry(call).or_default().insert(person.clone());
    }

    /// Whether a user has a seat in a call, on an open connection.
    pub fn is_taken(&self, call: EntityId, person: &UserId) -> bool {
        let hall = self.lock();
        let seat = hall.seats.get(person).and_then(|seats| seats.get(&call));
        seat.is_some_and(|seat| matches!(seat.is, State::Taken(_)))
    }

    /// Leaves the seats that a user has on a connection that has ended. Returns a departure for each call: call [`Seats::expire`] when its
    /// grace period ends.
    pub fn vacate(&self, person: &UserId, connection: &str) -> Vec<(EntityId, Departure)> {
        let mut hall = self.lock();
        let Hall { seats, last_departure, .. } = &mut *hall;
        let mut vacated = Vec::new();
        for (call, seat) in seats.get_mut(person).into_iter().flatten() {
            if matches!(&seat.is, State::Taken(taken) if taken == connection) {
                let departure = last_departure.next();
                seat.is = State::Vacant(departure);
                vacated.push((*call, departure));
            }
        }
        vacated
    }

    /// Returns a user's seat in a room's call that was left within the grace period, because a connection of the user enters the room.
    pub fn resume(&self, room: &RoomId, person: &UserId, connection: &str) {
        let mut hall = self.lock();
        for seat in hall.seats.get_mut(person).into_iter().flat_map(HashMap::values_mut) {
            if seat.room == *room && matches!(seat.is, State::Vacant(_)) {
                seat.is = State::Taken(connection.to_owned());
            }
        }
    }

    /// Ends the grace period of a departure. True if the seat was not taken since: the user is no longer in the call.
    pub fn expire(&self, call: EntityId, person: &UserId, departure: Departure) -> bool {
        let mut hall = self.lock();
        let seat = hall.seats.get(person).and_then(|seats| seats.get(&call));
        let expired = seat.is_some_and(|seat| seat.is == State::Vacant(departure));
        if expired {
            hall.give_up(call, person);
            if let Entry::Occupied(mut people) = hall.calls.entry(call) {
                people.get_mut().remove(person);
                if people.get().is_empty() {
                    people.remove();
                }
            }
        }
        expired
    }

    /// Removes all seats of a call that has ended.
    pub fn clear(&self, call: EntityId) {
        let mut hall = self.lock();
        for person in hall.calls.remove(&call).unwrap_or_default() {
            hall.give_up(call, &person);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Hall> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hall {
    /// Removes a user's seat in a call.
    fn give_up(&mut self, call: EntityId, person: &UserId) {
        if let Entry::Occupied(mut seats) = self.seats.entry(person.clone()) {
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

    fn people() -> (RoomId, UserId, UserId) {
        (RoomKind::ChatRoom.room(7), UserId::new("anna"), UserId::new("ben"))
    }

    #[test]
    fn a_seat_is_lost_with_its_connection_when_the_grace_is_over() {
        let (seats, (room, anna, ben)) = (Seats::default(), people());
        seats.take(1, &room, &anna, "laptop");
        seats.take(1, &room, &ben, "phone");
        assert_eq!(seats.vacate(&anna, "tablet"), vec![], "it has no seat");
        let [(1, departure)] = seats.vacate(&anna, "laptop")[..] else { panic!("one seat was left") };
        assert!(!seats.is_taken(1, &anna) && seats.is_taken(1, &ben));
        assert!(seats.expire(1, &anna, departure));
        assert!(!seats.expire(1, &anna, departure), "once");
        assert!(!seats.is_taken(1, &anna));
        assert_eq!(seats.vacate(&ben, "phone").len(), 1, "others keep theirs");
    }

    #[test]
    fn who_comes_back_within_the_grace_keeps_the_seat() {
        let (seats, (room, anna, _)) = (Seats::default(), people());
        seats.take(1, &room, &anna, "laptop");
        let first = seats.vacate(&anna, "laptop");
        seats.resume(&RoomKind::ChatRoom.room(8), &anna, "elsewhere");
        assert!(!seats.is_taken(1, &anna));
        seats.resume(&room, &anna, "laptop again");
        assert!(seats.is_taken(1, &anna));
        assert!(!seats.expire(1, &anna, first[0].1));
        let second = seats.vacate(&anna, "laptop again");
        assert!(!seats.expire(1, &anna, first[0].1), "the second absence has a grace of its own");
        seats.take(1, &room, &anna, "phone");
        assert!(!seats.expire(1, &anna, second[0].1), "taken by an answer on another device");
    }

    #[test]
    fn a_call_that_is_over_has_no_seats() {
        let (seats, (room, anna, _)) = (Seats::default(), people());
        seats.take(1, &room, &anna, "laptop");
        seats.take(2, &room, &anna, "laptop");
        seats.clear(1);
        let [(2, departure)] = seats.vacate(&anna, "laptop")[..] else { panic!("one is left") };
        seats.clear(2);
        assert!(!seats.expire(2, &anna, departure));
        let hall = seats.lock();
        assert!(hall.seats.is_empty() && hall.calls.is_empty(), "nothing is left of them");
    }
}
