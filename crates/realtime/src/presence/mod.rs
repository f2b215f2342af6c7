//! Presence: the connections of each user, the users in rooms, the users who are typing, and the users in calls. One state for all
//! contracts and all shards.
//!
//! A departure has two steps, so that a page reload causes no events: a connection ends, and when the grace period ends, the server checks
//! whether another connection has opened. Each departure has a number, and only the last one counts: a user who returns and leaves
//! again has a whole grace period. The caller passes the time: no function here waits.
//!
//! The caller's closure sends the event of a change while the lock is held, so that the last event that is sent is the true one. The
//! closure may take only the locks of mailboxes and of pending presence changes. Code that holds one of these locks never queries presence.

mod call_participants;
mod crowded_rooms;
mod history;
mod online_users;
mod pending_changes;
mod room_presence;
mod room_users;
mod typing;

pub use call_participants::{CallParticipants, CallsOnNodes, OtherConnection};
pub use crowded_rooms::{CrowdedRooms, MIN_CROWD, room_change};
pub use history::{MAX_REPLAYED, PresenceHistory, Recipients};
pub use online_users::{ConnectionCounts, ConnectionId, OnlineOnNodes, OnlineUser, OnlineUsers, Transport};
pub use pending_changes::{PendingChanges, user_of};
pub use room_presence::{MAX_LISTED, RoomPresence};
pub use typing::TypingUsers;

/// The number of a departure, which increases with each; see [`OnlineUsers::expire`] and [`RoomPresence::expire`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DepartureId(u64);

impl DepartureId {
    /// The next number.
    fn next(&mut self) -> Self {
        self.0 += 1;
        *self
    }
}
