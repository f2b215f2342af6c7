//! The connections of each user on this node: the values of the entries about users who are online.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bytes::Bytes;
use cluster::identity::NodeId;
use cluster::shared_limits::{LogicalClock, OpenConnection, OpenConnections};
use domain::ids::UserId;
use smallvec::SmallVec;

use crate::presence::{ConnectionId, Transport};

/// The transport of a connection that has ended, whose user is still online. It counts for no cap.
const NO_TRANSPORT: u8 = u8::MAX;

/// The number of a transport in the messages between nodes.
pub(super) fn transport_number(transport: Transport) -> u8 {
    match transport {
        Transport::SocketIo => 0,
        Transport::Raw => 1,
    }
}

/// The connections of the users who are online on this node.
#[derive(Default)]
pub(super) struct UserConnections {
    users: HashMap<UserId, SmallVec<[OwnConnection; 1]>>,
    clock: LogicalClock,
}

struct OwnConnection {
    connection: ConnectionId,
    opened: u64,
    id: Box<str>,
}

impl UserConnections {
    /// Adds a connection. `id`: what other users see; may be empty. Returns the new value of the user's entry.
    pub fn open(&mut self, user: &UserId, connection: ConnectionId, id: &str) -> Bytes {
        let opened = self.clock.next_time();
        let known = self.users.entry(user.clone()).or_default();
        known.push(OwnConnection { connection, opened, id: id.into() });
        value(known)
    }

    /// Removes a connection. Returns the new value of the user's entry. After the last one other users see its id until the user goes offline.
    pub fn close(&mut self, user: &UserId, connection: ConnectionId) -> Option<Bytes> {
        let Entry::Occupied(mut entry) = self.users.entry(user.clone()) else { return None };
        let known = entry.get_mut();
        let index = known.iter().position(|known| known.connection == connection)?;
        let closed = known.remove(index);
        if known.is_empty() {
            entry.remove();
            return Some(value_without_connection(&closed.id));
        }
        Some(value(known))
    }

    /// Changes the id of a connection. Returns the new value of the user's entry.
    pub fn rename(&mut self, user: &UserId, connection: ConnectionId, id: &str) -> Option<Bytes> {
        let known = self.users.get_mut(user)?;
        let renamed = known.iter_mut().find(|known| known.connection == connection)?;
        renamed.id = id.into();
        Some(value(known))
    }

    /// Whether the user has a connection on this node.
    pub fn contains(&self, user: &UserId) -> bool {
        self.users.contains_key(user)
    }

    /// Learns the connections of a user on another node.
    pub fn observe(&mut self, connections: &OpenConnections) {
        self.clock.observe(connections);
    }

    /// The connections of a user that were opened at these logical times.
    pub fn opened_at(&self, user: &UserId, times: &[u64]) -> Vec<ConnectionId> {
        let known = self.users.get(user).into_iter().flatten();
        known.filter(|known| times.contains(&known.opened)).map(|known| known.connection).collect()
    }
}

/// The value for a user who has no connection and is still online. `id`: that of the last connection, as in [`UserConnections::open`].
pub(super) fn value_without_connection(id: &str) -> Bytes {
    OpenConnections(vec![OpenConnection { transport: NO_TRANSPORT, opened: 0, id: id.into() }]).encode()
}

/// The connections in the value of an entry; none if another version wrote it.
pub(super) fn connections(value: &Bytes) -> OpenConnections {
    OpenConnections::decode(value.clone()).unwrap_or_default()
}

/// The id of a connection that other users see: that of the oldest one that has an id.
pub(super) fn visible_id(connections: &OpenConnections) -> String {
    connections.0.iter().find(|connection| !connection.id.is_empty()).map(|connection| connection.id.to_string()).unwrap_or_default()
}

/// Removes the connections that were resumed on another node: each id counts once, on the node that has it since the latest time.
pub(super) fn without_resumed(holders: &mut [(NodeId, OpenConnections)]) {
    let mut latest: HashMap<Box<str>, u64> = HashMap::new();
    for open in holders.iter().flat_map(|(_, connections)| &connections.0).filter(|open| !open.id.is_empty()) {
        let time = latest.entry(open.id.clone()).or_default();
        *time = open.opened.max(*time);
    }
    for (_, connections) in holders {
        connections.0.retain(|open| open.id.is_empty() || latest.get(&open.id) == Some(&open.opened));
    }
}

fn value(known: &[OwnConnection]) -> Bytes {
    let open = |known: &OwnConnection| OpenConnection {
        transport: transport_number(known.connection.transport()),
        opened: known.opened,
        id: known.id.clone(),
    };
    OpenConnections(known.iter().map(open).collect()).encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_has_the_open_connections_with_their_times() {
        let (mut users, anna) = (UserConnections::default(), UserId::new("anna"));
        let [first, second] = [1, 2].map(|number| ConnectionId::new(number, Transport::SocketIo));
        users.observe(&OpenConnections(vec![OpenConnection { transport: 0, opened: 70, id: "".into() }]));
        users.open(&anna, first, "");
        let value = connections(&users.open(&anna, second, "b"));
        assert_eq!(value.0.iter().map(|open| (open.opened, &*open.id)).collect::<Vec<_>>(), [(71, ""), (72, "b")]);
        assert_eq!(visible_id(&value), "b");
        assert_eq!(users.opened_at(&anna, &[72, 73]), [second]);
        assert_eq!(users.rename(&anna, first, "a").map(|value| visible_id(&connections(&value))), Some("a".to_owned()));
        assert_eq!(users.close(&anna, first).map(|value| connections(&value).0.len()), Some(1));
        let last = users.close(&anna, second).map(|value| connections(&value));
        assert_eq!(last.map(|last| (last.0[0].transport, visible_id(&last))), Some((NO_TRANSPORT, "b".to_owned())));
        assert_eq!(users.close(&anna, second), None);
        assert!(users.users.is_empty(), "a user without connections takes no memory");
        assert_eq!(visible_id(&connections(&value_without_connection("c"))), "c");
    }

    #[test]
    fn a_resumed_connection_counts_once() {
        let open = |opened, id: &str| OpenConnection { transport: 0, opened, id: id.into() };
        let node = |id| NodeId::parse(id).unwrap();
        let mut holders =
            [(node("a"), OpenConnections(vec![open(1, "x"), open(2, "")])), (node("b"), OpenConnections(vec![open(5, "x"), open(6, "")]))];
        without_resumed(&mut holders);
        assert_eq!(holders.map(|(_, connections)| connections.0.iter().map(|open| open.opened).collect::<Vec<_>>()), [vec![2], vec![5, 6]]);
    }
}
