//! Deliveries that were not confirmed when their connection ended, while the client may still resume its session.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::CountsByKind;
use engine::id::Id;

/// The unconfirmed deliveries of disconnected clients. There are at most as many entries as there were connections within the window.
#[derive(Debug, Default)]
pub struct UnackedDeliveries(Mutex<UnackedState>);

#[derive(Debug, Default)]
struct UnackedState {
    away: HashMap<Id, (Instant, CountsByKind)>,
    /// The same clients, sorted by the ends of their windows.
    order: VecDeque<(Instant, Id)>,
    expired: CountsByKind,
    resumed: CountsByKind,
}

impl UnackedDeliveries {
    /// Notes the unconfirmed deliveries of a client that has disconnected, for the duration of the window.
    pub(super) fn add(&self, secret: Id, unacked: CountsByKind, now: Instant, window: Duration) {
        let mut state = self.lock();
        state.expire(now);
        if unacked.iter().any(|(_, count)| count > 0) {
            state.away.insert(secret, (now + window, unacked));
            state.order.push_back((now + window, secret));
        }
    }

    /// Removes a client that has resumed its session: it has confirmed some deliveries, and receives the others again.
    pub(super) fn resume(&self, secret: Id) {
        let mut state = self.lock();
        if let Some((_, unacked)) = state.away.remove(&secret) {
            state.resumed.add_all(unacked.iter());
        }
    }

    /// The deliveries whose clients did not return in time, and the deliveries that were settled by a resumed session.
    pub fn settled(&self, now: Instant) -> (CountsByKind, CountsByKind) {
        let mut state = self.lock();
        state.expire(now);
        (state.expired.clone(), state.resumed.clone())
    }

    fn lock(&self) -> MutexGuard<'_, UnackedState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnackedState {
    fn expire(&mut self, now: Instant) {
        while let Some((until, secret)) = self.order.front().copied().filter(|(until, _)| *until <= now) {
            self.order.pop_front();
            // The client may have resumed its session and disconnected again.
            if self.away.get(&secret).is_some_and(|(due, _)| *due == until)
                && let Some((_, unacked)) = self.away.remove(&secret)
            {
                self.expired.add_all(unacked.iter());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unacked_deliveries_expire_at_the_end_of_the_window() {
        let (deliveries, start, window) = (UnackedDeliveries::default(), Instant::now(), Duration::from_secs(120));
        let ids = ["AAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBA"].map(|text| Id::parse(text).unwrap());
        let unacked = |count| {
            let mut kinds = CountsByKind::default();
            kinds.add_all([(1, count)]);
            kinds
        };
        let sums = |after| {
            let (expired, resumed) = deliveries.settled(start + Duration::from_secs(after));
            [expired, resumed].map(|kinds| kinds.iter().map(|(_, count)| count).sum::<u64>())
        };
        deliveries.add(ids[0], unacked(3), start, window);
        deliveries.add(ids[1], unacked(5), start, window);
        assert_eq!(sums(119), [0, 0]);
        deliveries.resume(ids[1]);
        deliveries.add(ids[1], unacked(7), start + Duration::from_secs(60), window);
        assert_eq!(sums(120), [3, 5]);
        assert_eq!(sums(179), [3, 5]);
        assert_eq!(sums(180), [10, 5]);
    }
}
