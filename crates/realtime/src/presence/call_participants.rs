//! The users in each call, with the connection of each. When that connection ends, the user stays in the call for the grace period: a
//! client that reconnects in time and enters the room is in the call again. The caller passes the time.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ids::{EntityId, RoomId, UserId};

use super::DepartureId;

/// The users in calls on all nodes, if there are several. The functions that change this node's part are called in the order of the changes.
pub trait CallsOnNodes: Send + Sync {
    /// A user is in a call on this node. `connection`: the id of the connection; `None` after it has ended, until the grace period ends.
    fn set_in_call(&self, call: EntityId, user: &UserId, connection: Option<&str>);

    /// A user is no longer in a call on this node.
    fn remove_from_call(&self, call: EntityId, user: &UserId);

    /// Whether a user is in a call on another node, and on which connection.
    fn connection_elsewhere(&self, call: EntityId, user: &UserId) -> OtherConnection;

    /// Whether the other nodes can be seen. Otherwise a user may be in a call on one of them.
    fn sees_other_nodes(&self) -> bool;
}

/// A user's connection in a call on other nodes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OtherConnection {
    /// The user is in the call on no other node.
    Absent,
    /// The connection has ended, and the grace period has not.
    Ended,
    /// The connection with this id is open.
    Open(String),
}

/// The users in all open calls. A user is in a call on one connection of a node: the one that joined it last.
#[derive(Default)]
pub struct CallParticipants {
    state: Mutex<CallsState>,
    /// The users on all nodes, if there are several. It is asked while the state is locked, and takes no lock of this module.
    on_nodes: Option<Arc<dyn CallsOnNodes>>,
}

#[derive(Debug, Default)]
struct CallsState {
    /// By user first, so that a look-up for one user costs only that user's calls. A user in no call has no entry.
    users: HashMap<UserId, HashMap<EntityId, ParticipantState>>,
    /// The users in each call.
    calls: HashMap<EntityId, HashSet<UserId>>,
    /// The open call of each room.
    open: HashMap<RoomId, EntityId>,
    last_departure: DepartureId,
}

#[derive(PartialEq, Eq, Debug)]
enum ParticipantState {
    Connected(String),
    Disconnected(DepartureId),
}

impl CallParticipants {
    /// The users in calls on this and other nodes.
    pub fn on_several_nodes(nodes: Arc<dyn CallsOnNodes>) -> Self {
        Self { state: Mutex::default(), on_nodes: Some(nodes) }
    }

    /// The call of a room has begun.
    pub fn open(&self, call: EntityId, room: &RoomId) {
        self.lock().open.insert(room.clone(), call);
    }

    /// Puts a user into a call, on this connection.
    pub fn join(&self, call: EntityId, user: &UserId, connection: &str) {
        self.connect(&mut self.lock(), call, user, connection);
    }

    fn connect(&self, state: &mut CallsState, call: EntityId, user: &UserId, connection: &str) {
        state.users.entry(user.clone()).or_default().insert(call, ParticipantState::Connected(connection.to_owned()));
        state.calls.entry(call).or_default().insert(user.clone());
        if let Some(nodes) = &self.on_nodes {
            nodes.set_in_call(call, user, Some(connection));
        }
    }

    /// Whether a user is in a call, on an open connection of this node, or on another node.
    pub fn is_in_call(&self, call: EntityId, user: &UserId) -> bool {
        let is_connected = matches!(self.lock().participant(call, user), Some(ParticipantState::Connected(_)));
        is_connected || self.connection_elsewhere(call, user) != OtherConnection::Absent
    }

    fn connection_elsewhere(&self, call: EntityId, user: &UserId) -> OtherConnection {
        self.on_nodes.as_ref().map_or(OtherConnection::Absent, |nodes| nodes.connection_elsewhere(call, user))
    }

    /// Starts the grace periods of a user in the calls of a connection that has ended. Returns a departure for each call: call
    /// [`CallParticipants::expire`] when its grace period ends.
    pub fn disconnect(&self, user: &UserId, connection: &str) -> Vec<(EntityId, DepartureId)> {
        let mut state = self.lock();
        let CallsState { users, last_departure, .. } = &mut *state;
        let mut disconnected = Vec::new();
        for (call, participant) in users.get_mut(user).into_iter().flatten() {
            if matches!(participant, ParticipantState::Connected(current) if current == connection) {
                let departure = last_departure.next();
                *participant = ParticipantState::Disconnected(departure);
                disconnected.push((*call, departure));
                if let Some(nodes) = &self.on_nodes {
                    nodes.set_in_call(*call, user, None);
                }
            }
        }
        disconnected
    }

