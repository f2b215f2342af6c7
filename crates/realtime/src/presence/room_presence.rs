//! The users who have a room open, for enter and leave events. Users enter a room with a command. A household and an inbox are not entered:
//! their members belong to them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use domain::ids::{RoomId, RoomKind, UserId};
use domain::users::User;

use super::room_users::RoomUsers;
use super::{DepartureId, MIN_CROWD};

/// How many of the users who have a room open a response names: those who opened it first. The others are only counted.
pub const MAX_LISTED: usize = 100;

/// The users who have a room open, or are within the grace period.
#[derive(Debug, Default)]
pub struct RoomPresence {
    state: Mutex<RoomState>,
    /// The number of users of each room that more than [`MIN_CROWD`] users have open. It may be read while the state is locked.
    crowded: RwLock<HashMap<RoomId, usize>>,
    /// The kinds of rooms that have no enter and leave events, besides inboxes.
    kinds_without_entries: Vec<RoomKind>,
    /// The users of all nodes, if there are several: the answers about rooms name these. The lock is never held while another one is taken.
    on_nodes: Option<Mutex<RoomUsers>>,
}

#[derive(Debug, Default)]
struct RoomState {
    /// By user first, so that a look-up for one user costs only that user's entries. A user without rooms has no entry.
    users: HashMap<UserId, HashMap<RoomId, PresentUser>>,
    /// The users of each room, in the order of entering. A room without users is removed.
    present: HashMap<RoomId, BTreeMap<u64, UserId>>,
    last_order: u64,
    last_departure: DepartureId,
}

#[derive(Debug)]
struct PresentUser {
    user: User,
    /// The space that the room is inside. Only its members may receive the room's events.
    inside: Option<RoomId>,
    /// The user's key in [`RoomState::present`].
    order: u64,
    /// The number of connections; zero within the grace period.
    connections: u32,
    /// The last departure, while there are no connections.
    departure: DepartureId,
}

impl RoomPresence {
    /// Rooms of these kinds have no enter and leave events; inboxes never have them.
    pub fn new(kinds_without_entries: Vec<RoomKind>) -> Self {
        Self { kinds_without_entries, ..Self::default() }
    }

    /// The same for one of several nodes: the answers about rooms name the users of [`RoomPresence::add_on_nodes`].
    #[must_use]
    pub fn on_several_nodes(self) -> Self {
        Self { on_nodes: Some(Mutex::default()), ..self }
    }

    /// A user has a room open on a node. Without effect if there is one node.
    pub fn add_on_nodes(&self, room: &RoomId, user: &User) {
        if let Some(users) = &self.on_nodes {
            let count = lock(users).add(room, user);
            self.note_size(room, count);
        }
    }

    /// A user has a room open on no node any more. Returns the user, if the user had it open.
    pub fn remove_on_nodes(&self, room: &RoomId, user: &UserId) -> Option<User> {
        let (user, remaining) = lock(self.on_nodes.as_ref()?).remove(room, user)?;
        self.note_size(room, remaining);
        Some(user)
    }

    /// Counts a connection in a room, which may be inside another. If it is the user's first there, `send` sends the event.
    pub fn join(&self, room: &RoomId, user: &User, inside: Option<RoomId>, send: impl FnOnce()) {
        if !self.tracks(room) {
            return;
        }
        let mut state = self.lock();
        let RoomState { users, present, last_order, .. } = &mut *state;
        match users.entry(user.id.clone()).or_default().entry(room.clone()) {
            Entry::Occupied(mut entry) => entry.get_mut().connections += 1,
            Entry::Vacant(entry) => {
                *last_order += 1;
                let order = *last_order;
                entry.insert(PresentUser { user: user.clone(), inside, order, connections: 1, departure: DepartureId::default() });
                let users = present.entry(room.clone()).or_default();
                users.insert(order, user.id.clone());
                self.note_local_size(room, users.len());
                send();
            }
        }
    }

    /// Counts a user as present who had the room open when the server stopped. Returns a departure, as in [`RoomPresence::leave`].
    pub fn expect(&self, room: &RoomId, user: &User, inside: Option<RoomId>) -> Option<DepartureId> {
        self.join(room, user, inside, || {});
        self.leave(room, &user.id)
    }

