//! The connections of each person.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::names::PersonId;

use super::Departure;

/// Of which sort a connection is: each sort has its own cap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// Socket.IO, by WebSocket or long-polling.
    SocketIo,
    /// The raw WebSocket.
    Raw,
}

/// How many connections a person has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Socket.IO connections.
    pub socketio: u32,
    /// Raw WebSockets.
    pub raw: u32,
}

impl Counts {
    fn of(&mut self, transport: Transport) -> &mut u32 {
        match transport {
            Transport::SocketIo => &mut self.socketio,
            Transport::Raw => &mut self.raw,
        }
    }

    fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// Everybody who is online, or was until a moment ago. A person without an entry is offline.
#[derive(Debug, Default)]
pub struct People(Mutex<Crowd>);

#[derive(Debug, Default)]
struct Crowd {
    people: HashMap<PersonId, Presence>,
    last_departure: Departure,
}

#[derive(Debug, Default)]
struct Presence {
    counts: Counts,
    /// When the counts are zero: how that came.
    departed: Departure,
}

impl People {
    /// A connection comes. If the person comes online with it, `come_online` tells that. An error if the person has `most` of this sort already
    /// (`None`: no cap).
    ///
    /// # Errors
    /// How many there are.
    pub fn arrive(&self, person: &PersonId, transport: Transport, most: Option<u32>, come_online: impl FnOnce()) -> Result<(), u32> {
        let mut crowd = self.lock();
        if let Some(presence) = crowd.people.get_mut(person) {
            let count = presence.counts.of(transport);
            if most.is_some_and(|most| *count >= most) {
                return Err(*count);
            }
            *count += 1;
            return Ok(());
        }
        if most == Some(0) {
            return Err(0);
        }
        let mut presence = Presence::default();
        *presence.counts.of(transport) = 1;
        crowd.people.insert(person.clone(), presence);
        come_online();
        Ok(())
    }

    /// A connection goes. If it was the last, it is a departure: ask [`People::expire`] when its grace is over.
    pub fn depart(&self, person: &PersonId, transport: Transport) -> Option<Departure> {
        let mut crowd = self.lock();
        let Crowd { people, last_departure } = &mut *crowd;
        let presence = people.get_mut(person)?;
        let count = presence.counts.of(transport);
        *count = count.saturating_sub(1);
        if !presence.counts.is_zero() {
            return None;
        }
        presence.departed = last_departure.next();
        Some(presence.departed)
    }

    /// The grace after a departure is over. If the person goes offline with it, because no connection has come since, not even for a while,
    /// `go_offline` tells that.
    pub fn expire(&self, person: &PersonId, departure: Departure, go_offline: impl FnOnce()) {
        let people = &mut self.lock().people;
        let gone = people.get(person).is_some_and(|presence| presence.counts.is_zero() && presence.departed == departure);
        if gone {
            people.remove(person);
            // A storm that is over must not be remembered for ever.
            if people.capacity() > 1024 && people.len() < people.capacity() / 4 {
                people.shrink_to_fit();
            }
            go_offline();
        }
    }

    /// Whether a person is online; within the grace one still is.
    pub fn is_online(&self, person: &PersonId) -> bool {
        self.lock().people.contains_key(person)
    }

    /// How many people are online.
    pub fn count(&self) -> usize {
        self.lock().people.len()
    }

    fn lock(&self) -> MutexGuard<'_, Crowd> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether somebody comes online with a connection.
    fn arrive(people: &People, person: &PersonId, transport: Transport, most: Option<u32>) -> Result<bool, u32> {
        let mut comes = false;
        people.arrive(person, transport, most, || comes = true).map(|()| comes)
    }

    /// Whether somebody goes offline with the end of a grace.
    fn expire(people: &People, person: &PersonId, departure: Departure) -> bool {
        let mut goes = false;
        people.expire(person, departure, || goes = true);
        goes
    }

    #[test]
    fn a_reload_does_not_blink() {
        let (people, anna) = (People::default(), PersonId::new("anna"));
        assert_eq!(arrive(&people, &anna, Transport::SocketIo, None), Ok(true));
        let departure = people.depart(&anna, Transport::SocketIo).expect("it was the last");
        assert!(people.is_online(&anna), "within the grace");
        assert_eq!(arrive(&people, &anna, Transport::Raw, None), Ok(false), "nobody is told");
        assert!(!expire(&people, &anna, departure), "the grace of the first is over, the second is there");
        let departure = people.depart(&anna, Transport::Raw).expect("it was the last");
        assert!(expire(&people, &anna, departure));
        assert!(!expire(&people, &anna, departure), "told once");
        assert_eq!(people.count(), 0);
    }

    #[test]
    fn an_older_departure_does_not_cut_a_grace_short() {
        let (people, anna) = (People::default(), PersonId::new("anna"));
        let departure = || {
            arrive(&people, &anna, Transport::SocketIo, None).unwrap();
            people.depart(&anna, Transport::SocketIo).expect("it was the last")
        };
        let (first, second) = (departure(), departure());
        assert!(!expire(&people, &anna, first), "back and gone again meanwhile");
        assert!(people.is_online(&anna));
        assert!(expire(&people, &anna, second));
        let third = departure();
        assert!(!expire(&people, &anna, second), "of a presence that is over");
        assert!(expire(&people, &anna, third));
    }

    #[test]
    fn what_is_told_last_is_true_however_many_shards_tell() {
        let (people, anna, told) = (People::default(), PersonId::new("anna"), Mutex::new(Vec::new()));
        let tell = |online| told.lock().unwrap().push(online);
        let come_and_go = || {
            for _ in 0..10_000 {
                people.arrive(&anna, Transport::SocketIo, None, || tell(true)).unwrap();
                if let Some(departure) = people.depart(&anna, Transport::SocketIo) {
                    people.expire(&anna, departure, || tell(false));
                }
            }
        };
        std::thread::scope(|scope| [(); 4].map(|()| scope.spawn(come_and_go)).map(drop));
        let told = told.into_inner().unwrap();
        assert!(told.iter().enumerate().all(|(i, online)| *online == (i % 2 == 0)), "coming and going take turns");
        assert_eq!(told.last(), Some(&false));
    }

    #[test]
    fn each_sort_has_its_own_cap() {
        let (people, ben) = (People::default(), PersonId::new("ben"));
        assert_eq!(arrive(&people, &ben, Transport::Raw, Some(1)), Ok(true));
        assert_eq!(arrive(&people, &ben, Transport::Raw, Some(1)), Err(1));
        assert_eq!(arrive(&people, &ben, Transport::SocketIo, Some(1)), Ok(false));
        people.depart(&ben, Transport::Raw);
        assert_eq!(arrive(&people, &ben, Transport::Raw, Some(1)), Ok(false));
    }
}
