//! The names of a node: its id, its incarnation and its address, and the prefix of its cluster.

use std::fmt;
use std::sync::Arc;

/// The longest id of a node and the longest prefix of a cluster, in bytes.
const MAX_NAME: usize = 64;

/// The longest address of a node, in bytes.
const MAX_ADDRESS: usize = 512;

/// A text that is no valid name, with the remedy.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(String);

/// The id of a node, which no other node of its cluster has: 1 to 64 letters, digits, `-`, `_` and `.`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// Checks the id of a node.
    ///
    /// # Errors
    /// The text is empty, too long, or has other characters.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        match is_name(text) {
            true => Ok(Self(text.into())),
            false => Err(InvalidName(format!("NODE_ID must have 1 to {MAX_NAME} letters, digits, '-', '_' and '.', such as node-1"))),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

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

/// The HTTP address of a node for the other nodes (`NODE_URL`), such as `http://10.0.0.7:3000`. `Debug` and `Display` hide nothing, because an address
/// with a user or password is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeAddress(Arc<str>);

impl NodeAddress {
    /// Checks the address of a node. A slash at the end is removed.
    ///
    /// # Errors
    /// The text is no HTTP address, has a path, or has a user.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let is_host = |host: &str| !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']) && !host.contains(char::is_control);
        match host.is_some_and(is_host) && text.len() <= MAX_ADDRESS {
            true => Ok(Self(text.into())),
            false => Err(InvalidName(
                "NODE_URL must be the address at which the other nodes reach this node, such as http://10.0.0.7:3000".to_owned(),
            )),
        }
    }

    /// The address, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The prefix of a cluster's keys and channel in Redis, so that several clusters can share one Redis: as the id of a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClusterPrefix(Arc<str>);

impl ClusterPrefix {
    /// Checks a prefix.
    ///
    /// # Errors
    /// The text is empty, too long, or has other characters than an id.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        match is_name(text) {
            true => Ok(Self(text.into())),
            false => {
                Err(InvalidName(format!("REDIS_PREFIX must have 1 to {MAX_NAME} letters, digits, '-', '_' and '.', such as roomcast")))
            }
        }
    }

    /// The key with this name. The braces are the hash tag, which puts all keys of a cluster into one slot of a Redis Cluster.
    pub fn key(&self, name: &str) -> String {
        format!("{{{}}}:{name}", self.0)
    }
}

impl Default for ClusterPrefix {
    /// The prefix `roomcast`.
    fn default() -> Self {
        Self("roomcast".into())
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
    pub address: NodeAddress,
}

fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_few_characters_only() {
        for (text, is_valid) in
            [("node-1", true), ("A.b_9", true), ("", false), ("a b", false), ("a:b", false), ("{a}", false), (&"x".repeat(65), false)]
        {
            assert_eq!(NodeId::parse(text).is_ok(), is_valid, "{text}");
            assert_eq!(ClusterPrefix::parse(text).is_ok(), is_valid, "{text}");
        }
        assert_eq!(ClusterPrefix::default().key("bus"), "{roomcast}:bus");
    }

    #[test]
    fn addresses_are_http_without_path_or_user() {
        for (text, expected) in [
            ("http://10.0.0.7:3000", Some("http://10.0.0.7:3000")),
            ("https://node.example/", Some("https://node.example")),
            ("http://[::1]:3000", Some("http://[::1]:3000")),
            ("10.0.0.7:3000", None),
            ("http://", None),
            ("http://user:secret@host", None),
            ("http://host/path", None),
            ("ws://host", None),
        ] {
            assert_eq!(NodeAddress::parse(text).ok().as_ref().map(NodeAddress::as_str), expected, "{text}");
        }
    }

    #[test]
    fn incarnations_are_read_as_they_are_written() {
        for number in [0, 1, u64::MAX] {
            assert_eq!(Incarnation::parse(&Incarnation(number).to_string()), Some(Incarnation(number)));
        }
        assert_eq!(Incarnation::parse("x"), None);
    }
}
