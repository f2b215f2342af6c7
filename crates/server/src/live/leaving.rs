//! Sockets that have ended, until that is written down.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::id::Id;

/// What the sockets have heard whose end is not on the disk yet, by their secrets. As long as one is here, what everybody has heard is no more
/// than that: otherwise a start would take a session that nobody has ended for one of those who have heard everything.
#[derive(Debug, Default)]
pub struct Leaving(Mutex<HashMap<Id, u64>>);

impl Leaving {
    /// A socket has ended that has heard so much.
    pub(super) fn put(&self, secret: Id, confirmed: u64) {
        self.lock().insert(secret, confirmed);
    }

    /// What a socket has heard whose end is still to be written down.
    pub(super) fn find(&self, secret: Id) -> Option<u64> {
        self.lock().get(&secret).copied()
    }

    /// The end of a socket is written down, or it has come back.
    pub(super) fn remove(&self, secret: Id) {
        self.lock().remove(&secret);
    }

    /// What all of them have heard; `None` if there are none.
    pub(super) fn heard_by_all(&self) -> Option<u64> {
        self.lock().values().copied().min()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
