//! Where the sockets are that came back: their secrets tell where they once were.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::SocketKey;
use engine::id::Id;

/// A socket, on which shard.
pub(super) type Place = (usize, SocketKey);

/// The places of sockets, by their secrets. Whoever never came back is not in it.
#[derive(Debug, Default)]
pub struct Moved(Mutex<HashMap<Id, Place>>);

impl Moved {
    /// Where a socket is, if it came back.
    pub(super) fn find(&self, secret: Id) -> Option<Place> {
        self.lock().get(&secret).copied()
    }

    /// A socket has come back. The answer is another that has come back as the same, if there is one: a client that gave up waiting for its
    /// first attempt is let in by the second, too.
    pub(super) fn put(&self, secret: Id, place: Place) -> Option<Place> {
        self.lock().insert(secret, place)
    }

    /// A socket has ended. False if it goes on as another.
    pub(super) fn remove(&self, secret: Id, place: Place) -> bool {
        match self.lock().entry(secret) {
            Entry::Vacant(_) => true,
            Entry::Occupied(entry) if *entry.get() == place => {
                entry.remove();
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
