//! Records in a user's inbox that the user was added to a space or removed from it: devices of the user that are not in the room of the space receive
//! it.

use crate::chat::ConversationSummary;
use crate::command::CommandContext;
use crate::error::DomainError;
use crate::event::Event;
use crate::model::{RoomId, RoomKind, Space, UserId};

/// Records in a user's inbox that the actor has made that user a member of `space`, which is the space with the user in it.
///
/// # Errors
/// The store's.
pub(super) fn record_added(context: &mut CommandContext<'_>, space: &Space, user: &UserId) -> Result<(), DomainError> {
    let kind = space.room.kind();
    if !kind.notifies_inbox() {
        return Ok(());
    }
    let trip = if kind == RoomKind::Trip { context.store.trip_details(&space.room)? } else { None };
    // Only a list of conversations shows the newest message of each.
    let last = match kind {
        RoomKind::Conversation => ConversationSummary::newest(context.store, &space.room, user)?.map(Box::new),
        _ => None,
    };
    let by = context.store.user(&context.actor.user)?;
    context.record_event(&RoomId::inbox(user), Event::Added { space: space.clone(), by, trip, last })
}

/// Records in a user's inbox that the user is no longer a member of a space.
///
/// # Errors
/// The store's.
pub(super) fn record_removed(context: &mut CommandContext<'_>, space: &RoomId, user: &UserId) -> Result<(), DomainError> {
    if !space.kind().notifies_inbox() {
        return Ok(());
    }
    let by = context.store.user(&context.actor.user)?;
    context.record_event(&RoomId::inbox(user), Event::Removed { space: space.clone(), by })
}
