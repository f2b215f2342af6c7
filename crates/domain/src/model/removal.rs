//! Removals that may be too large for one transaction.

use serde::{Deserialize, Serialize};

use super::{Actor, EntityId, RoomId, Space, User, UserId};

/// How many memberships and tasks of a user one step ends. Each records an event of its own.
pub const CHANGES_PER_STEP: u32 = 50;

/// The user, space or tasks that a removal removes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum RemovalTarget {
    /// A user: the memberships and tasks, each with an event to the space, and then the notifications and the profile.
    User {
        /// The user's id.
        #[serde(rename = "person")]
        user: UserId,
    },
    /// A space whose row is deleted already; the removal ends the memberships.
    Space {
        /// The space before its deletion, without its members.
        space: Box<Space>,
    },
    /// The tasks that a former member still has in a space.
    Tasks {
        /// The space.
        room: RoomId,
        /// The former member.
        #[serde(rename = "person")]
        user: User,
    },
}

impl RemovalTarget {
    /// The room that cannot be used during the removal: the space's, or a user's inbox. `None` for tasks.
    pub fn subject(&self) -> Option<RoomId> {
        match self {
            Self::User { user } => Some(RoomId::inbox(user)),
            Self::Space { space } => Some(space.room.clone()),
            Self::Tasks { .. } => None,
        }
    }
}

/// A removal that has started and has not ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Removal {
    /// The removal's id; removals continue in the order of their ids.
    pub id: EntityId,
    /// The user, space or tasks.
    pub target: RemovalTarget,
    /// The actor who requested it; the actor of the events of all steps.
    pub by: Actor,
}
