//! Recent presence events, for replay to clients that reconnect. They are not persisted.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::ids::{Timestamp, UserId};

/// The bound on the size of the history: a change counts one, and one more for each user in [`Recipients::Only`] or [`Recipients::AllBut`].
const MAX_CHANGES: usize = 65_536;

/// The most changes that are replayed to one client: the newest.
pub const MAX_REPLAYED: usize = 1000;

/// The size of a change for everyone, so that at most [`MAX_REPLAYED`] of these changes are kept.
const MAX_BROADCASTS: usize = MAX_CHANGES / MAX_REPLAYED;

/// A change that excludes more users is not kept: it would displace the changes of very many other users.
const MAX_EXCLUDED: usize = MAX_CHANGES / 64;

/// The most changes that are examined for one client, under the lock.
const MAX_EXAMINED: usize = 8 * MAX_REPLAYED;

/// The newest change of each user within the window, with its message and its recipients.
#[derive(Debug)]
pub struct PresenceHistory<T> {
    /// The longest time that a client may be disconnected, in seconds.
    window: i64,
    /// The longest time until a silent connection counts as closed, in seconds.
    silence: i64,
    /// Hashes user ids. The hash has a random seed, so a client cannot produce two ids with the same hash.
    marks: RandomState,
    state: Mutex<HistoryState<T>>,
}

#[derive(Debug)]
struct HistoryState<T> {
    /// In the order in which they were sent.
    changes: BTreeMap<u64, Change<T>>,
    newest: HashMap<UserId, u64>,
    last: u64,
    /// The sum of the sizes of `changes`.
    size: usize,
}

#[derive(Debug)]
struct Change<T> {
    at: Timestamp,
    user: UserId,
    message: T,
    /// The hashes of the users' ids, sorted.
    recipients: Recipients<Box<[u64]>>,
}

/// The users who receive a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recipients<T> {
    /// All users.
    Everyone,
    /// All users but these.
    AllBut(T),
    /// These users.
    Only(T),
}

impl<T> Recipients<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Recipients<U> {
        match self {
            Self::Everyone => Recipients::Everyone,
            Self::AllBut(users) => Recipients::AllBut(change(users)),
            Self::Only(users) => Recipients::Only(change(users)),
        }
    }
}

impl Recipients<Box<[u64]>> {
    fn include(&self, mark: u64) -> bool {
        match self {
            Self::Everyone => true,
            Self::AllBut(marks) => marks.binary_search(&mark).is_err(),
            Self::Only(marks) => marks.binary_search(&mark).is_ok(),
        }
    }
}

impl<T> Change<T> {
    fn size(&self) -> usize {
        match &self.recipients {
            Recipients::Everyone => MAX_BROADCASTS,
            Recipients::AllBut(marks) => MAX_BROADCASTS + marks.len(),
            Recipients::Only(marks) => 1 + marks.len(),
        }
    }
}

impl<T: Clone> PresenceHistory<T> {
    /// An empty history. `window`: the longest time that a client may be disconnected. `silence`: the longest time until a silent
    /// connection counts as closed.
    pub fn new(window: Duration, silence: Duration) -> Self {
        let seconds = |time: Duration| time.as_secs_f64().ceil() as i64;
        let state = HistoryState { changes: BTreeMap::new(), newest: HashMap::new(), last: 0, size: 0 };
        Self { window: seconds(window), silence: seconds(silence), marks: RandomState::new(), state: Mutex::new(state) }
    }

    /// Notes a change of a user's presence. Called before the change is sent, so that a user who connects at that moment receives it twice
    /// and not never. A change without recipients is not kept, but it makes the user's earlier change void.
    pub fn record(&self, user: &UserId, message: T, to: Recipients<&[UserId]>, now: Timestamp) {
        let recipients = to.map(|users| {
            let mut marks: Box<[u64]> = users.iter().map(|user| self.marks.hash_one(user)).collect();
            marks.sort_unstable();
            marks
        });
        let mut state = self.lock();
        state.forget_before(now.minus_seconds(self.window.saturating_add(self.silence)));
        state.forget(user);
        let has_recipients = match &recipients {
            Recipients::Everyone => true,
            Recipients::AllBut(marks) => marks.len() <= MAX_EXCLUDED,
            Recipients::Only(marks) => !marks.is_empty(),
        };
        if has_recipients {
            state.put(Change { at: now, user: user.clone(), message, recipients });
        }
    }

    /// The changes that a user may have missed whose connection was found closed at `left_at`, in the order in which they were sent: the
    /// newest [`MAX_REPLAYED`]. They are not persisted events: a client that misses a change receives the next one.
    pub fn since(&self, left_at: Timestamp, user: &UserId) -> Vec<T> {
        let (from, mark) = (left_at.minus_seconds(self.silence), self.marks.hash_one(user));
        let state = self.lock();
        let receives = |change: &&Change<T>| change.recipients.include(mark);
        let changes = state.changes.values().rev().take(MAX_EXAMINED).take_while(|change| change.at >= from).filter(receives);
        let mut message: Vec<T> = changes.take(MAX_REPLAYED).map(|change| change.message.clone()).collect();
        message.reverse();
        message
    }

