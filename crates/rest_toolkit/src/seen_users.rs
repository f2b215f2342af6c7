//! The users who were loaded recently, so that a query need not write.
//!
//! A user is created at the first request with a token, and a token may carry a membership. A command creates the user in its own
//! transaction. A query cannot, because it runs on a reader. So before a query the writer loads or creates the user, unless it has done so
//! with the same claims within the last minute, or second if there are several nodes. That time bounds the effect of changes elsewhere: a user
//! who was deleted is created again after at most this time.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::ids::{Timestamp, UserId};

use super::Caller;

/// The most users that are kept; above it, all are removed, and each is loaded once more.
const MAX_USERS: usize = 65_536;

/// How long a user is kept, in seconds.
const TTL_SECONDS: i64 = 60;

/// The same for one of several nodes. Another node may have deleted the user.
const NODE_TTL_SECONDS: i64 = 1;

/// The users, each with a digest of the claims, and the time.
pub(super) struct SeenUsers {
    hasher: RandomState,
    users: Mutex<HashMap<UserId, (u64, Timestamp)>>,
    ttl_seconds: i64,
}

impl SeenUsers {
    /// No users. `is_node`: whether other nodes change the same users.
    pub fn new(is_node: bool) -> Self {
        let ttl_seconds = if is_node { NODE_TTL_SECONDS } else { TTL_SECONDS };
        Self { hasher: RandomState::default(), users: Mutex::default(), ttl_seconds }
    }

    /// Whether this caller was loaded with the same claims within the last minute, or the last second on one of several nodes.
    pub fn contains(&self, caller: &Caller, now: Timestamp) -> bool {
        let digest = self.digest(caller);
        let seen_users = self.users().get(&caller.actor.user).copied();
        seen_users.is_some_and(|(claims, at)| claims == digest && at > now.minus_seconds(self.ttl_seconds))
    }

    /// Notes that a caller was loaded.
    pub fn insert(&self, caller: &Caller, now: Timestamp) {
        let digest = self.digest(caller);
        let mut users = self.users();
        if users.len() >= MAX_USERS {
            users.clear();
        }
        users.insert(caller.actor.user.clone(), (digest, now));
    }

    /// Removes a user who is no longer stored.
    pub fn remove(&self, user: &UserId) {
        self.users().remove(user);
    }

    fn digest(&self, caller: &Caller) -> u64 {
        let claims = &caller.claims;
        self.hasher.hash_one((&claims.name, &claims.username, &claims.email, &claims.household, claims.issued_at))
    }

    fn users(&self) -> MutexGuard<'_, HashMap<UserId, (u64, Timestamp)>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use domain::command::Actor;
    use domain::users::Claims;

    use super::*;

    const NOW: Timestamp = Timestamp(1_763_035_200_000_000);

    fn caller(name: &str) -> Caller {
        let claims = Claims { name: Some(name.to_owned()), ..Claims::default() };
        Caller { actor: Actor { user: UserId::new("alice"), admin: false }, claims }
    }

    #[test]
    fn a_user_is_loaded_again_after_new_claims_a_minute_or_removal() {
        let seen_users = SeenUsers::new(false);
        assert!(!seen_users.contains(&caller("Alice"), NOW));
        seen_users.insert(&caller("Alice"), NOW);
        assert!(seen_users.contains(&caller("Alice"), NOW));
        assert!(!seen_users.contains(&caller("Alicia"), NOW));
        assert!(seen_users.contains(&caller("Alice"), Timestamp(NOW.0 + 59_000_000)));
        assert!(!seen_users.contains(&caller("Alice"), Timestamp(NOW.0 + 60_000_000)));
        seen_users.remove(&UserId::new("alice"));
        assert!(!seen_users.contains(&caller("Alice"), NOW));
        let on_node = SeenUsers::new(true);
        on_node.insert(&caller("Alice"), NOW);
        assert!(!on_node.contains(&caller("Alice"), Timestamp(NOW.0 + 1_000_000)), "another node may have deleted the user");
    }
}