    /// Removes a connection from a room. If it was the user's last, returns a departure: call [`RoomPresence::expire`] at once, or when its
    /// grace period ends.
    pub fn leave(&self, room: &RoomId, user: &UserId) -> Option<DepartureId> {
        if !self.tracks(room) {
            return None;
        }
        let mut state = self.lock();
        let RoomState { users, last_departure, .. } = &mut *state;
        let present_user = users.get_mut(user)?.get_mut(room)?;
        present_user.connections = present_user.connections.saturating_sub(1);
        if present_user.connections > 0 {
            return None;
        }
        present_user.departure = last_departure.next();
        Some(present_user.departure)
    }

    /// Ends the grace period of a departure. If the user has had no connection in the room since, not even a short one, `send` sends the
    /// leave event.
    pub fn expire(&self, room: &RoomId, user: &UserId, departure: DepartureId, send: impl FnOnce(User)) {
        let mut state = self.lock();
        let RoomState { users, present, .. } = &mut *state;
        let Entry::Occupied(mut rooms) = users.entry(user.clone()) else { return };
        if let Entry::Occupied(entry) = rooms.get_mut().entry(room.clone())
            && entry.get().connections == 0
            && entry.get().departure == departure
        {
            let present_user = entry.remove();
            self.remove_present(present, room, present_user.order);
            send(present_user.user);
        }
        if rooms.get().is_empty() {
            rooms.remove();
        }
    }

    /// Ends a user's grace periods in a space, and in the rooms inside it, because the user is no longer a member. `send` sends a leave
    /// event for each room. A room that a connection still has open is left when that connection leaves it.
    pub fn remove_member(&self, space: &RoomId, user: &UserId, mut send: impl FnMut(&RoomId, User)) {
        let mut state = self.lock();
        let RoomState { users, present, .. } = &mut *state;
        let Entry::Occupied(mut rooms) = users.entry(user.clone()) else { return };
        let removed = rooms.get_mut().extract_if(|room, present_user| {
            present_user.connections == 0 && (room == space || present_user.inside.as_ref() == Some(space))
        });
        for (room, present_user) in removed {
            self.remove_present(present, &room, present_user.order);
            send(&room, present_user.user);
        }
        if rooms.get().is_empty() {
            rooms.remove();
        }
    }

    /// Whether a room that a user has open is inside this space.
    pub fn is_inside(&self, room: &RoomId, user: &UserId, space: &RoomId) -> bool {
        let users = &self.lock().users;
        let present_user = users.get(user).and_then(|rooms| rooms.get(room));
        present_user.is_some_and(|present_user| present_user.inside.as_ref() == Some(space))
    }

    /// The users who have a room open, with `newcomer`, who is about to open it: at most [`MAX_LISTED`] of them, and the number of all.
    pub fn present_with(&self, room: &RoomId, newcomer: Option<&User>) -> (Vec<User>, usize) {
        if let Some(users) = &self.on_nodes {
            let users = lock(users);
            let mut present: Vec<User> = users.of(room).take(MAX_LISTED).cloned().collect();
            let newcomer = newcomer.filter(|user| !users.contains(room, &user.id));
            present.extend(newcomer.filter(|_| present.len() < MAX_LISTED).cloned());
            return (present, users.count(room) + usize::from(newcomer.is_some()));
        }
        let state = self.lock();
        let is_there = |user: &User| state.users.get(&user.id).is_some_and(|rooms| rooms.contains_key(room));
        let ids = state.present.get(room);
        let user = |id: &UserId| Some(state.users.get(id)?.get(room)?.user.clone());
        let mut present: Vec<User> = ids.into_iter().flat_map(BTreeMap::values).take(MAX_LISTED).filter_map(user).collect();
        let count = ids.map_or(0, BTreeMap::len);
        let Some(newcomer) = newcomer.filter(|user| !is_there(user)) else { return (present, count) };
        if present.len() < MAX_LISTED {
            present.push(newcomer.clone());
        }
        (present, count + 1)
    }

    /// How many users have a room open, if they are more than [`MIN_CROWD`].
    pub fn user_count(&self, room: &RoomId) -> Option<usize> {
        self.crowded.read().unwrap_or_else(PoisonError::into_inner).get(room).copied()
    }

