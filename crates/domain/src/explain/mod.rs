//! What the store knows about an event and a user, to explain why the user received the event or not.

mod cause;

use crate::access::{parent_of, role_in};
use crate::command::Query;
use crate::error::DomainError;
use crate::event::{Event, PersistedEvent};
use crate::model::{Actor, EntityId, RoomId, RoomKind, Timestamp, User, UserId};
use crate::ports::{Store, StoreResult};
use crate::sessions::ClientPosition;

pub use cause::Cause;

/// How many events of the log are read at once in the search for a message's event.
const EVENTS_PER_READ: u32 = 256;

/// How an event is named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EventReference {
    /// By its position, as clients and back ends receive it.
    Position(ClientPosition),
    /// By the id of the message that it sent.
    Message(EntityId),
}

/// Reads what the store knows about an event and a user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExplainEvent {
    /// The event.
    pub event: EventReference,
    /// The user.
    pub user: UserId,
}

/// The output of [`ExplainEvent`].
#[derive(Clone, PartialEq, Debug)]
pub struct EventFacts {
    /// The offset of the event; `None` if the event of a message is no longer in the event log.
    pub offset: Option<i64>,
    /// The event; `None` if it is no longer in the event log.
    pub event: Option<PersistedEvent>,
    /// The id, room, sender and time of the message that the event was named by.
    pub message: Option<MessageFacts>,
    /// The user's profile; `None` if the server does not know the user.
    pub user: Option<User>,
    /// The rooms that receive the event, and the user's membership of each.
    pub rooms: Vec<RoomFacts>,
}

/// What the store knows about a message, without its content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageFacts {
    /// Its room.
    pub room: RoomId,
    /// The sender.
    pub sender: UserId,
    /// The time of sending.
    pub at: Timestamp,
}

/// A room that receives an event, and a user's membership of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoomFacts {
    /// The room.
    pub room: RoomId,
    /// The user's membership.
    pub membership: Membership,
}

/// A user's membership of a room when an event was recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Membership {
    /// The room is the user's inbox, which all connections of the user are in.
    OwnInbox,
    /// The room is the inbox of another user.
    OtherInbox,
    /// The room has all connected users.
    Everyone,
    /// The user was a member then, and is a member now.
    Member,
    /// The user became a member only after the event, at this offset of the event log.
    JoinedLater(i64),
    /// The user was a member then, and left the room at this time.
    MemberUntil(Timestamp),
    /// The user had left the room at this time, before the event.
    LeftBefore(Timestamp),
    /// The user is not a member, and the store knows of no membership.
    Never,
}

impl Membership {
    /// Whether the user was entitled to the room's events when the event was recorded.
    pub fn was_member(self) -> bool {
        matches!(self, Self::OwnInbox | Self::Everyone | Self::Member | Self::MemberUntil(_))
    }
}

/// The output is `None` for a position that does not belong to this event log. It does not depend on the actor, because only back ends and admins may execute
/// the query.
impl Query for ExplainEvent {
    type Output = Option<EventFacts>;

    fn execute(self, store: &mut dyn Store, _: &Actor) -> Result<Option<EventFacts>, DomainError> {
        let (offset, event, message) = match self.event {
            EventReference::Position(position) => {
                let end = store.epoch_end(&position.epoch)?;
                if end.is_none_or(|end| !(1..=end).contains(&position.offset)) {
                    return Ok(None);
                }
                (Some(position.offset), part_at(store, position.offset)?, None)
            }
            EventReference::Message(id) => {
                let message = store.message(id)?.ok_or(DomainError::NotFound("Message"))?;
                let event = event_of_message(store, id, message.created_at)?;
                let known = MessageFacts { room: message.room, sender: message.sender.id, at: message.created_at };
                (event.as_ref().map(|event| event.offset), event, Some(known))
            }
        };
        let (audience, at, offset_then) = match (&event, &message) {
            (Some(event), _) => (event.audience(), Some(event.at), Some(event.offset)),
            (None, Some(message)) => (vec![message.room.clone()], Some(message.at), None),
            (None, None) => (Vec::new(), None, offset),
        };
        let rooms = audience.into_iter().map(|room| {
            let membership = membership(store, &room, &self.user, at, offset_then)?;
            Ok(RoomFacts { room, membership })
        });
        let rooms = rooms.collect::<StoreResult<Vec<_>>>()?;
        Ok(Some(EventFacts { offset, event, message, user: store.user(&self.user)?, rooms }))
    }
}

/// The event with this offset; of an event with several offsets, the one for the room of this offset.
fn part_at(store: &mut dyn Store, offset: i64) -> Result<Option<PersistedEvent>, DomainError> {
    let Some(event) = store.event_at(offset)? else { return Ok(None) };
    match event.in_each_room() {
        None => Ok(Some(event)),
        Some(parts) => {
            let parts = parts.map_err(|error| DomainError::Internal(error.to_string()))?;
            Ok(parts.into_iter().find(|part| part.offset == offset))
        }
    }
}

/// The event that sent a message. Events are in the order of their times, so the search ends with the first later event.
fn event_of_message(store: &mut dyn Store, id: EntityId, at: Timestamp) -> StoreResult<Option<PersistedEvent>> {
    let mut after = 0;
    loop {
        let batch = store.events_after(after, at, EVENTS_PER_READ)?;
        let sent = |event: &&PersistedEvent| matches!(&event.event, Event::MessageSent { message } if message.id == id);
        if let Some(event) = batch.events.iter().find(sent) {
            return Ok(Some(event.clone()));
        }
        let is_past = batch.events.last().is_some_and(|event| event.at > at);
        if is_past || !batch.is_full || batch.complete_through <= after {
            return Ok(None);
        }
        after = batch.complete_through;
    }
}

/// A user's membership of a room at the time of an event with this offset.
fn membership(store: &mut dyn Store, room: &RoomId, user: &UserId, at: Option<Timestamp>, offset: Option<i64>) -> StoreResult<Membership> {
    match room.kind() {
        RoomKind::User if room.id() == user.as_str() => return Ok(Membership::OwnInbox),
        RoomKind::User => return Ok(Membership::OtherInbox),
        RoomKind::Everyone => return Ok(Membership::Everyone),
        _ => {}
    }
    let space = parent_of(store, room)?.unwrap_or_else(|| room.clone());
    if role_in(store, room, user)?.is_some() {
        let since = store.member_since(&space, user)?.unwrap_or(0);
        let joined_later = offset.is_some_and(|offset| since >= offset);
        return Ok(if joined_later { Membership::JoinedLater(since) } else { Membership::Member });
    }
    Ok(match (store.left_at(&space, user)?, at) {
        (Some(left), Some(at)) if left < at => Membership::LeftBefore(left),
        (Some(left), _) => Membership::MemberUntil(left),
        (None, _) => Membership::Never,
    })
}
