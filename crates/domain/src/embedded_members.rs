//! The first members of a space, which responses and events embed: as many as a screen shows, for spaces of any size.

use crate::model::Space;
use crate::ports::{MemberPage, Store, StoreResult};

/// The most members that a response or an event embeds: the first, in the order of joining. [`Space::member_count`] counts all of them, and
/// [`ListMembers`](crate::spaces::ListMembers) reads the rest.
pub const MAX_EMBEDDED_MEMBERS: u32 = 100;

/// The most bytes that the profiles of the embedded members have together. When the next member would exceed them, that member and all members behind
/// are left out; the first member is always embedded.
pub const MAX_EMBEDDED_BYTES: usize = 16 * 1024;

/// Fills [`Space::members`] with the first members as they are now.
///
/// # Errors
/// The store's.
pub(crate) fn embed_members(store: &mut dyn Store, space: &mut Space) -> StoreResult<()> {
    if !space.room.kind().has_own_members() {
        return Ok(());
    }
    let mut members = store.members(&space.room, &MemberPage { limit: MAX_EMBEDDED_MEMBERS, after: None })?;
    let mut bytes = 0;
    let fits = members.iter().take_while(|member| {
        bytes += member.user.size();
        bytes <= MAX_EMBEDDED_BYTES
    });
    let fitting = fits.count().max(1);
    members.truncate(fitting);
    space.members = members;
    Ok(())
}

/// The space as an event carries it. The input is the space with its first members. Only the events of some contracts have a field for members.
pub(crate) fn for_event(space: &Space) -> Space {
    let mut space = space.clone();
    if !space.room.kind().embeds_members() {
        space.members = Vec::new();
    }
    space
}
