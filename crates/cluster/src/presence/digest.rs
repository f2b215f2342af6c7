//! The hash of an entry. The sum of the hashes of all entries does not depend on their order, and changes with each of them.

use crate::wire::PresenceKey;

/// The hash (FNV-1a, then mixed) of an entry.
pub fn entry_hash(key: &PresenceKey, value: &[u8]) -> u64 {
    let digest = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    // A byte that is not in UTF-8 separates the texts.
    let parts = [key.room.as_bytes(), &[0xff], key.user.as_bytes(), &[0xff], value];
    let hash = parts.into_iter().flatten().fold(0xcbf2_9ce4_8422_2325, digest);
    // FNV leaves similar hashes for similar entries, whose sums could be equal.
    let hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ hash >> 33
}
