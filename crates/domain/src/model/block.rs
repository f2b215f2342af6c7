//! Blocks between users.

use super::{Timestamp, UserId};

/// A block of a user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// The blocked user.
    pub user: UserId,
    /// The time of the block.
    pub since: Timestamp,
}
