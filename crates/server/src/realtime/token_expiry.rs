//! Deadlines of connections that end with their tokens. Plain data: the caller passes the time.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use domain::ids::Timestamp;

/// How long before the end of its token a connection receives a notice.
pub const EXPIRY_NOTICE: Duration = Duration::from_secs(60);

/// The connections that end with their tokens. Other connections have no entry.
#[derive(Debug)]
pub(super) struct TokenExpiryQueue<K> {
    held: HashMap<K, TokenDeadline>,
    /// The next check of each connection.
    due: BTreeSet<(Timestamp, K)>,
}

#[derive(Clone, Copy, Debug)]
struct TokenDeadline {
    ends: Timestamp,
    next: Timestamp,
}

/// A deadline that has passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// The token expires soon, at this time.
    Expiring(Timestamp),
    /// The token has expired.
    Ended,
}

impl<K> Default for TokenExpiryQueue<K> {
    fn default() -> Self {
        Self { held: HashMap::new(), due: BTreeSet::new() }
    }
}

impl<K: Copy + Ord + std::hash::Hash> TokenExpiryQueue<K> {
    /// Sets the expiry of a connection's token, in place of an earlier one. The connection is due [`EXPIRY_NOTICE`] before, and at the expiry.
    pub fn track(&mut self, key: K, ends: Timestamp) {
        self.untrack(key);
        let notice = i64::try_from(EXPIRY_NOTICE.as_micros()).unwrap_or(i64::MAX);
        self.put(key, TokenDeadline { ends, next: Timestamp(ends.0.saturating_sub(notice)) });
    }

    /// Removes a connection.
    pub fn untrack(&mut self, key: K) {
        if let Some(tenure) = self.held.remove(&key) {
            self.due.remove(&(tenure.next, key));
        }
    }

    /// The time of the next deadline.
    pub fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The next deadline that has passed. A connection whose token has expired is removed.
    pub fn pop(&mut self, now: Timestamp) -> Option<(K, Due)> {
        let (_, key) = *self.due.first().filter(|(at, _)| *at <= now)?;
        let TokenDeadline { ends, .. } = *self.held.get(&key)?;
        self.untrack(key);
        if ends <= now {
            return Some((key, Due::Ended));
        }
        self.put(key, TokenDeadline { ends, next: ends });
        Some((key, Due::Expiring(ends)))
    }

    fn put(&mut self, key: K, tenure: TokenDeadline) {
        self.held.insert(key, tenure);
        self.due.insert((tenure.next, key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(1_763_035_200_000_000 + seconds * 1_000_000)
    }

    #[test]
    fn the_notice_comes_a_minute_before_the_end_and_each_comes_once() {
        let mut tenures = TokenExpiryQueue::default();
        tenures.track("anna", at(900));
        assert_eq!((tenures.next(), tenures.pop(at(839))), (Some(at(840)), None));
        assert_eq!(tenures.pop(at(840)), Some(("anna", Due::Expiring(at(900)))));
        assert_eq!((tenures.next(), tenures.pop(at(899))), (Some(at(900)), None));
        assert_eq!(tenures.pop(at(900)), Some(("anna", Due::Ended)));
        assert_eq!((tenures.next(), tenures.pop(at(9000))), (None, None));
    }

    #[test]
    fn a_token_that_ends_within_the_minute_is_told_of_at_once_and_one_that_has_ended_is_not() {
        let mut tenures = TokenExpiryQueue::default();
        tenures.track("anna", at(30));
        tenures.track("ben", at(0));
        let mut come = [tenures.pop(at(0)), tenures.pop(at(0))];
        come.sort_by_key(|come| come.map(|(key, _)| key));
        assert_eq!(come, [Some(("anna", Due::Expiring(at(30)))), Some(("ben", Due::Ended))]);
        assert_eq!(tenures.pop(at(29)), None);
    }

    #[test]
    fn a_newer_token_takes_the_olders_place_and_who_is_released_is_forgotten() {
        let mut tenures = TokenExpiryQueue::default();
        for round in 1..=1000 {
            tenures.track("anna", at(round * 900));
            tenures.track("ben", at(round * 900));
        }
        tenures.untrack("ben");
        tenures.untrack("nobody");
        assert_eq!((tenures.held.len(), tenures.due.len()), (1, 1), "what was before is nowhere");
        assert_eq!(tenures.pop(at(899_999)), Some(("anna", Due::Expiring(at(900_000)))));
        tenures.track("anna", at(1_000_000));
        assert_eq!(tenures.pop(at(900_000)), None, "in time");
        assert_eq!(tenures.next(), Some(at(999_940)));
    }
}