    fn note_local_size(&self, room: &RoomId, users: usize) {
        if self.on_nodes.is_none() {
            self.note_size(room, users);
        }
    }

    fn note_size(&self, room: &RoomId, users: usize) {
        // Small rooms are not noted, so they do not wait for the lock.
        if users >= MIN_CROWD {
            let mut crowded = self.crowded.write().unwrap_or_else(PoisonError::into_inner);
            if users > MIN_CROWD {
                crowded.insert(room.clone(), users);
            } else {
                crowded.remove(room);
            }
        }
    }

    fn remove_present(&self, present: &mut HashMap<RoomId, BTreeMap<u64, UserId>>, room: &RoomId, order: u64) {
        let Some(users) = present.get_mut(room) else { return };
        users.remove(&order);
        self.note_local_size(room, users.len());
        if users.is_empty() {
            present.remove(room);
        }
    }

    /// How many users have a room open.
    pub fn count(&self, room: &RoomId) -> usize {
        if let Some(users) = &self.on_nodes {
            return lock(users).count(room);
        }
        self.lock().present.get(room).map_or(0, BTreeMap::len)
    }

    /// At most `most` of the users who have a room open: those who opened it last, the newest first.
    pub fn newest_in(&self, room: &RoomId, most: usize) -> Vec<UserId> {
        if let Some(users) = &self.on_nodes {
            return lock(users).of(room).rev().take(most).map(|user| user.id.clone()).collect();
        }
        self.lock().present.get(room).into_iter().flat_map(|users| users.values().rev()).take(most).cloned().collect()
    }

    /// Whether a room has enter and leave events.
    fn tracks(&self, room: &RoomId) -> bool {
        room.kind() != RoomKind::User && !self.kinds_without_entries.contains(&room.kind())
    }

    fn lock(&self) -> MutexGuard<'_, RoomState> {
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use domain::ids::Timestamp;

    use super::*;

    /// Whether the user enters the room with this connection.
    fn enter(room_presence: &RoomPresence, room: &RoomId, user: &User, inside: Option<RoomId>) -> bool {
        let mut enters = false;
        room_presence.join(room, user, inside, || enters = true);
        enters
    }

    /// The user, if the user leaves the room when the grace period ends.
    fn expire(room_presence: &RoomPresence, room: &RoomId, user: &UserId, departure: DepartureId) -> Option<User> {
        let mut leaves = None;
        room_presence.expire(room, user, departure, |user| leaves = Some(user));
        leaves
    }

    #[test]
    fn a_user_enters_first_and_leaves_last_connection_only() {
        let (room_presence, room, anna) = (RoomPresence::default(), RoomKind::Channel.room(7), UserId::new("anna"));
        let user = User::unseen(anna.clone(), Timestamp(0));
        assert!(enter(&room_presence, &room, &user, None));
        assert!(!enter(&room_presence, &room, &user, None));
        assert_eq!(room_presence.leave(&room, &anna), None);
        let first = room_presence.leave(&room, &anna).expect("it was the last connection");
        assert!(!enter(&room_presence, &room, &user, None), "the user returned within the grace period");
        assert_eq!(expire(&room_presence, &room, &anna, first), None);
        let second = room_presence.leave(&room, &anna).expect("it was the last connection");
        assert_eq!(expire(&room_presence, &room, &anna, first), None, "the second departure has a grace period of its own");
        assert_eq!(expire(&room_presence, &room, &anna, second), Some(user.clone()));
        assert!(room_presence.lock().users.is_empty(), "a user without rooms takes no memory");
        assert!(room_presence.lock().present.is_empty(), "an empty room takes no memory");
        assert!(enter(&room_presence, &room, &user, None), "a new visit");
    }

