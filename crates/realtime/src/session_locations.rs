//! The shards of resumed sockets: the shard in a secret is the one where its socket was first.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::SocketKey;
use engine::id::Id;

/// A shard and a socket on it.
pub(super) type SocketLocation = (usize, SocketKey);

/// The locations of resumed sockets, by their secrets. A socket that was never resumed has no entry.
#[derive(Debug, Default)]
pub struct SessionLocations(Mutex<HashMap<Id, SocketLocation>>);

impl SessionLocations {
    /// The location of a socket, if it was resumed.
    pub(super) fn find(&self, secret: Id) -> Option<SocketLocation> {
        self.lock().get(&secret).copied()
    }

    /// Sets the location of a resumed socket. Returns the earlier location, if there is one: a client that did not wait for its first
    /// attempt to resume a session is accepted at its second, too.
    pub(super) fn put(&self, secret: Id, location: SocketLocation) -> Option<SocketLocation> {
        self.lock().insert(secret, location)
    }

    /// Removes a socket that has ended. False if the session continues on another socket.
    pub(super) fn remove(&self, secret: Id, location: SocketLocation) -> bool {
        match self.lock().entry(secret) {
            Entry::Vacant(_) => true,
            Entry::Occupied(entry) if *entry.get() == location => {
                entry.remove();
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, SocketLocation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
