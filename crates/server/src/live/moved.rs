//! On which shard the sockets are that came back: their secrets tell where they once were.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::id::Id;

/// The shards, by the sockets' secrets. Whoever never came back is not in it.
#[derive(Debug, Default)]
pub struct Moved(Mutex<HashMap<Id, usize>>);

impl Moved {
    /// Where a socket is, if it came back.
    pub(super) fn find(&self, secret: Id) -> Option<usize> {
        self.lock().get(&secret).copied()
    }

    /// A socket has come back.
    pub(super) fn put(&self, secret: Id, shard: usize) {
        self.lock().insert(secret, shard);
    }

    /// It has ended.
    pub(super) fn remove(&self, secret: Id) {
        self.lock().remove(&secret);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
