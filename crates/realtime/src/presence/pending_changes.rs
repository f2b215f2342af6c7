//! Changes of users' presence (online or offline), gathered until they are sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::event::EphemeralEvent;
use domain::ids::UserId;

/// The most changes that one round sends.
const MAX_PER_ROUND: usize = 1000;

/// Changes of presence that are not sent yet: the newest of each user, so never more than there are users.
///
/// They are sent in rounds, one at a time, so that the last change of a user is sent last.
#[derive(Debug, Default)]
pub struct PendingChanges(Mutex<ChangesState>);

#[derive(Debug, Default)]
struct ChangesState {
    newest: HashMap<UserId, Arc<EphemeralEvent>>,
    /// True from the time that a round is requested until a round ends with no change left.
    under_way: bool,
}

impl PendingChanges {
    /// Gathers a presence change; other events are ignored. True if the caller must start a round for it.
    pub fn add(&self, ephemeral: Arc<EphemeralEvent>) -> bool {
        let Some(user) = user_of(&ephemeral) else { return false };
        let mut gathered = self.lock();
        gathered.newest.insert(user.clone(), ephemeral);
        !std::mem::replace(&mut gathered.under_way, true)
    }

    /// Changes the connection id in a user's online event. An event that is sent already stays as it is.
    pub fn rename(&self, user: &UserId, from: &str, to: &str) {
        if let Some(ephemeral) = self.lock().newest.get_mut(user)
            && matches!(&**ephemeral, EphemeralEvent::Online { connection, .. } if connection == from)
        {
            *ephemeral = EphemeralEvent::Online { user: user.clone(), connection: to.to_owned() }.into();
        }
    }

    /// Begins a round and returns its changes. When thousands of users connect or disconnect at once, the changes are sent in parts: all at
    /// once might exceed the limit of an outbox.
    pub fn begin(&self) -> Vec<Arc<EphemeralEvent>> {
        let newest = &mut self.lock().newest;
        if newest.len() <= MAX_PER_ROUND {
            return std::mem::take(newest).into_values().collect();
        }
        let some: Vec<UserId> = newest.keys().take(MAX_PER_ROUND).cloned().collect();
        some.iter().filter_map(|user| newest.remove(user)).collect()
    }

    /// Ends a round. The changes that it could not send wait for the next, unless there is a newer one of the same user. True if the caller
    /// must start another round.
    pub fn end(&self, unsent: impl IntoIterator<Item = Arc<EphemeralEvent>>) -> bool {
        let mut gathered = self.lock();
        for ephemeral in unsent {
            if let Some(user) = user_of(&ephemeral) {
                gathered.newest.entry(user.clone()).or_insert(ephemeral);
            }
        }
        gathered.under_way = !gathered.newest.is_empty();
        gathered.under_way
    }

    fn lock(&self) -> MutexGuard<'_, ChangesState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The user whose presence changed.
pub fn user_of(ephemeral: &EphemeralEvent) -> Option<&UserId> {
    match ephemeral {
        EphemeralEvent::Online { user, .. } | EphemeralEvent::Offline { user } => Some(user),
        EphemeralEvent::RoomJoined { .. }
        | EphemeralEvent::RoomLeft { .. }
        | EphemeralEvent::Typing { .. }
        | EphemeralEvent::StoppedTyping { .. }
        | EphemeralEvent::Emitted { .. }
        | EphemeralEvent::Disconnected { .. }
        | EphemeralEvent::Announced { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn online(user: &str) -> Arc<EphemeralEvent> {
        EphemeralEvent::Online { user: UserId::new(user), connection: String::new() }.into()
    }

    fn offline(user: &str) -> Arc<EphemeralEvent> {
        EphemeralEvent::Offline { user: UserId::new(user) }.into()
    }

    #[test]
    fn the_newest_change_of_each_user_is_sent() {
        let changes = PendingChanges::default();
        assert!(changes.add(online("anna")));
        assert!(!changes.add(online("ben")), "the round is scheduled already");
        assert!(!changes.add(offline("anna")));
        let mut sent = changes.begin();
        sent.sort_by_key(|ephemeral| user_of(ephemeral).cloned());
        assert_eq!(sent, [offline("anna"), online("ben")]);
        assert!(!changes.end([]));
        assert!(changes.add(online("anna")));
    }

    #[test]
    fn a_renamed_connection_is_sent_with_its_new_id() {
        let known_by = |id: &str| Arc::new(EphemeralEvent::Online { user: UserId::new("anna"), connection: id.to_owned() });
        let changes = PendingChanges::default();
        changes.add(known_by("new"));
        changes.add(offline("ben"));
        for (user, from, to) in [("anna", "new", "old"), ("anna", "new", "another"), ("ben", "new", "old"), ("carl", "new", "old")] {
            changes.rename(&UserId::new(user), from, to);
        }
        let mut sent = changes.begin();
        sent.sort_by_key(|ephemeral| user_of(ephemeral).cloned());
        assert_eq!(sent, [known_by("old"), offline("ben")]);
    }

    #[test]
    fn many_changes_are_sent_in_parts() {
        let changes = PendingChanges::default();
        let users: Vec<String> = (0..2 * MAX_PER_ROUND + 1).map(|number| number.to_string()).collect();
        for user in &users {
            changes.add(online(user));
        }
        let mut sent = Vec::new();
        for (some, is_last) in [(MAX_PER_ROUND, false), (MAX_PER_ROUND, false), (1, true)] {
            let round = changes.begin();
            assert_eq!(round.len(), some);
            sent.extend(round.iter().filter_map(|ephemeral| user_of(ephemeral).cloned()));
            assert_eq!(changes.end([]), !is_last);
        }
        sent.sort();
        sent.dedup();
        assert_eq!(sent.len(), users.len());
    }

    #[test]
    fn the_next_round_waits_for_the_end_of_this_one() {
        let changes = PendingChanges::default();
        assert!(changes.add(online("anna")));
        assert_eq!(changes.begin(), [online("anna")]);
        assert!(!changes.add(offline("anna")), "the first round is still running");
        assert!(changes.end([]), "the next round must start");
        assert_eq!(changes.begin(), [offline("anna")]);
        assert!(!changes.end([]));
    }

    #[test]
    fn an_unsent_change_is_sent_later_unless_it_is_outdated() {
        let changes = PendingChanges::default();
        changes.add(online("anna"));
        changes.add(online("ben"));
        let unsent = changes.begin();
        changes.add(offline("anna"));
        assert!(changes.end(unsent));
        let mut sent = changes.begin();
        sent.sort_by_key(|ephemeral| user_of(ephemeral).cloned());
        assert_eq!(sent, [offline("anna"), online("ben")]);
    }
}