    fn lock(&self) -> MutexGuard<'_, HistoryState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> HistoryState<T> {
    fn put(&mut self, change: Change<T>) {
        self.last += 1;
        self.newest.insert(change.user.clone(), self.last);
        self.size += change.size();
        self.changes.insert(self.last, change);
        while self.size > MAX_CHANGES {
            self.drop_oldest();
        }
    }

    fn forget(&mut self, user: &UserId) {
        if let Some(change) = self.newest.remove(user).and_then(|number| self.changes.remove(&number)) {
            self.size -= change.size();
        }
    }

    fn forget_before(&mut self, time: Timestamp) {
        while self.changes.first_key_value().is_some_and(|(_, oldest)| oldest.at < time) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, oldest)) = self.changes.pop_first() {
            self.newest.remove(&oldest.user);
            self.size -= oldest.size();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: i64 = 120;
    const SILENCE: i64 = 45;

    fn history() -> PresenceHistory<&'static str> {
        PresenceHistory::new(Duration::from_secs(WINDOW as u64), Duration::from_secs(SILENCE as u64))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp(second * 1_000_000)
    }

    fn user(name: &str) -> UserId {
        UserId::new(name)
    }

    #[test]
    fn a_client_receives_the_newest_change_of_each_user() {
        let history = history();
        history.record(&user("anna"), "anna online", Recipients::Everyone, at(1000));
        history.record(&user("ben"), "ben online", Recipients::Everyone, at(1001));
        history.record(&user("carl"), "carl offline", Recipients::Everyone, at(1050));
        history.record(&user("anna"), "anna offline", Recipients::Everyone, at(1060));
        assert_eq!(history.since(at(1047), &user("dora")), ["carl offline", "anna offline"]);
        assert_eq!(
            history.since(at(1046), &user("dora")),
            ["ben online", "carl offline", "anna offline"],
            "the server noticed the disconnect late"
        );
        assert!(history.since(at(1060 + SILENCE + 1), &user("dora")).is_empty());
    }

    #[test]
    fn only_recipients_of_a_change_receive_it_later() {
        let history = history();
        history.record(&user("anna"), "anna online", Recipients::Only(&[user("dora"), user("ben")]), at(1000));
        history.record(&user("carl"), "carl online", Recipients::Only(&[user("emil")]), at(1000));
        assert_eq!(history.since(at(1000), &user("dora")), ["anna online"]);
        assert!(history.since(at(1000), &user("anna")).is_empty());
    }

    #[test]
    fn an_excepted_user_does_not_receive_the_change_later() {
        let history = history();
        history.record(&user("anna"), "anna online", Recipients::AllBut(&[user("dora"), user("ben")]), at(1000));
        history.record(&user("carl"), "carl online", Recipients::Everyone, at(1000));
        assert_eq!(history.since(at(1000), &user("dora")), ["carl online"]);
        assert_eq!(history.since(at(1000), &user("emil")), ["anna online", "carl online"]);
        assert_eq!(history.lock().size, 2 * MAX_BROADCASTS + 2);
    }

    #[test]
    fn a_change_without_recipients_voids_the_earlier_one() {
        let history = history();
        history.record(&user("anna"), "anna online", Recipients::Only(&[user("dora")]), at(1000));
        history.record(&user("ben"), "ben online", Recipients::Only(&[user("dora")]), at(1000));
        history.record(&user("anna"), "anna offline", Recipients::Only(&[]), at(1001));
        assert_eq!(history.since(at(1001), &user("dora")), ["ben online"]);
        let state = history.lock();
        assert_eq!((state.changes.len(), state.newest.len(), state.size), (1, 1, 2));
    }

    #[test]
    fn changes_older_than_the_window_are_dropped() {
        let history = history();
        history.record(&user("anna"), "anna online", Recipients::Only(&[user("dora")]), at(1000));
        history.record(&user("ben"), "ben online", Recipients::Only(&[user("dora")]), at(1000 + WINDOW + SILENCE + 1));
        let state = history.lock();
        assert_eq!((state.changes.len(), state.newest.len(), state.size), (1, 1, 2));
    }

    #[test]
    fn the_newest_changes_are_kept_when_the_history_is_full() {
        let history = history();
        let many: Vec<UserId> = (0..1000).map(|number| user(&number.to_string())).collect();
        for number in 0..100 {
            history.record(&user(&format!("user {number}")), "online", Recipients::Only(&many), at(1000 + number));
        }
        assert_eq!(history.since(at(1000), &many[0]).len(), MAX_CHANGES / 1001);
        assert!(history.lock().size <= MAX_CHANGES);
    }

    #[test]
    fn a_client_receives_at_most_the_newest_changes() {
        let history: PresenceHistory<usize> = PresenceHistory::new(Duration::from_secs(WINDOW as u64), Duration::from_secs(SILENCE as u64));
        for number in 0..3 * MAX_REPLAYED {
            history.record(&user(&number.to_string()), number, Recipients::Everyone, at(1000 + number as i64 / 100));
        }
        let newest: Vec<usize> = (2 * MAX_REPLAYED..3 * MAX_REPLAYED).collect();
        assert_eq!(history.since(at(1000), &user("dora")), newest);
        assert!(history.lock().changes.len() < MAX_REPLAYED + MAX_REPLAYED / 10, "changes that no client can receive are dropped");
    }
}
