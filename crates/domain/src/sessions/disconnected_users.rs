//! The users who were connected before a start of the server: other users may still see them as online, because no event has announced that they went
//! offline.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::model::{RoomId, RoomState, SessionRoom, Timestamp, User, UserId};
use crate::ports::StoreResult;

/// A user who had a resumable session before the start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DisconnectedUser {
    /// The user's profile; without a stored profile only the id is filled.
    pub user: User,
    /// The public id of one of the user's connections: see [`Session::id`](super::Session::id).
    pub id: String,
    /// The time since which the user was connected, as far as it is known.
    pub came_at: Timestamp,
    /// The time at which the last connection ended. `None` for a user who is expected to reconnect: who was connected until the server stopped or
    /// was killed, or whose grace period had not ended.
    pub left_at: Option<Timestamp>,
    /// The rooms that a user without `left_at` had joined, each with its parent, if it has one.
    pub rooms: Vec<(RoomId, Option<RoomId>)>,
}

/// The users with sessions of the last `window` seconds. A session that ended within the grace period counts as connected.
/// Must be called before the start ends the sessions.
pub(super) fn disconnected_users(context: &mut CommandContext<'_>, window: i64, grace_micros: i64) -> StoreResult<Vec<DisconnectedUser>> {
    let mut users: BTreeMap<UserId, DisconnectedUser> = BTreeMap::new();
    for (session, rooms) in context.store.sessions_since(context.now.minus_seconds(window))? {
        let has_left = |left_at: &Timestamp| !session.ended_by_shutdown && context.now.0.saturating_sub(left_at.0) >= grace_micros;
        let left_at = session.disconnected_at.filter(has_left);
        let absent = match users.entry(session.user.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                // A deleted user has gone offline, too.
                let user = context.store.user(&session.user)?.unwrap_or_else(|| User::unseen(session.user, context.now));
                entry.insert(DisconnectedUser { user, id: session.id.clone(), came_at: session.connected_at, left_at, rooms: Vec::new() })
            }
        };
        if let Some(left_at) = left_at {
            // A user who was connected on another session stays without `left_at`.
            absent.left_at = absent.left_at.map(|last| last.max(left_at));
            continue;
        }
        if absent.left_at.take().is_some() {
            (absent.id, absent.came_at) = (session.id, session.connected_at);
        } else {
            absent.came_at = absent.came_at.min(session.connected_at);
        }
        let joined = rooms.into_iter().filter(|room| room.state != RoomState::Left);
        absent.rooms.extend(joined.map(|SessionRoom { room, parent: inside, .. }| (room, inside)));
    }
    Ok(users.into_values().collect())
}

/// Expires the sessions of users who were connected before a start and have not reconnected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExpireDisconnected {
    /// The time of that start.
    pub started: Timestamp,
}

impl Command for ExpireDisconnected {
    type Output = ();

    fn execute(self, context: &mut CommandContext<'_>) -> Result<(), DomainError> {
        Ok(context.store.expire_sessions(self.started)?)
    }
}
