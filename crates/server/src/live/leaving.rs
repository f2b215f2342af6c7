//! Sockets that have ended, until that is written down.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::id::Id;

/// What the sockets have heard whose end is not on the disk yet, by their secrets. As long as one is here, what everybody has heard is no more
/// than that: otherwise a start would take a session that nobody has ended for one of those who have heard everything.
#[derive(Debug, Default)]
pub struct Leaving(Mutex<HashMap<Id, Left>>);

#[derive(Debug)]
struct Left {
    confirmed: u64,
    /// The server has let it go.
    let_go: bool,
    /// Its client has come back, as the writer's order has it: what is still to be written of its end is not true any more.
    is_back: bool,
}

impl Leaving {
    /// A socket has ended that has heard so much, because the server stops if it is `let_go`.
    pub(super) fn put(&self, secret: Id, confirmed: u64, let_go: bool) {
        self.lock().insert(secret, Left { confirmed, let_go, is_back: false });
    }

    /// What a socket has heard whose end is still to be written down, and whether it was let go.
    pub(super) fn find(&self, secret: Id) -> Option<(u64, bool)> {
        self.lock().get(&secret).map(|left| (left.confirmed, left.let_go))
    }

    /// Whether the end of a socket is still to be written down, and true.
    pub(super) fn is_away(&self, secret: Id) -> bool {
        self.lock().get(&secret).is_some_and(|left| !left.is_back)
    }

    /// A socket comes back. Called in the writer's order, before it is known whether that can be committed.
    pub(super) fn come_back(&self, secret: Id) {
        self.set(secret, true);
    }

    /// It has not come back: that could not be committed.
    pub(super) fn stay_away(&self, secret: Id) {
        self.set(secret, false);
    }

    fn set(&self, secret: Id, is_back: bool) {
        if let Some(left) = self.lock().get_mut(&secret) {
            left.is_back = is_back;
        }
    }

    /// The end of a socket is written down, or it has come back.
    pub(super) fn remove(&self, secret: Id) {
        self.lock().remove(&secret);
    }

    /// What all of them have heard; `None` if there are none.
    pub(super) fn heard_by_all(&self) -> Option<u64> {
        self.lock().values().map(|left| left.confirmed).min()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Left>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_to_be_written_of_an_end_is_void_as_soon_as_the_client_is_back() {
        type Step = fn(&Leaving, Id);
        const LEAVES: Step = |leaving, secret| leaving.put(secret, 7, false);
        let secret = Id::parse("00000000000000000000").unwrap();
        let cases: [(&[Step], bool, Option<u64>); 6] = [
            (&[], false, None),
            (&[LEAVES], true, Some(7)),
            (&[LEAVES, Leaving::come_back], false, Some(7)),
            (&[LEAVES, Leaving::come_back, Leaving::stay_away], true, Some(7)),
            (&[LEAVES, Leaving::come_back, LEAVES], true, Some(7)),
            (&[LEAVES, Leaving::come_back, Leaving::remove], false, None),
        ];
        for (index, (steps, is_away, heard)) in cases.into_iter().enumerate() {
            let leaving = Leaving::default();
            steps.iter().for_each(|step| step(&leaving, secret));
            assert_eq!((leaving.is_away(secret), leaving.heard_by_all()), (is_away, heard), "case {index}");
        }
    }
}
