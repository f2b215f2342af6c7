//! Spaces: anything people are members of. The one permission question is asked here.

use serde::{Deserialize, Serialize};

use crate::names::{PersonId, Room, Timestamp};
use crate::people::Person;

mod access;
mod additions;
mod archive;
mod create;
mod details;
mod embed;
mod inbox;
mod invites;
mod membership;
mod presence;
mod read;

pub(crate) use access::act;
pub use access::{
    EnterAmongMembers, EnterRoom, Entered, StayInRoom, member_since, require_admin, require_member, require_writable, require_writer,
    role_in, rooms_heard_by,
};
pub use additions::LEFT_FOR_SECONDS;
pub use archive::ArchiveSpace;
pub use create::{CreateChannel, CreateSpace};
pub use details::RenameSpace;
pub use embed::{EMBEDDED_BYTES, EMBEDDED_MEMBERS};
pub(crate) use embed::{embed_members, for_event};
pub use invites::{JoinByInvite, RefreshInvite};
pub(crate) use membership::end_membership;
pub use membership::{AddMember, RemoveMember};
pub use presence::{ASKED_MEMBERS, NameMembers, NameVisible};
pub use read::{ListChannels, ListContacts, ListMembers, ListSpaces, ReadSpace};

/// What a member may do: admins change members, archive and delete; members read, write and invite.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The creator, and whom an admin makes one.
    Admin,
    /// Everybody else.
    Member,
}

impl Role {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Admin, Self::Member];
}

/// A person in a space.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub person: Person,
    /// As what.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
}

/// What the rules of the most frequent changes in a space need to know of their author, read in one statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The role in the space, or in the one that it is part of.
    pub role: Role,
    /// Whether the space, or the one that it is part of, is archived.
    pub archived: bool,
    /// Whether the member has acted there: see [`crate::seam::Spaces::has_acted`].
    pub acted: bool,
    /// The member's profile; `None` if it is not stored.
    pub person: Option<Person>,
}

/// A space, whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Space {
    /// Its address.
    pub room: Room,
    /// Its name.
    pub name: String,
    /// The space that it is part of (a channel's project).
    pub parent: Option<Room>,
    /// Opens it to whoever has it; only households have one.
    pub invite_code: Option<String>,
    /// Who made it.
    pub created_by: PersonId,
    /// When.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// Since when it is put away, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Timestamp>,
    /// How many members it has; 0 for a space whose members are its parent's.
    #[serde(default)]
    pub member_count: u64,
    /// The first members, in the order of joining, where an answer or event embeds them: at most [`EMBEDDED_MEMBERS`]. Other members are read in
    /// pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
}

impl Space {
    /// How many members it has. An event of an older version has all of them and no count.
    pub fn member_count(&self) -> u64 {
        self.member_count.max(self.members.len() as u64)
    }
}
