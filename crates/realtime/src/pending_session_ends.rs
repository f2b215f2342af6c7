//! Sockets that have ended and whose end is not stored yet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::id::Id;

/// The acknowledged offsets of ended sockets whose end is not on the disk yet, by their secrets. While an entry is here, the offset that
/// all clients have confirmed is at most the entry's. Otherwise a start would treat a session without an end as one that has received every
/// event.
#[derive(Debug, Default)]
pub struct PendingSessionEnds(Mutex<HashMap<Id, PendingSessionEnd>>);

#[derive(Debug)]
struct PendingSessionEnd {
    confirmed: u64,
    /// Whether the server ended the socket because it stops.
    by_shutdown: bool,
    /// Whether the client has resumed its session, in the writer's order. Then the end must not be stored any more.
    is_resumed: bool,
}

impl PendingSessionEnds {
    /// Adds a socket that has ended, with its confirmed offset. `by_shutdown`: the server ended it because it stops.
    pub(super) fn put(&self, secret: Id, confirmed: u64, by_shutdown: bool) {
        self.lock().insert(secret, PendingSessionEnd { confirmed, by_shutdown, is_resumed: false });
    }

    /// The confirmed offset of a socket whose end is still to be stored, and whether the server ended it because it stops.
    pub(super) fn find(&self, secret: Id) -> Option<(u64, bool)> {
        self.lock().get(&secret).map(|end| (end.confirmed, end.by_shutdown))
    }

    /// Whether the end of a socket is still to be stored, and its session was not resumed.
    pub(super) fn is_disconnected(&self, secret: Id) -> bool {
        self.lock().get(&secret).is_some_and(|end| !end.is_resumed)
    }

    /// Marks a session as resumed. Called in the writer's order, before the commit.
    pub(super) fn mark_resumed(&self, secret: Id) {
        self.set(secret, true);
    }

    /// Marks a session as not resumed, because the commit failed.
    pub(super) fn mark_disconnected(&self, secret: Id) {
        self.set(secret, false);
    }

    fn set(&self, secret: Id, is_resumed: bool) {
        if let Some(end) = self.lock().get_mut(&secret) {
            end.is_resumed = is_resumed;
        }
    }

    /// Removes a socket whose end is stored, or whose session was resumed.
    pub(super) fn remove(&self, secret: Id) {
        self.lock().remove(&secret);
    }

    /// The lowest confirmed offset of all entries; `None` if there are none.
    pub(super) fn acked_by_all(&self) -> Option<u64> {
        self.lock().values().map(|end| end.confirmed).min()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, PendingSessionEnd>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_session_voids_its_pending_end() {
        type Step = fn(&PendingSessionEnds, Id);
        const LEAVES: Step = |ends, secret| ends.put(secret, 7, false);
        let secret = Id::parse("00000000000000000000").unwrap();
        let cases: [(&[Step], bool, Option<u64>); 6] = [
            (&[], false, None),
            (&[LEAVES], true, Some(7)),
            (&[LEAVES, PendingSessionEnds::mark_resumed], false, Some(7)),
            (&[LEAVES, PendingSessionEnds::mark_resumed, PendingSessionEnds::mark_disconnected], true, Some(7)),
            (&[LEAVES, PendingSessionEnds::mark_resumed, LEAVES], true, Some(7)),
            (&[LEAVES, PendingSessionEnds::mark_resumed, PendingSessionEnds::remove], false, None),
        ];
        for (index, (steps, is_disconnected, acked)) in cases.into_iter().enumerate() {
            let ends = PendingSessionEnds::default();
            steps.iter().for_each(|step| step(&ends, secret));
            assert_eq!((ends.is_disconnected(secret), ends.acked_by_all()), (is_disconnected, acked), "case {index}");
        }
    }
}
