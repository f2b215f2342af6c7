//! Who takes part in which call, and on which connection. When that connection goes, the seat is kept for the grace: a client that comes back
//! within it and enters the room again has its seat again. Time is the caller's: nothing here waits.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::names::{Id, PersonId, Room};

use super::Departure;

/// The seats in all calls that are open. A person has one in a call, on the connection that took it last.
#[derive(Debug, Default)]
pub struct Seats(Mutex<Hall>);

#[derive(Debug, Default)]
struct Hall {
    tables: HashMap<Id, Table>,
    last_departure: Departure,
}

#[derive(Debug)]
struct Table {
    room: Room,
    seats: HashMap<PersonId, Seat>,
}

#[derive(PartialEq, Eq, Debug)]
enum Seat {
    Taken(String),
    Vacant(Departure),
}

impl Seats {
    /// A person takes part in a room's call, on this connection.
    pub fn take(&self, call: Id, room: &Room, person: &PersonId, connection: &str) {
        let mut hall = self.lock();
        let table = hall.tables.entry(call).or_insert_with(|| Table { room: room.clone(), seats: HashMap::new() });
        table.seats.insert(person.clone(), Seat::Taken(connection.to_owned()));
    }

    /// A connection of a person goes: the calls in which the person had a seat on it. Ask [`Seats::expire`] of each when the grace is over.
    pub fn vacate(&self, person: &PersonId, connection: &str) -> Vec<(Id, Departure)> {
        let mut hall = self.lock();
        let Hall { tables, last_departure } = &mut *hall;
        let mut vacated = Vec::new();
        for (call, table) in tables {
            if let Some(seat) = table.seats.get_mut(person).filter(|seat| matches!(seat, Seat::Taken(taken) if taken == connection)) {
                let departure = last_departure.next();
                *seat = Seat::Vacant(departure);
                vacated.push((*call, departure));
            }
        }
        vacated
    }

    /// A connection of a person enters a room: a seat there that was left within the grace is the person's again.
    pub fn resume(&self, room: &Room, person: &PersonId, connection: &str) {
        let mut hall = self.lock();
        let tables = hall.tables.values_mut().filter(|table| table.room == *room);
        for seat in tables.filter_map(|table| table.seats.get_mut(person)).filter(|seat| matches!(seat, Seat::Vacant(_))) {
            *seat = Seat::Taken(connection.to_owned());
        }
    }

    /// The grace after a departure is over. True if nobody has taken the seat since: the person takes part no longer.
    pub fn expire(&self, call: Id, person: &PersonId, departure: Departure) -> bool {
        let mut hall = self.lock();
        let Some(table) = hall.tables.get_mut(&call) else { return false };
        let expired = table.seats.get(person) == Some(&Seat::Vacant(departure));
        if expired {
            table.seats.remove(person);
        }
        if table.seats.is_empty() {
            hall.tables.remove(&call);
        }
        expired
    }

    /// A call is over.
    pub fn clear(&self, call: Id) {
        self.lock().tables.remove(&call);
    }

    fn lock(&self) -> MutexGuard<'_, Hall> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use domain::names::Kind;

    use super::*;

    fn people() -> (Room, PersonId, PersonId) {
        (Kind::ChatRoom.room(7), PersonId::new("anna"), PersonId::new("ben"))
    }

    #[test]
    fn a_seat_is_lost_with_its_connection_when_the_grace_is_over() {
        let (seats, (room, anna, ben)) = (Seats::default(), people());
        seats.take(1, &room, &anna, "laptop");
        seats.take(1, &room, &ben, "phone");
        assert_eq!(seats.vacate(&anna, "tablet"), vec![], "it has no seat");
        let [(1, departure)] = seats.vacate(&anna, "laptop")[..] else { panic!("one seat was left") };
        assert!(seats.expire(1, &anna, departure));
        assert!(!seats.expire(1, &anna, departure), "once");
        assert_eq!(seats.vacate(&ben, "phone").len(), 1, "others keep theirs");
    }

    #[test]
    fn who_comes_back_within_the_grace_keeps_the_seat() {
        let (seats, (room, anna, _)) = (Seats::default(), people());
        seats.take(1, &room, &anna, "laptop");
        let first = seats.vacate(&anna, "laptop");
        seats.resume(&Kind::ChatRoom.room(8), &anna, "elsewhere");
        seats.resume(&room, &anna, "laptop again");
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
    }
}
