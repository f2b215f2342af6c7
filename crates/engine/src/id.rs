//! Session and socket ids. An id contains the shard and the slot of its connection or socket, so no table of ids is kept.
//!
//! An id has twenty characters of base64url, the length that Socket.IO clients expect: shard (1 byte), slot (3 bytes), randomness (11
//! bytes).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore;

const BYTES: usize = 15;

/// The number of slots that an id can address.
pub(crate) const MAX_SLOTS: usize = 1 << 24;

/// A session's or a socket's id. A session's id authorises requests and stays secret; a socket's id may be shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Id([u8; BYTES]);

impl Id {
    /// A new id for a slot of a shard.
    pub(crate) fn new(shard: u8, slot: u32, random: &mut impl RngCore) -> Self {
        let mut bytes = [0; BYTES];
        bytes[0] = shard;
        bytes[1..4].copy_from_slice(&slot.to_be_bytes()[1..]);
        random.fill_bytes(&mut bytes[4..]);
        Self(bytes)
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
