//! Spaces, the rooms with members, and their members.

use serde::{Deserialize, Serialize};

use super::{RoomId, Timestamp, User, UserId};

/// The largest space in which the presence of each member is looked up, and in which all members receive what each has read: beyond, both would cost
/// the square of the number of members.
pub const MAX_PRESENCE_MEMBERS: u32 = 500;

/// The role of a member: admins change members, archive and delete; members read, write and invite.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The creator, and members that get the role from an admin.
    Admin,
    /// All other members.
    Member,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 2] = [Self::Admin, Self::Member];
}

/// A member of a space.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Member {
    /// The user.
    #[serde(rename = "person")]
    pub user: User,
    /// The member's role.
    pub role: Role,
    /// The time at which the user became a member.
    pub joined_at: Timestamp,
}

/// The data about an author that the most frequent changes in a space check, read in one statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The role in the space, or in its parent.
    pub role: Role,
    /// Whether the space or its parent is archived.
    pub archived: bool,
    /// Whether the member has acted there: see `SpaceStore::has_acted`.
    pub acted: bool,
    /// The member's profile; `None` if it is not stored.
    pub user: Option<User>,
}

/// A space.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Space {
    /// The space's address.
    pub room: RoomId,
    /// The space's name; may be empty for a conversation.
    pub name: String,
    /// The parent space (a channel's project).
    pub parent: Option<RoomId>,
    /// The code with which users can join; only households have one.
    pub invite_code: Option<String>,
    /// The user who created the space.
    pub created_by: UserId,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
    /// The time at which the space was archived; `None` for an open space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
    /// The number of members; 0 for a space whose members are its parent's.
    #[serde(default)]
    pub member_count: u64,
    /// The first members, in the order of joining, where a response or event embeds them: at most `MAX_EMBEDDED_MEMBERS`. Other members are read in
    /// pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
}

impl Space {
    /// The number of members. An event of an older version embeds all members and has no count.
    pub fn member_count(&self) -> u64 {
        self.member_count.max(self.members.len() as u64)
    }
}
