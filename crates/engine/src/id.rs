//! Session and socket ids. An id contains the shard and the slot of its connection or socket, so no table of ids is kept.
//!
//! An id has twenty characters of base64url, the length that Socket.IO clients expect: shard (1 byte), slot (3 bytes), randomness (11
//! bytes). On one of several nodes, the first three bytes of the randomness are the tag of the node ([`crate::Config::node`]), so that any
//! node finds the owner of a session; 64 bits remain of randomness.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore;

use crate::node_tag::NodeTag;

const BYTES: usize = 15;

/// The bytes of the node's tag.
const NODE: std::ops::Range<usize> = 4..7;

/// The number of slots that an id can address.
pub(crate) const MAX_SLOTS: usize = 1 << 24;

/// A session's or a socket's id. A session's id authorises requests and stays secret; a socket's id may be shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Id([u8; BYTES]);

impl Id {
    /// A new id for a slot of a shard, without the tag of a node.
    pub(crate) fn new(shard: u8, slot: u32, random: &mut impl RngCore) -> Self {
        let mut bytes = [0; BYTES];
        bytes[0] = shard;
        bytes[1..4].copy_from_slice(&slot.to_be_bytes()[1..]);
        random.fill_bytes(&mut bytes[4..]);
        Self(bytes)
    }

    /// A new id that names the node.
    pub(crate) fn on_node(node: Option<NodeTag>, shard: u8, slot: u32, random: &mut impl RngCore) -> Self {
        let mut id = Self::new(shard, slot, random);
        if let Some(node) = node {
            id.0[NODE].copy_from_slice(&node.bytes());
        }
        id
    }

    /// The tag of the node that made the id, if a node with a tag made it; otherwise random bytes.
    pub fn node(&self) -> NodeTag {
        NodeTag::from_bytes([self.0[4], self.0[5], self.0[6]])
    }

    /// Reads the text form. `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; BYTES];
        (text.len() == 20).then_some(())?;
        let written = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        (written == BYTES).then_some(Self(bytes))
    }

    /// The text form, 20 characters.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The shard of the session or socket, if the id is genuine.
    pub(crate) fn shard(&self) -> u8 {
        self.0[0]
    }

    /// The slot of the session or socket, if the id is genuine and the slot still in use.
    pub(crate) fn slot(&self) -> u32 {
        u32::from_be_bytes([0, self.0[1], self.0[2], self.0[3]])
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn id_of_a_node_names_shard_slot_and_node() {
        let random = &mut StdRng::seed_from_u64(1);
        let node = NodeTag::of("web-1-3000");
        let ids = [0, 1].map(|_| Id::on_node(Some(node), 7, 0x0102_0304 & 0x00ff_ffff, random));
        for id in ids {
            assert_eq!((id.shard(), id.slot(), id.node()), (7, 0x0002_0304, node));
            assert_eq!(Id::parse(&id.text()), Some(id));
        }
        assert_ne!(ids[0], ids[1]);
        assert_ne!(Id::on_node(None, 7, 1, random).node(), Id::on_node(None, 7, 1, random).node());
    }
}
