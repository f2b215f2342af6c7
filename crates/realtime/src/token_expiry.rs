//! Deadlines of connections that end with their tokens. Plain data: the caller passes the time.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use domain::ids::Timestamp;

/// How long before the end of its token a connection receives a notice.
pub const EXPIRY_NOTICE: Duration = Duration::from_secs(60);

/// The connections that end with their tokens. Other connections have no entry.
#[derive(Debug)]
pub(super) struct TokenExpiryQueue<K> {
    deadlines: HashMap<K, TokenDeadline>,
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
        Self { deadlines: HashMap::new(), due: BTreeSet::new() }
    }
}

impl<K: Copy + Ord + std::hash::Hash> TokenExpiryQueue<K> {
    /// Sets the expiry of a connection's token, in place of an earlier one. The connection is due [`EXPIRY_NOTICE`] before, and at the
    /// expiry.
    pub fn track(&mut self, key: K, ends: Timestamp) {
        self.untrack(key);
        let notice = i64::try_from(EXPIRY_NOTICE.as_micros()).unwrap_or(i64::MAX);
        self.put(key, TokenDeadline { ends, next: Timestamp(ends.0.saturating_sub(notice)) });
    }

    /// Removes a connection.
    pub fn untrack(&mut self, key: K) {
        if let Some(deadline) = self.deadlines.remove(&key) {
            self.due.remove(&(deadline.next, key));
        }
    }

    /// The time of the next deadline.
    pub fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The next deadline that has passed. A connection whose token has expired is removed.
    pub fn pop(&mut self, now: Timestamp) -> Option<(K, Due)> {
        let (_, key) = *self.due.first().filter(|(at, _)| *at <= now)?;
        let TokenDeadline { ends, .. } = *self.deadlines.get(&key)?;
        self.untrack(key);
        if ends <= now {
            return Some((key, Due::Ended));
        }
        self.put(key, TokenDeadline { ends, next: ends });
        Some((key, Due::Expiring(ends)))
    }

    fn put(&mut self, key: K, deadline: TokenDeadline) {
        self.deadlines.insert(key, deadline);
        self.due.insert((deadline.next, key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(1_763_035_200_000_000 + seconds * 1_000_000)
    }

    #[test]
    fn the_notice_is_sent_once_a_minute_before_the_expiry() {
        let mut queue = TokenExpiryQueue::default();
        queue.track("anna", at(900));
        assert_eq!((queue.next(), queue.pop(at(839))), (Some(at(840)), None));
        assert_eq!(queue.pop(at(840)), Some(("anna", Due::Expiring(at(900)))));
        assert_eq!((queue.next(), queue.pop(at(899))), (Some(at(900)), None));
        assert_eq!(queue.pop(at(900)), Some(("anna", Due::Ended)));
        assert_eq!((queue.next(), queue.pop(at(9000))), (None, None));
    }

    #[test]
    fn a_token_with_less_than_a_minute_is_due_immediately() {
        let mut queue = TokenExpiryQueue::default();
        queue.track("anna", at(30));
        queue.track("ben", at(0));
        let mut due = [queue.pop(at(0)), queue.pop(at(0))];
        due.sort_by_key(|due| due.map(|(key, _)| key));
        assert_eq!(due, [Some(("anna", Due::Expiring(at(30)))), Some(("ben", Due::Ended))]);
        assert_eq!(queue.pop(at(29)), None);
    }

    #[test]
    fn a_newer_token_replaces_the_deadline() {
        let mut queue = TokenExpiryQueue::default();
        for round in 1..=1000 {
            queue.track("anna", at(round * 900));
            queue.track("ben", at(round * 900));
        }
        queue.untrack("ben");
        queue.untrack("carl");
        assert_eq!((queue.deadlines.len(), queue.due.len()), (1, 1), "replaced deadlines take no memory");
        assert_eq!(queue.pop(at(899_999)), Some(("anna", Due::Expiring(at(900_000)))));
        queue.track("anna", at(1_000_000));
        assert_eq!(queue.pop(at(900_000)), None, "in time");
        assert_eq!(queue.next(), Some(at(999_940)));
    }
}