    #[test]
    fn a_response_names_the_first_users_and_counts_all() {
        let (room_presence, room) = (RoomPresence::default(), RoomKind::Channel.room(7));
        let user = |number: usize| User::unseen(UserId::new(format!("user-{number}")), Timestamp(0));
        let names = |users: Vec<User>| users.into_iter().map(|user| user.id.to_string()).collect::<Vec<_>>();
        let all = MAX_LISTED + 3;
        for number in 0..all {
            let (present, count) = room_presence.present_with(&room, Some(&user(number)));
            assert_eq!(count, number + 1, "the entering user is counted");
            let expected: Vec<_> = (0..count.min(MAX_LISTED)).map(|number| user(number).id.to_string()).collect();
            assert_eq!(names(present), expected);
            enter(&room_presence, &room, &user(number), None);
        }
        let departure = room_presence.leave(&room, &user(1).id).expect("it was the last connection");
        assert_eq!(room_presence.present_with(&room, Some(&user(0))).1, all, "within the grace period");
        assert!(expire(&room_presence, &room, &user(1).id, departure).is_some());
        let (present, count) = room_presence.present_with(&room, Some(&user(0)));
        assert_eq!((count, present.len(), present[1].id.as_str()), (all - 1, MAX_LISTED, "user-2"));
        for number in (0..all).filter(|number| *number != 1) {
            let departure = room_presence.leave(&room, &user(number).id).expect("it was the last connection");
            expire(&room_presence, &room, &user(number).id, departure);
        }
        assert!(room_presence.lock().present.is_empty(), "an empty room takes no memory");
    }

    #[test]
    fn a_room_is_crowded_while_very_many_users_have_it_open() {
        let (room_presence, room) = (RoomPresence::default(), RoomKind::ChatRoom.room(7));
        let user = |number: usize| User::unseen(UserId::new(format!("user-{number}")), Timestamp(0));
        let leave = |number: usize| {
            let departure = room_presence.leave(&room, &user(number).id).expect("it was the last connection");
            expire(&room_presence, &room, &user(number).id, departure);
        };
        for number in 0..MIN_CROWD {
            enter(&room_presence, &room, &user(number), None);
        }
        assert_eq!(room_presence.user_count(&room), None);
        let mut count_while_sending = None;
        room_presence.join(&room, &user(MIN_CROWD), None, || count_while_sending = room_presence.user_count(&room));
        assert_eq!(count_while_sending, Some(MIN_CROWD + 1), "the count can be read while the change is sent");
        enter(&room_presence, &room, &user(MIN_CROWD + 1), None);
        leave(0);
        assert_eq!(room_presence.user_count(&room), Some(MIN_CROWD + 1));
        leave(1);
        assert_eq!((room_presence.user_count(&room), room_presence.crowded.read().map(|crowded| crowded.len()).ok()), (None, Some(0)));
    }

    #[test]
    fn answers_of_one_of_several_nodes_name_the_users_of_all() {
        let (room_presence, room) = (RoomPresence::default().on_several_nodes(), RoomKind::ChatRoom.room(7));
        let user = |name: &str| User::unseen(UserId::new(name), Timestamp(0));
        assert!(enter(&room_presence, &room, &user("anna"), None), "the user's first connection on this node");
        assert_eq!(room_presence.count(&room), 0, "the nodes decide who is in the room");
        room_presence.add_on_nodes(&room, &user("anna"));
        room_presence.add_on_nodes(&room, &user("ben"));
        let (present, count) = room_presence.present_with(&room, Some(&user("carl")));
        assert_eq!((present.len(), count, room_presence.count(&room)), (3, 3, 2));
        assert_eq!(room_presence.present_with(&room, Some(&user("ben"))).1, 2);
        assert_eq!(room_presence.newest_in(&room, 1), [UserId::new("ben")]);
        assert_eq!(room_presence.remove_on_nodes(&room, &UserId::new("ben")), Some(user("ben")));
        assert_eq!(room_presence.remove_on_nodes(&room, &UserId::new("ben")), None);
    }

    #[test]
    fn the_newest_users_of_a_room_are_named() {
        let (room_presence, room) = (RoomPresence::default(), RoomKind::ChatRoom.room(7));
        let user = |name: &str| User::unseen(UserId::new(name), Timestamp(0));
        for name in ["anna", "ben", "carl", "anna"] {
            enter(&room_presence, &room, &user(name), None);
        }
        let names = |most| room_presence.newest_in(&room, most).iter().map(|user| user.to_string()).collect::<Vec<_>>();
        assert_eq!(
            (room_presence.count(&room), names(9), names(2)),
            (3, vec!["carl".into(), "ben".into(), "anna".into()], vec!["carl".into(), "ben".into()])
        );
        let departure = room_presence.leave(&room, &UserId::new("carl")).expect("it was the last connection");
        assert_eq!(room_presence.count(&room), 3, "within the grace period");
        expire(&room_presence, &room, &UserId::new("carl"), departure);
        assert_eq!((room_presence.count(&room), names(1)), (2, vec!["ben".into()]));
        assert_eq!(
            (room_presence.count(&RoomKind::ChatRoom.room(8)), room_presence.newest_in(&RoomKind::ChatRoom.room(8), 9)),
            (0, vec![])
        );
    }

