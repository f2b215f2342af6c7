//! What was told lately of who is online: for those who were away meanwhile, for it is stored nowhere.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::event::Signal;
use domain::names::{PersonId, Timestamp};

use super::changes::person_of;

/// How much is kept: a change counts one, and one more for each of those who alone were told of it.
const MOST: usize = 65_536;

/// The most changes that one client is told.
const MOST_AT_ONCE: usize = 1000;

/// The newest change of each person that was told lately, with those who were told.
#[derive(Debug)]
pub struct Told {
    /// How long one may have been away, in seconds.
    window: i64,
    /// How long it may take until it is seen that a client hears nothing any more, in seconds.
    silence: i64,
    /// What makes marks of people; nobody outside can tell whose are alike.
    marks: RandomState,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// In the order in which they were told.
    changes: BTreeMap<u64, Change>,
    newest: HashMap<PersonId, u64>,
    last: u64,
    /// What `changes` count together.
    size: usize,
    /// When the newest of those was told that there was no room for.
    dropped: Option<Timestamp>,
}

#[derive(Debug)]
struct Change {
    at: Timestamp,
    person: PersonId,
    signal: Arc<Signal>,
    /// The marks of those who were told, in order; `None` if that is everybody.
    hearers: Option<Box<[u64]>>,
}

impl Change {
    fn size(&self) -> usize {
        1 + self.hearers.as_ref().map_or(0, |hearers| hearers.len())
    }
}

impl Told {
    /// Inputs: how long a client may have been away that comes back, and how long it may have heard nothing before that is seen.
    pub fn new(window: Duration, silence: Duration) -> Self {
        let seconds = |time: Duration| time.as_secs_f64().ceil() as i64;
        Self { window: seconds(window), silence: seconds(silence), marks: RandomState::new(), state: Mutex::default() }
    }

    /// A change is told now: to these people, or to everybody. Called before it is told, so that whoever comes just then hears it twice and not never.
    pub fn note(&self, signal: &Arc<Signal>, to: Option<&[PersonId]>, now: Timestamp) {
        let Some(person) = person_of(signal).cloned() else { return };
        let hearers = to.map(|people| {
            let mut marks: Box<[u64]> = people.iter().map(|person| self.marks.hash_one(person)).collect();
            marks.sort_unstable();
            marks
        });
        let mut state = self.lock();
        state.forget_before(now.minus_seconds(self.window.saturating_add(self.silence)));
        state.put(Change { at: now, person, signal: signal.clone(), hearers });
    }

    /// What a person whose connection was seen to end then may not have heard, in the order in which it was told. `None` if that is not known any
    /// more, or too much.
    pub fn since(&self, left_at: Timestamp, person: &PersonId) -> Option<Vec<Arc<Signal>>> {
        let (from, mark) = (left_at.minus_seconds(self.silence), self.marks.hash_one(person));
        let state = self.lock();
        if state.dropped.is_some_and(|dropped| dropped >= from) {
            return None;
        }
        let hears = |change: &&Change| change.hearers.as_ref().is_none_or(|hearers| hearers.binary_search(&mark).is_ok());
        let changes = state.changes.values().rev().take_while(|change| change.at >= from).filter(hears);
        let mut signals: Vec<_> = changes.take(MOST_AT_ONCE + 1).map(|change| change.signal.clone()).collect();
        signals.reverse();
        (signals.len() <= MOST_AT_ONCE).then_some(signals)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, change: Change) {
        self.last += 1;
        if let Some(older) = self.newest.insert(change.person.clone(), self.last)
            && let Some(older) = self.changes.remove(&older)
        {
            self.size -= older.size();
        }
        self.size += change.size();
        self.changes.insert(self.last, change);
        while self.size > MOST
            && let Some(oldest) = self.drop_oldest()
        {
            self.dropped = Some(oldest.at);
        }
    }

    fn forget_before(&mut self, time: Timestamp) {
        while self.changes.first_key_value().is_some_and(|(_, oldest)| oldest.at < time) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) -> Option<Change> {
        let (_, oldest) = self.changes.pop_first()?;
        self.newest.remove(&oldest.person);
        self.size -= oldest.size();
        Some(oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: i64 = 120;
    const SILENCE: i64 = 45;

    fn told() -> Told {
        Told::new(Duration::from_secs(WINDOW as u64), Duration::from_secs(SILENCE as u64))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp(second * 1_000_000)
    }

    fn person(name: &str) -> PersonId {
        PersonId::new(name)
    }

    fn online(name: &str) -> Arc<Signal> {
        Signal::Online { person: person(name), connection: String::new() }.into()
    }

    fn offline(name: &str) -> Arc<Signal> {
        Signal::Offline { person: person(name) }.into()
    }

    #[test]
    fn whoever_was_away_is_told_the_newest_of_each_person_whose_presence_changed() {
        let told = told();
        told.note(&online("anna"), None, at(1000));
        told.note(&online("ben"), None, at(1001));
        told.note(&offline("carl"), None, at(1050));
        told.note(&offline("anna"), None, at(1060));
        assert_eq!(told.since(at(1047), &person("dora")), Some(vec![offline("carl"), offline("anna")]));
        assert_eq!(
            told.since(at(1046), &person("dora")),
            Some(vec![online("ben"), offline("carl"), offline("anna")]),
            "it was not seen at once"
        );
        assert_eq!(told.since(at(1060 + SILENCE + 1), &person("dora")), Some(vec![]));
    }

    #[test]
    fn only_those_who_were_told_are_told_again() {
        let told = told();
        told.note(&online("anna"), Some(&[person("dora"), person("ben")]), at(1000));
        told.note(&online("carl"), Some(&[person("emil")]), at(1000));
        assert_eq!(told.since(at(1000), &person("dora")), Some(vec![online("anna")]));
        assert_eq!(told.since(at(1000), &person("anna")), Some(vec![]));
    }

    #[test]
    fn what_nobody_can_have_missed_who_may_come_back_is_forgotten() {
        let told = told();
        told.note(&online("anna"), Some(&[person("dora")]), at(1000));
        told.note(&online("ben"), None, at(1000 + WINDOW + SILENCE + 1));
        let state = told.lock();
        assert_eq!((state.changes.len(), state.newest.len(), state.size, state.dropped), (1, 1, 1, None));
    }

    #[test]
    fn what_there_was_no_room_for_is_not_known_to_those_who_may_have_missed_it() {
        let told = told();
        let many: Vec<PersonId> = (0..1000).map(|number| person(&number.to_string())).collect();
        for number in 0..100 {
            told.note(&online(&format!("person {number}")), Some(&many), at(1000 + number));
        }
        assert!(told.lock().size <= MOST);
        let kept = told.lock().changes.len() as i64;
        let oldest = 1000 + 100 - kept;
        assert_eq!(told.since(at(oldest + SILENCE), &many[0]).map(|signals| signals.len() as i64), Some(kept));
        assert_eq!(told.since(at(oldest + SILENCE - 1), &many[0]), None);
    }

    #[test]
    fn more_than_a_client_can_take_at_once_is_not_told() {
        let told = told();
        for number in 0..=MOST_AT_ONCE {
            told.note(&online(&number.to_string()), None, at(1000 + number as i64 / 100));
        }
        assert_eq!(told.since(at(1000 + SILENCE), &person("dora")), None);
        assert_eq!(told.since(at(1001 + SILENCE), &person("dora")).map(|signals| signals.len()), Some(MOST_AT_ONCE + 1 - 100));
    }
}
