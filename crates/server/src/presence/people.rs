//! The connections of each person.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::names::PersonId;

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
pub struct People(Mutex<HashMap<PersonId, Counts>>);

impl People {
    /// A connection comes. True if the person comes online with it; an error if the person has `most` of this sort already (`None`: no cap).
    ///
    /// # Errors
    /// How many there are.
    pub fn arrive(&self, person: &PersonId, transport: Transport, most: Option<u32>) -> Result<bool, u32> {
        let mut people = self.lock();
        if let Some(counts) = people.get_mut(person) {
            let count = counts.of(transport);
            if most.is_some_and(|most| *count >= most) {
                return Err(*count);
            }
            *count += 1;
            return Ok(false);
        }
        if most == Some(0) {
            return Err(0);
        }
        let mut counts = Counts::default();
        *counts.of(transport) = 1;
        people.insert(person.clone(), counts);
        Ok(true)
    }

    /// A connection goes. True if it was the last: ask [`People::expire`] when the grace is over.
    pub fn depart(&self, person: &PersonId, transport: Transport) -> bool {
        let mut people = self.lock();
        let Some(counts) = people.get_mut(person) else { return false };
        let count = counts.of(transport);
        *count = count.saturating_sub(1);
        counts.is_zero()
    }

    /// The grace after a last connection is over. True if the person goes offline with it: no other connection has come.
    pub fn expire(&self, person: &PersonId) -> bool {
        let mut people = self.lock();
        let gone = people.get(person).is_some_and(|counts| counts.is_zero());
        if gone {
            people.remove(person);
            // A storm that is over must not be remembered for ever.
            if people.capacity() > 1024 && people.len() < people.capacity() / 4 {
                people.shrink_to_fit();
            }
        }
        gone
    }

    /// Whether a person is online; within the grace one still is.
    pub fn is_online(&self, person: &PersonId) -> bool {
        self.lock().contains_key(person)
    }

    /// How many people are online.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PersonId, Counts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_does_not_blink() {
        let (people, anna) = (People::default(), PersonId::new("anna"));
        assert_eq!(people.arrive(&anna, Transport::SocketIo, None), Ok(true));
        assert!(people.depart(&anna, Transport::SocketIo), "it was the last");
        assert!(people.is_online(&anna), "within the grace");
        assert_eq!(people.arrive(&anna, Transport::Raw, None), Ok(false), "nobody is told");
        assert!(!people.expire(&anna), "the grace of the first is over, the second is there");
        assert!(people.depart(&anna, Transport::Raw));
        assert!(people.expire(&anna));
        assert!(!people.expire(&anna), "told once");
        assert_eq!(people.count(), 0);
    }

    #[test]
    fn each_sort_has_its_own_cap() {
        let (people, ben) = (People::default(), PersonId::new("ben"));
        assert_eq!(people.arrive(&ben, Transport::Raw, Some(1)), Ok(true));
        assert_eq!(people.arrive(&ben, Transport::Raw, Some(1)), Err(1));
        assert_eq!(people.arrive(&ben, Transport::SocketIo, Some(1)), Ok(false));
        people.depart(&ben, Transport::Raw);
        assert_eq!(people.arrive(&ben, Transport::Raw, Some(1)), Ok(false));
    }
}
