//! The messages between nodes, as bytes.
//!
//! A message is: the two bytes `C1 52`, the version, the kind, the id of the sending node behind its length, its incarnation in eight bytes (least
//! significant first), and the body of the kind. Numbers are LEB128 ([`varint`]), texts and bodies stand behind their length.
//!
//! A kind that this version does not know is skipped, so that nodes of different versions can run beside each other during an upgrade.

mod decode;
mod encode;
mod event_frame;
mod presence_entry;
pub mod varint;

use bytes::Bytes;

pub use decode::decode;
pub use encode::{encode, encode_events};
pub use event_frame::{EphemeralFrame, EventFrame};
pub use presence_entry::{ChangedEntry, PresenceChange, PresenceKey};

use crate::identity::{Incarnation, NodeId};

/// A charge: the name of the budget, such as a class and a user, and the amount.
pub type Usage = (Box<str>, u32);

/// The first bytes of every message. The first is a byte that msgpack never uses, so a message of a Socket.IO adapter is not mistaken for one of these.
const MAGIC: [u8; 2] = [0xc1, 0x52];

/// The version of the format. A node skips messages of other versions.
const VERSION: u8 = 1;

/// The most offsets of one event.
pub const MAX_OFFSETS: u32 = 1 << 20;

/// The most parts of a list of presence.
pub const MAX_PARTS: u32 = 4096;

/// The largest message that a node decodes, in bytes: it is larger than any that a node sends.
pub const MAX_MESSAGE: usize = 64 << 20;

/// Why a message was skipped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// The message does not begin as those of a node: another program uses the channel.
    #[error("the message is not from a Roomcast node")]
    Foreign,
    /// The message has another version of the format.
    #[error("the message has another version of the format")]
    Version,
    /// The message has a kind that this version does not know.
    #[error("the message has an unknown kind")]
    Kind,
    /// The message is cut off or damaged.
    #[error("the message is damaged")]
    Malformed,
}

/// A message with its sender.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Envelope {
    /// The node that sent the message.
    pub node: NodeId,
    /// The incarnation of the node in which it sent the message.
    pub incarnation: Incarnation,
    /// The message.
    pub message: Message,
}

/// A message between nodes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// Committed events, by ascending offset.
    Events(Vec<EventFrame>),
    /// Ephemeral events, in the order in which they were published.
    Ephemeral(Vec<EphemeralFrame>),
    /// The node is alive, and its publishing connection works.
    Heartbeat,
    /// Changes of the presence entries of the sender. The counter is one more than that of the change before.
    PresenceChanges {
        /// The number of this change.
        counter: u64,
        /// The changed entries.
        changes: Vec<ChangedEntry>,
    },
    /// A digest of the presence entries of the sender.
    PresenceDigest(Digest),
    /// Asks a node for all its presence entries.
    PresenceRequest {
        /// The node that is asked.
        of: NodeId,
    },
    /// A part of all presence entries of the sender, as they were after the change with this counter.
    PresenceList {
        /// The number of the last change that the list contains.
        counter: u64,
        /// The number of this part, from 0.
        part: u32,
        /// The number of parts, at least one.
        parts: u32,
        /// The entries of this part.
        entries: Vec<(PresenceKey, Bytes)>,
    },
    /// What the sender has charged to budgets since its last report.
    Usage(Vec<Usage>),
}

/// A digest of the presence entries of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Digest {
    /// The number of the last change.
    pub counter: u64,
    /// The number of entries.
    pub entries: u64,
    /// The sum of the hashes of the entries.
    pub hash: u64,
}

/// The kinds of messages.
mod kind {
    pub const EVENTS: u8 = 1;
    pub const EPHEMERAL: u8 = 2;
    pub const HEARTBEAT: u8 = 3;
    pub const PRESENCE_CHANGES: u8 = 4;
    pub const PRESENCE_DIGEST: u8 = 5;
    pub const PRESENCE_REQUEST: u8 = 6;
    pub const PRESENCE_LIST: u8 = 7;
    pub const USAGE: u8 = 8;
}

#[cfg(test)]
mod tests;
