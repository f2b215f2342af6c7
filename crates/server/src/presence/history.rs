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

/// A change that excepts more users is not kept: it would take the place of the changes of very many other users.
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
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
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
    said: T,
    /// The hashes of the users' ids, sorted.
    hearers: Recipients<Box<[u64]>>,
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
        match &self.hearers {
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
        let state = State { changes: BTreeMap::new(), newest: HashMap::new(), last: 0, size: 0 };
        Self { window: seconds(window), silence: seconds(silence), marks: RandomState::new(), state: Mutex::new(state) }
    }

    /// Notes a change of a user's presence. Called before the change is sent, so that a user who connects at that moment receives it twice and not
    /// never. A change without recipients is not kept, but it makes the user's earlier change void.
    pub fn record(&self, user: &UserId, said: T, to: Recipients<&[UserId]>, now: Timestamp) {
        let hearers = to.map(|users| {
            let mut marks: Box<[u64]> = users.iter().map(|user| self.marks.hash_one(user)).collect();
            marks.sort_unstable();
            marks
        });
        let mut state = self.lock();
        state.forget_before(now.minus_seconds(self.window.saturating_add(self.silence)));
        state.forget(user);
        let is_kept = match &hearers {
            Recipients::Everyone => true,
            Recipients::AllBut(marks) => marks.len() <= MAX_EXCLUDED,
            Recipients::Only(marks) => !marks.is_empty(),
        };
        if is_kept {
            state.put(Change { at: now, user: user.clone(), said, hearers });
        }
    }

    /// The changes that a user may have missed whose connection was found closed at `left_at`, in the order in which they were sent: the
    /// newest [`MAX_REPLAYED`]. They are not persisted events: a client that misses a change receives the next one.
    pub fn since(&self, left_at: Timestamp, user: &UserId) -> Vec<T> {
        let (from, mark) = (left_at.minus_seconds(self.silence), self.marks.hash_one(user));
        let state = self.lock();
        let hears = |change: &&Change<T>| change.hearers.include(mark);
        let changes = state.changes.values().rev().take(MAX_EXAMINED).take_while(|change| change.at >= from).filter(hears);
        let mut said: Vec<T> = changes.take(MAX_REPLAYED).map(|change| change.said.clone()).collect();
        said.reverse();
        said
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
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

    fn told() -> PresenceHistory<&'static str> {
        PresenceHistory::new(Duration::from_secs(WINDOW as u64), Duration::from_secs(SILENCE as u64))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp(second * 1_000_000)
    }

    fn user(name: &str) -> UserId {
        UserId::new(name)
    }

    #[test]
    fn whoever_was_away_is_told_the_newest_of_each_person_whose_presence_changed() {
        let told = told();
        told.record(&user("anna"), "anna comes", Recipients::Everyone, at(1000));
        told.record(&user("ben"), "ben comes", Recipients::Everyone, at(1001));
        told.record(&user("carl"), "carl goes", Recipients::Everyone, at(1050));
        told.record(&user("anna"), "anna goes", Recipients::Everyone, at(1060));
        assert_eq!(told.since(at(1047), &user("dora")), ["carl goes", "anna goes"]);
        assert_eq!(told.since(at(1046), &user("dora")), ["ben comes", "carl goes", "anna goes"], "it was not seen at once");
        assert!(told.since(at(1060 + SILENCE + 1), &user("dora")).is_empty());
    }

    #[test]
    fn only_those_who_were_told_are_told_again() {
        let told = told();
        told.record(&user("anna"), "anna comes", Recipients::Only(&[user("dora"), user("ben")]), at(1000));
        told.record(&user("carl"), "carl comes", Recipients::Only(&[user("emil")]), at(1000));
        assert_eq!(told.since(at(1000), &user("dora")), ["anna comes"]);
        assert!(told.since(at(1000), &user("anna")).is_empty());
    }

    #[test]
    fn an_excepted_user_does_not_receive_the_change_later() {
        let told = told();
        told.record(&user("anna"), "anna comes", Recipients::AllBut(&[user("dora"), user("ben")]), at(1000));
        told.record(&user("carl"), "carl comes", Recipients::Everyone, at(1000));
        assert_eq!(told.since(at(1000), &user("dora")), ["carl comes"]);
        assert_eq!(told.since(at(1000), &user("emil")), ["anna comes", "carl comes"]);
        assert_eq!(told.lock().size, 2 * MAX_BROADCASTS + 2);
    }

    #[test]
    fn what_nobody_was_told_is_not_kept_and_makes_void_what_was_told_before() {
        let told = told();
        told.record(&user("anna"), "anna comes", Recipients::Only(&[user("dora")]), at(1000));
        told.record(&user("ben"), "ben comes", Recipients::Only(&[user("dora")]), at(1000));
        told.record(&user("anna"), "anna goes", Recipients::Only(&[]), at(1001));
        assert_eq!(told.since(at(1001), &user("dora")), ["ben comes"]);
        let state = told.lock();
        assert_eq!((state.changes.len(), state.newest.len(), state.size), (1, 1, 2));
    }

    #[test]
    fn what_nobody_can_have_missed_who_may_come_back_is_forgotten() {
        let told = told();
        told.record(&user("anna"), "anna comes", Recipients::Only(&[user("dora")]), at(1000));
        told.record(&user("ben"), "ben comes", Recipients::Only(&[user("dora")]), at(1000 + WINDOW + SILENCE + 1));
        let state = told.lock();
        assert_eq!((state.changes.len(), state.newest.len(), state.size), (1, 1, 2));
    }

    #[test]
    fn of_what_there_is_no_room_for_the_newest_is_kept() {
        let told = told();
        let many: Vec<UserId> = (0..1000).map(|number| user(&number.to_string())).collect();
        for number in 0..100 {
            told.record(&user(&format!("person {number}")), "comes", Recipients::Only(&many), at(1000 + number));
        }
        assert_eq!(told.since(at(1000), &many[0]).len(), MAX_CHANGES / 1001);
        assert!(told.lock().size <= MAX_CHANGES);
    }

    #[test]
    fn of_more_than_a_client_can_take_at_once_the_newest_is_told() {
        let told: PresenceHistory<usize> = PresenceHistory::new(Duration::from_secs(WINDOW as u64), Duration::from_secs(SILENCE as u64));
        for number in 0..3 * MAX_REPLAYED {
            told.record(&user(&number.to_string()), number, Recipients::Everyone, at(1000 + number as i64 / 100));
        }
        let newest: Vec<usize> = (2 * MAX_REPLAYED..3 * MAX_REPLAYED).collect();
        assert_eq!(told.since(at(1000), &user("dora")), newest);
        assert!(told.lock().changes.len() < MAX_REPLAYED + MAX_REPLAYED / 10, "nobody is told the others");
    }
}
