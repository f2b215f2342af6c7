//! Records in a user's inbox that the user was added to a space or removed from it: devices of the user that are not in the room of the space receive
//! it.

use crate::chat::Overview;
use crate::event::Event;
use crate::names::{Kind, PersonId, Room};
use crate::operation::Tx;
use crate::refusal::Refusal;
use crate::spaces::Space;

/// Records in a user's inbox that the actor has made that user a member of `space`, which is the space with the user in it.
///
/// # Errors
/// The store's.
pub(super) fn record_added(tx: &mut Tx<'_>, space: &Space, user: &PersonId) -> Result<(), Refusal> {
    let kind = space.room.kind();
    if !kind.tells_in_inbox() {
        return Ok(());
    }
    let trip = if kind == Kind::Trip { tx.store.trip_details(&space.room)? } else { None };
    // Only a list of conversations shows the newest message of each.
    let last = match kind {
        Kind::Conversation => Overview::newest(tx.store, &space.room, user)?.map(Box::new),
        _ => None,
    };
    let by = tx.store.person(&tx.actor.person)?;
    tx.record(&Room::inbox(user), Event::Added { space: space.clone(), by, trip, last })
}

/// Records in a user's inbox that the user is no longer a member of a space.
///
/// # Errors
/// The store's.
pub(super) fn record_removed(tx: &mut Tx<'_>, space: &Room, user: &PersonId) -> Result<(), Refusal> {
    if !space.kind().tells_in_inbox() {
        return Ok(());
    }
    let by = tx.store.person(&tx.actor.person)?;
    tx.record(&Room::inbox(user), Event::Removed { space: space.clone(), by })
}
