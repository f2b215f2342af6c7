//! Presence entries and their changes.

use bytes::{Bytes, BytesMut};

use super::DecodeError;
use super::varint::{Reader, put_bytes};

/// What an entry of presence is about: a user who is online, or a user who has a room open.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct PresenceKey {
    /// The room; empty for the user's being online at all.
    pub room: Box<str>,
    /// The user.
    pub user: Box<str>,
}

impl PresenceKey {
    /// The entry of a user who is online.
    pub fn online(user: &str) -> Self {
        Self { room: "".into(), user: user.into() }
    }

    /// The entry of a user who has a room open.
    pub fn in_room(room: &str, user: &str) -> Self {
        Self { room: room.into(), user: user.into() }
    }

    /// Whether the entry is about a user who is online, and not about a room.
    pub fn is_online(&self) -> bool {
        self.room.is_empty()
    }

    pub(super) fn encode(&self, buffer: &mut BytesMut) {
        put_bytes(buffer, self.room.as_bytes());
        put_bytes(buffer, self.user.as_bytes());
    }

    pub(super) fn decode(reader: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self { room: reader.text()?, user: reader.text()? })
    }
}

/// A change of an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PresenceChange {
    /// The entry exists, with this value.
    Set(Bytes),
    /// The entry has ended. The user may have moved to another node.
    Ended,
    /// The entry has ended, and the user has not moved: the user left by choice, or was removed.
    Left,
}

/// An entry with its change.
pub type ChangedEntry = (PresenceKey, PresenceChange);