    /// Ends a user's grace period in a room's call, on whichever node it is, because a connection of the user enters the room here.
    pub fn resume(&self, room: &RoomId, user: &UserId, connection: &str) {
        let mut state = self.lock();
        let Some(call) = state.open.get(room).copied() else { return };
        let has_left = match (state.participant(call, user), self.connection_elsewhere(call, user)) {
            (Some(ParticipantState::Connected(_)), _) => false,
            // The session of that connection is resumed here, and the other node ends it.
            (_, OtherConnection::Open(other)) => other == connection,
            (Some(ParticipantState::Disconnected(_)), _) | (None, OtherConnection::Ended) => true,
            (None, OtherConnection::Absent) => false,
        };
        if has_left {
            self.connect(&mut state, call, user, connection);
        }
    }

    /// Ends the grace period of a departure. True if the user has not reconnected since, and is in the call on no other node. While the other nodes cannot be
    /// seen, no user is known to have left.
    pub fn expire(&self, call: EntityId, user: &UserId, departure: DepartureId) -> bool {
        let mut state = self.lock();
        if state.participant(call, user) != Some(&ParticipantState::Disconnected(departure)) {
            return false;
        }
        state.remove(call, user);
        if let Entry::Occupied(mut users) = state.calls.entry(call) {
            users.get_mut().remove(user);
            if users.get().is_empty() {
                users.remove();
            }
        }
        let Some(nodes) = &self.on_nodes else { return true };
        nodes.remove_from_call(call, user);
        nodes.sees_other_nodes() && nodes.connection_elsewhere(call, user) == OtherConnection::Absent
    }

