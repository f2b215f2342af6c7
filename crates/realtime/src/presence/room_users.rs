//! The users who have each room open, on any node.

use std::collections::{BTreeMap, HashMap};

use domain::ids::{RoomId, UserId};
use domain::users::User;

/// The users of each room, in the order in which this node learned of them. A room without users has no entry.
#[derive(Debug, Default)]
pub(super) struct RoomUsers {
    rooms: HashMap<RoomId, Room>,
    last_order: u64,
}

#[derive(Debug, Default)]
struct Room {
    users: BTreeMap<u64, User>,
    orders: HashMap<UserId, u64>,
}

impl RoomUsers {
    /// Adds a user to a room; a known user keeps the place and gets the new profile. Returns the number of users.
    pub fn add(&mut self, room: &RoomId, user: &User) -> usize {
        let last_order = &mut self.last_order;
        let room = self.rooms.entry(room.clone()).or_default();
        let order = *room.orders.entry(user.id.clone()).or_insert_with(|| {
            *last_order += 1;
            *last_order
        });
        room.users.insert(order, user.clone());
        room.users.len()
    }

    /// Removes a user from a room. Returns the user, and the number of those who remain.
    pub fn remove(&mut self, room: &RoomId, user: &UserId) -> Option<(User, usize)> {
        let users = self.rooms.get_mut(room)?;
        let order = users.orders.remove(user)?;
        let removed = users.users.remove(&order)?;
        let remaining = users.users.len();
        if remaining == 0 {
            self.rooms.remove(room);
        }
        Some((removed, remaining))
    }

    /// Whether a user is in a room.
    pub fn contains(&self, room: &RoomId, user: &UserId) -> bool {
        self.rooms.get(room).is_some_and(|room| room.orders.contains_key(user))
    }

    /// The users of a room, the first added first.
    pub fn of(&self, room: &RoomId) -> impl DoubleEndedIterator<Item = &User> {
        self.rooms.get(room).into_iter().flat_map(|room| room.users.values())
    }

    /// The number of users of a room.
    pub fn count(&self, room: &RoomId) -> usize {
        self.rooms.get(room).map_or(0, |room| room.users.len())
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::{RoomKind, Timestamp};

    use super::*;

    #[test]
    fn users_keep_their_place_and_get_their_newest_profile() {
        let (mut users, room) = (RoomUsers::default(), RoomKind::Channel.room(7));
        let user = |name: &str| User::unseen(UserId::new(name), Timestamp(0));
        assert_eq!((users.add(&room, &user("anna")), users.add(&room, &user("ben"))), (1, 2));
        let renamed = User { name: "Anna".to_owned(), ..user("anna") };
        assert_eq!(users.add(&room, &renamed), 2);
        assert_eq!(users.of(&room).map(|user| user.name.as_str()).collect::<Vec<_>>(), ["Anna", ""]);
        assert_eq!(users.remove(&room, &renamed.id), Some((renamed.clone(), 1)));
        assert_eq!(users.remove(&room, &renamed.id), None);
        assert_eq!((users.contains(&room, &renamed.id), users.contains(&room, &user("ben").id), users.count(&room)), (false, true, 1));
        assert_eq!(users.remove(&room, &user("ben").id).map(|(_, remaining)| remaining), Some(0));
        assert!(users.rooms.is_empty(), "an empty room takes no memory");
    }
}
