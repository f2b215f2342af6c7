//! What was delivered to connections that have ended, without having arrived for certain, while their clients may still come back.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::Kinds;
use engine::id::Id;

/// The accounts of those who are away. There are never more than there were connections within the window.
#[derive(Debug, Default)]
pub struct Losses(Mutex<Accounts>);

#[derive(Debug, Default)]
struct Accounts {
    away: HashMap<Id, (Instant, Kinds)>,
    /// The same in the order of their ends.
    order: VecDeque<(Instant, Id)>,
    expired: Kinds,
    resumed: Kinds,
}

impl Losses {
    /// A client is away from now on, that owes this; it is remembered for the window.
    pub(super) fn leave(&self, secret: Id, owed: Kinds, now: Instant, window: Duration) {
        let mut accounts = self.lock();
        accounts.expire(now);
        if owed.iter().any(|(_, count)| count > 0) {
            accounts.away.insert(secret, (now + window, owed));
            accounts.order.push_back((now + window, secret));
        }
    }

    /// A client has come back: it has said what has arrived, and is told the rest again.
    pub(super) fn come_back(&self, secret: Id) {
        let mut accounts = self.lock();
        if let Some((_, owed)) = accounts.away.remove(&secret) {
            accounts.resumed.add_all(owed.iter());
        }
    }

    /// What nobody has come back for, and what was settled by coming back.
    pub fn settled(&self, now: Instant) -> (Kinds, Kinds) {
        let mut accounts = self.lock();
        accounts.expire(now);
        (accounts.expired.clone(), accounts.resumed.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Accounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Accounts {
    fn expire(&mut self, now: Instant) {
        while let Some((until, secret)) = self.order.front().copied().filter(|(until, _)| *until <= now) {
            self.order.pop_front();
            // It may have come back and left again meanwhile.
            if self.away.get(&secret).is_some_and(|(due, _)| *due == until)
                && let Some((_, owed)) = self.away.remove(&secret)
            {
                self.expired.add_all(owed.iter());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_owes_is_lost_when_the_window_is_over_and_nobody_has_come_back() {
        let (losses, start, window) = (Losses::default(), Instant::now(), Duration::from_secs(120));
        let ids = ["AAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBA"].map(|text| Id::parse(text).unwrap());
        let owed = |count| {
            let mut kinds = Kinds::default();
            kinds.add_all([(1, count)]);
            kinds
        };
        let sums = |after| {
            let (expired, resumed) = losses.settled(start + Duration::from_secs(after));
            [expired, resumed].map(|kinds| kinds.iter().map(|(_, count)| count).sum::<u64>())
        };
        losses.leave(ids[0], owed(3), start, window);
        losses.leave(ids[1], owed(5), start, window);
        assert_eq!(sums(119), [0, 0]);
        losses.come_back(ids[1]);
        losses.leave(ids[1], owed(7), start + Duration::from_secs(60), window);
        assert_eq!(sums(120), [3, 5]);
        assert_eq!(sums(179), [3, 5]);
        assert_eq!(sums(180), [10, 5]);
    }
}