    /// Removes all users of a room's call that has ended.
    pub fn clear(&self, call: EntityId, room: &RoomId) {
        let mut state = self.lock();
        if state.open.get(room) == Some(&call) {
            state.open.remove(room);
        }
        for user in state.calls.remove(&call).unwrap_or_default() {
            state.remove(call, &user);
            if let Some(nodes) = &self.on_nodes {
                nodes.remove_from_call(call, &user);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, CallsState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallsState {
    fn participant(&self, call: EntityId, user: &UserId) -> Option<&ParticipantState> {
        self.users.get(user).and_then(|calls| calls.get(&call))
    }

    /// Removes a user from a call.
    fn remove(&mut self, call: EntityId, user: &UserId) {
        if let Entry::Occupied(mut calls) = self.users.entry(user.clone()) {
            calls.get_mut().remove(&call);
            if calls.get().is_empty() {
                calls.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::RoomKind;

    use super::*;

    fn users() -> (RoomId, UserId, UserId) {
        (RoomKind::ChatRoom.room(7), UserId::new("anna"), UserId::new("ben"))
    }

    #[test]
    fn a_user_leaves_a_call_when_the_grace_period_ends() {
        let (calls, (_, anna, ben)) = (CallParticipants::default(), users());
        calls.join(1, &anna, "laptop");
        calls.join(1, &ben, "phone");
        assert_eq!(calls.disconnect(&anna, "tablet"), vec![], "the tablet is in no call");
        let [(1, departure)] = calls.disconnect(&anna, "laptop")[..] else { panic!("the laptop was in one call") };
        assert!(!calls.is_in_call(1, &anna) && calls.is_in_call(1, &ben));
        assert!(calls.expire(1, &anna, departure));
        assert!(!calls.expire(1, &anna, departure), "once");
        assert!(!calls.is_in_call(1, &anna));
        assert_eq!(calls.disconnect(&ben, "phone").len(), 1, "ben is still in the call");
    }

    #[test]
    fn a_user_who_returns_within_the_grace_stays_in_the_call() {
        let (calls, (room, anna, ben)) = (CallParticipants::default(), users());
        calls.open(1, &room);
        calls.join(1, &anna, "laptop");
        let first = calls.disconnect(&anna, "laptop");
        calls.resume(&RoomKind::ChatRoom.room(8), &anna, "elsewhere");
        calls.resume(&room, &ben, "phone");
        assert!(!calls.is_in_call(1, &anna) && !calls.is_in_call(1, &ben));
        calls.resume(&room, &anna, "laptop again");
        assert!(calls.is_in_call(1, &anna));
        assert!(!calls.expire(1, &anna, first[0].1));
        let second = calls.disconnect(&anna, "laptop again");
        assert!(!calls.expire(1, &anna, first[0].1), "the second departure has a grace period of its own");
        calls.join(1, &anna, "phone");
        assert!(!calls.expire(1, &anna, second[0].1), "the user joined on another device");
    }

    #[test]
    fn an_ended_call_has_no_users() {
        let (calls, (room, anna, _)) = (CallParticipants::default(), users());
        calls.open(1, &room);
        calls.join(1, &anna, "laptop");
        calls.open(2, &room);
        calls.join(2, &anna, "laptop");
        calls.clear(1, &room);
        let [(2, departure)] = calls.disconnect(&anna, "laptop")[..] else { panic!("one is left") };
        calls.resume(&room, &anna, "laptop");
        assert!(calls.is_in_call(2, &anna), "the end of the first call concerns no other call of the room");
        calls.clear(2, &room);
        assert!(!calls.expire(2, &anna, departure));
        calls.resume(&room, &anna, "laptop");
        let state = calls.lock();
        assert!(state.users.is_empty() && state.calls.is_empty() && state.open.is_empty(), "ended calls take no memory");
    }

    /// Another node with one user, whose connection the test sets, and the changes of this node.
    #[derive(Default)]
    struct OtherNode {
        connection: Mutex<Option<OtherConnection>>,
        is_unseen: std::sync::atomic::AtomicBool,
        changes: Mutex<Vec<(EntityId, Option<String>)>>,
    }

    impl OtherNode {
        fn set(&self, connection: OtherConnection) {
            *self.connection.lock().unwrap() = Some(connection);
        }
    }

    impl CallsOnNodes for OtherNode {
        fn set_in_call(&self, call: EntityId, _: &UserId, connection: Option<&str>) {
            self.changes.lock().unwrap().push((call, Some(connection.unwrap_or("ended").to_owned())));
        }

        fn remove_from_call(&self, call: EntityId, _: &UserId) {
            self.changes.lock().unwrap().push((call, None));
        }

        fn connection_elsewhere(&self, _: EntityId, _: &UserId) -> OtherConnection {
            self.connection.lock().unwrap().clone().unwrap_or(OtherConnection::Absent)
        }

        fn sees_other_nodes(&self) -> bool {
            !self.is_unseen.load(std::sync::atomic::Ordering::Relaxed)
        }
    }

    #[test]
    fn a_user_moves_between_nodes_in_a_call() {
        let (node, (room, anna, _)) = (Arc::new(OtherNode::default()), users());
        let calls = CallParticipants::on_several_nodes(node.clone());
        calls.open(1, &room);
        for (elsewhere, resumes) in [
            (OtherConnection::Absent, false),
            (OtherConnection::Open("phone".to_owned()), false),
            (OtherConnection::Open("laptop".to_owned()), true),
            (OtherConnection::Ended, true),
        ] {
            node.set(elsewhere.clone());
            calls.resume(&room, &anna, "laptop");
            let changes = std::mem::take(&mut *node.changes.lock().unwrap());
            assert_eq!(changes, if resumes { vec![(1, Some("laptop".to_owned()))] } else { vec![] }, "{elsewhere:?}");
            let departures = calls.disconnect(&anna, "laptop");
            assert_eq!(departures.len(), usize::from(resumes));
            let left = departures.iter().filter(|(call, departure)| calls.expire(*call, &anna, *departure)).count();
            assert_eq!(left, 0, "the user is in the call on the other node");
            let changes = std::mem::take(&mut *node.changes.lock().unwrap());
            assert_eq!(changes, if resumes { vec![(1, Some("ended".to_owned())), (1, None)] } else { vec![] }, "{elsewhere:?}");
        }
        node.set(OtherConnection::Absent);
        for (is_unseen, leaves) in [(true, false), (false, true)] {
            node.is_unseen.store(is_unseen, std::sync::atomic::Ordering::Relaxed);
            calls.join(1, &anna, "laptop");
            let departure = calls.disconnect(&anna, "laptop")[0].1;
            assert_eq!(calls.expire(1, &anna, departure), leaves, "the other node may have the user: {is_unseen}");
        }
    }
}
