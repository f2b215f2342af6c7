//! Spaces: the rooms with members, and the permission checks for all rooms.

mod additions;
mod archive;
mod create;
mod inbox;
mod invites;
mod join;
mod membership;
mod presence;
mod queries;
mod rename;

pub use crate::embedded_members::{MAX_EMBEDDED_BYTES, MAX_EMBEDDED_MEMBERS};
pub use crate::model::{MAX_PRESENCE_MEMBERS, Member, Role, Space, Standing};
pub use additions::REJOIN_DELAY_SECONDS;
pub use archive::ArchiveSpace;
pub use create::{CreateChannel, CreateSpace};
pub use invites::{JoinByInvite, RefreshInvite};
pub use join::{JoinRoom, JoinRoomListingMembers, JoinedRoom, ResumeRoom};
pub(crate) use membership::end_membership;
pub use membership::{AddMember, RemoveMember};
pub use presence::{FilterVisible, ListMemberIds};
pub use queries::{GetSpace, InspectSpace, ListChannels, ListContacts, ListMembers, ListSpaces};
pub use rename::RenameSpace;
