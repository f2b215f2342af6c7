//! The tag of a node: three bytes in each id that the node makes.

/// The tag of a node, a hash of its id (`NODE_ID`). Nodes of one cluster must have different tags; see [`NodeTag::holder`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NodeTag([u8; 3]);

impl NodeTag {
    /// The tag of the node with this id. It is the same in every version: nodes of different versions run beside each other.
    pub fn of(node_id: &str) -> Self {
        // FNV-1a with 32 bits, folded to 24 as its authors advise.
        let hash = node_id.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let folded = (hash >> 24) ^ (hash & 0x00ff_ffff);
        let [_, bytes @ ..] = folded.to_be_bytes();
        Self(bytes)
    }

    /// The first of these other nodes that has the tag of the node with this id. Both cannot run in one cluster: requests of the one would
    /// be forwarded to the other. With 100 nodes that happens in one cluster of 3,000.
    pub fn holder<'a>(node_id: &str, others: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        others.into_iter().find(|other| *other != node_id && Self::of(other) == Self::of(node_id))
    }

    /// The three bytes.
    pub(crate) fn bytes(self) -> [u8; 3] {
        self.0
    }

    /// The tag with these bytes.
    pub(crate) fn from_bytes(bytes: [u8; 3]) -> Self {
        Self(bytes)
    }

    /// The tag as a number below 2^24.
    pub fn number(self) -> u32 {
        u32::from_be_bytes([0, self.0[0], self.0[1], self.0[2]])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn tag_of_a_node_never_changes() {
        assert_eq!(NodeTag::of("").number(), 0x1c_9d44);
        assert_eq!(NodeTag::of("web-1-3000").number(), 14_240_913);
    }

    #[test]
    fn node_with_the_tag_of_another_is_found() {
        let mut seen = HashMap::new();
        let (first, second) = (0..)
            .find_map(|number| {
                let id = format!("node-{number}");
                seen.insert(NodeTag::of(&id), id.clone()).map(|first| (first, id))
            })
            .unwrap();
        assert_eq!(NodeTag::holder(&second, ["other", &first]), Some(first.as_str()));
        assert_eq!(NodeTag::holder("node-1", ["node-1", "node-2", "node-3"]), None, "a node is no other node");
    }
}