    #[test]
    fn users_from_before_a_start_are_in_the_room() {
        let (room_presence, room) = (RoomPresence::default(), RoomKind::Channel.room(7));
        let users = ["anna", "ben"].map(|name| User::unseen(UserId::new(name), Timestamp(0)));
        let [first, ..] = users.each_ref().map(|user| room_presence.expect(&room, user, None));
        let departures = users.each_ref().map(|user| room_presence.expect(&room, user, None).expect("the second session has a departure"));
        assert!(!enter(&room_presence, &room, &users[0], None), "no event is sent");
        assert_eq!(expire(&room_presence, &room, &users[0].id, first.expect("the first session has a departure")), None);
        assert_eq!(expire(&room_presence, &room, &users[0].id, departures[0]), None);
        assert_eq!(expire(&room_presence, &room, &users[1].id, departures[1]), Some(users[1].clone()));
    }

    #[test]
    fn a_removed_member_has_no_grace_period() {
        let (room_presence, anna, ben) = (RoomPresence::default(), UserId::new("anna"), UserId::new("ben"));
        let (project, channel, open, other) =
            (RoomKind::Project.room(1), RoomKind::Channel.room(2), RoomKind::Channel.room(3), RoomKind::Channel.room(4));
        let user = |id: &UserId| User::unseen(id.clone(), Timestamp(0));
        let mut departures = Vec::new();
        for (room, id, inside) in [
            (&project, &anna, None),
            (&channel, &anna, Some(project.clone())),
            (&other, &anna, Some(RoomKind::Project.room(9))),
            (&channel, &ben, Some(project.clone())),
        ] {
            enter(&room_presence, room, &user(id), inside);
            departures.push((room, id, room_presence.leave(room, id).expect("it was the last connection")));
        }
        enter(&room_presence, &open, &user(&anna), Some(project.clone()));
        let mut left = Vec::new();
        room_presence.remove_member(&project, &anna, |room, user| left.push((room.clone(), user.id)));
        left.sort();
        assert_eq!(left, [(channel.clone(), anna.clone()), (project.clone(), anna.clone())]);
        let expected = departures.into_iter().filter(|(room, id, departure)| expire(&room_presence, room, id, *departure).is_some());
        let expected: Vec<_> = expected.map(|(room, id, _)| (room, id)).collect();
        assert_eq!(expected, [(&other, &anna), (&channel, &ben)]);
        assert!(room_presence.leave(&open, &anna).is_some(), "that one is still open");
    }

    #[test]
    fn the_parent_space_is_known_while_the_room_is_open() {
        let (room_presence, room, anna) = (RoomPresence::default(), RoomKind::Channel.room(7), UserId::new("anna"));
        let (project, other) = (RoomKind::Project.room(1), RoomKind::Project.room(2));
        assert!(!room_presence.is_inside(&room, &anna, &project));
        enter(&room_presence, &room, &User::unseen(anna.clone(), Timestamp(0)), Some(project.clone()));
        assert!(room_presence.is_inside(&room, &anna, &project));
        assert!(!room_presence.is_inside(&room, &anna, &other));
        assert!(!room_presence.is_inside(&room, &UserId::new("ben"), &project));
        let departure = room_presence.leave(&room, &anna).expect("it was the last connection");
        expire(&room_presence, &room, &anna, departure);
        assert!(!room_presence.is_inside(&room, &anna, &project));
    }

    #[test]
    fn households_and_inboxes_have_no_presence() {
        let (room_presence, anna) = (RoomPresence::new(vec![RoomKind::Household]), UserId::new("anna"));
        let user = User::unseen(anna.clone(), Timestamp(0));
        for room in [RoomKind::Household.room(7), RoomId::inbox(&anna)] {
            assert!(!enter(&room_presence, &room, &user, None), "{room}");
            assert_eq!(room_presence.leave(&room, &anna), None, "{room}");
        }
    }
}
