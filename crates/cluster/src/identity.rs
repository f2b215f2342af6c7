//! The names of a node: its id, its incarnation and its address, and the prefix of its cluster in Redis.

use std::fmt;

pub use config::{NodeId, NodeUrl, RedisPrefix};

/// A random number of a node, which changes with each start and each lost lease.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Incarnation(pub u64);

impl fmt::Display for Incarnation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl Incarnation {
    /// Reads the text that `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

/// A node, as it is listed in Redis.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeInfo {
    /// Its id.
    pub id: NodeId,
    /// Its present incarnation.
    pub incarnation: Incarnation,
    /// Its address for the other nodes.
    pub address: NodeUrl,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incarnations_are_read_as_they_are_written() {
        for number in [0, 1, u64::MAX] {
            assert_eq!(Incarnation::parse(&Incarnation(number).to_string()), Some(Incarnation(number)));
        }
        assert_eq!(Incarnation::parse("x"), None);
    }
}
