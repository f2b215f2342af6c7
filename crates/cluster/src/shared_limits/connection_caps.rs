//! The connections of a user on all nodes, and which of them exceed a cap.
//!
//! All nodes must agree which connections are the newest, although their clocks differ. So each connection has a logical time: a counter that a node raises
//! with each of its connections, and above every counter that it receives. Connections with the same counter are ordered by their nodes.

use bytes::{Bytes, BytesMut};

use crate::identity::NodeId;
use crate::wire::DecodeError;
use crate::wire::varint::{Reader, put_bytes, put_number};

/// The most connections of a user that a value has. Other nodes do not count the connections beyond it for their caps.
pub const MAX_CONNECTIONS: usize = 1024;

/// A larger time of another node is false, and would leave no times for this node's connections.
const MAX_OBSERVED: u64 = 1 << 62;

/// A clock that gives each connection of this node a time, larger than all that the node has seen.
#[derive(Debug, Default)]
pub struct LogicalClock(u64);

impl LogicalClock {
    /// The time of a new connection.
    pub fn next_time(&mut self) -> u64 {
        self.0 = self.0.saturating_add(1);
        self.0
    }

    /// Learns the times of another node's connections.
    pub fn observe(&mut self, connections: &OpenConnections) {
        let last = connections.0.iter().map(|connection| connection.opened).max();
        self.0 = self.0.max(last.unwrap_or(0).min(MAX_OBSERVED));
    }
}

/// An open connection of a user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenConnection {
    /// The kind of the connection, such as Socket.IO or the raw WebSocket. Each has a cap of its own.
    pub transport: u8,
    /// The logical time at which it was opened.
    pub opened: u64,
    /// The id that other users see; may be empty.
    pub id: Box<str>,
}

/// The connections of a user on one node: the value of the user's online entry.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OpenConnections(pub Vec<OpenConnection>);

impl OpenConnections {
    /// The value of the entry.
    pub fn encode(&self) -> Bytes {
        let mut buffer = BytesMut::new();
        let connections = &self.0[..self.0.len().min(MAX_CONNECTIONS)];
        put_number(&mut buffer, connections.len() as u64);
        for connection in connections {
            put_number(&mut buffer, u64::from(connection.transport));
            put_number(&mut buffer, connection.opened);
            put_bytes(&mut buffer, connection.id.as_bytes());
        }
        buffer.freeze()
    }

    /// Reads the value of an entry.
    ///
    /// # Errors
    /// The value is damaged, or another version wrote it.
    pub fn decode(value: Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(value);
        let count = reader.count()?;
        if count > MAX_CONNECTIONS {
            return Err(DecodeError::Malformed);
        }
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            let transport = u8::try_from(reader.number()?).map_err(|_| DecodeError::Malformed)?;
            connections.push(OpenConnection { transport, opened: reader.number()?, id: reader.text()? });
        }
        if reader.is_empty() { Ok(Self(connections)) } else { Err(DecodeError::Malformed) }
    }
}

/// The connections of this node that exceed a cap over all nodes, by their logical times: the newest of all. `holders`: the connections of the user on each
/// node. Every node that has the same values closes its part of the same connections.
pub fn excess(own: &NodeId, holders: &[(NodeId, OpenConnections)], transport: u8, cap: usize) -> Vec<u64> {
    let of_transport = |(node, connections): &'_ (NodeId, OpenConnections)| {
        let connections = connections.0.iter().filter(|connection| connection.transport == transport);
        connections.map(|connection| (connection.opened, node.clone())).collect::<Vec<_>>()
    };
    let mut all: Vec<(u64, NodeId)> = holders.iter().flat_map(of_transport).collect();
    all.sort();
    all.into_iter().skip(cap).filter(|(_, node)| node == own).map(|(opened, _)| opened).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(times: &[u64]) -> OpenConnections {
        OpenConnections(
            times.iter().map(|opened| OpenConnection { transport: 0, opened: *opened, id: format!("c{opened}").into() }).collect(),
        )
    }

    fn node(id: &str) -> NodeId {
        NodeId::parse(id).unwrap()
    }

    #[test]
    fn values_are_read_as_they_are_written() {
        let mut written = connections(&[1, 70_000, u64::MAX]);
        written.0.push(OpenConnection { transport: 1, opened: 3, id: "".into() });
        let value = written.encode();
        assert_eq!(OpenConnections::decode(value.clone()), Ok(written));
        for cut in 0..value.len() {
            assert_eq!(OpenConnections::decode(value.slice(..cut)), Err(DecodeError::Malformed));
        }
    }

    #[test]
    fn nodes_close_the_newest_connections_and_no_others() {
        let (a, b, c) = (node("a"), node("b"), node("c"));
        let mut holders = vec![(a.clone(), connections(&[1, 4, 9])), (b.clone(), connections(&[2, 4])), (c.clone(), connections(&[3, 9]))];
        holders[2].1.0.push(OpenConnection { transport: 1, opened: 10, id: "raw".into() });
        // In order: a1 b2 c3 a4 b4 a9 c9.
        for (cap, expected) in [
            (7, [vec![], vec![], vec![]]),
            (6, [vec![], vec![], vec![9]]),
            (5, [vec![9], vec![], vec![9]]),
            (4, [vec![9], vec![4], vec![9]]),
            (0, [vec![1, 4, 9], vec![2, 4], vec![3, 9]]),
        ] {
            let closed = [&a, &b, &c].map(|own| excess(own, &holders, 0, cap));
            assert_eq!(closed, expected, "cap {cap}");
        }
        assert_eq!(excess(&c, &holders, 1, 0), [10], "each transport has its own cap");
    }

    #[test]
    fn a_later_connection_has_a_larger_time_on_any_node() {
        let (mut one, mut other) = (LogicalClock::default(), LogicalClock::default());
        let first = (0..5).map(|_| one.next_time()).last().unwrap();
        other.observe(&connections(&[first]));
        assert!(other.next_time() > first);
    }
}
