//! Read markers. Each user has one marker a room, the newest read message: all messages up to it count as read.

use crate::access::require_member;
use crate::command::{Command, CommandContext, Query};
use crate::embedded_members::embed_members;
use crate::error::{DomainError, Reason};
use crate::event::Event;
use crate::field::Field;
use crate::model::{Actor, EntityId, MAX_PRESENCE_MEMBERS, Message, MessageWithReadState, RoomId, RoomKind, Space, UserId};
use crate::ports::{Page, Store};

/// How many messages one event names: the newest. The marker in the event covers the rest.
const MAX_REPORTED: u32 = 1000;

/// How many messages one command may name.
const MAX_MESSAGE_IDS: usize = 1000;

/// How many messages one count of unread messages examines: clients need no larger count, and a count must not keep the writer busy.
const MAX_COUNTED: u32 = 10_000;

/// Marks a room's messages as read by the actor, up to the newest of the named messages. Messages that were read before are not announced again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MarkRead {
    /// The room.
    pub room: RoomId,
    /// Ids of read messages; the newest that is in the room is used.
    pub messages: Vec<EntityId>,
    /// Marks all messages as read that are not newer than this id.
    pub up_to: Option<EntityId>,
}

/// The output of [`MarkRead`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadUpdate {
    /// The room.
    pub room: RoomId,
    /// The other users' messages that the actor had not read before: the newest thousand, oldest first.
    pub messages: Vec<EntityId>,
    /// The number of the room's unread messages for the actor; among very many messages only the newest are counted.
    pub unread: u64,
}

impl Command for MarkRead {
    type Output = ReadUpdate;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<ReadUpdate, DomainError> {
        require_member(context.store, context.actor, &self.room)?;
        let reader = context.actor.user.clone();
        if self.messages.is_empty() && self.up_to.is_none() {
            return Err(DomainError::invalid(
                Field::ReadMessages,
                Reason::with_field("must name at least one message, or {} be the last that was read", Field::ReadUpTo),
            ));
        }
        let up_to = self.up_to.map_or(Ok(None), |up_to| context.store.newest_message_in(&self.room, up_to))?;
        let newest = newest_of(context.store, &self.room, self.messages)?.max(up_to);
        let mark = context.store.read_marker(&self.room, &reader)?;
        let mut messages = Vec::new();
        if let Some(up_to) = newest.filter(|newest| Some(*newest) > mark) {
            messages = context.store.unread_in(&self.room, &reader, up_to, MAX_REPORTED)?;
            context.store.advance_read_marker(&self.room, &reader, up_to)?;
            if !messages.is_empty() {
                let large = context.store.space(&self.room)?.is_some_and(|space| space.member_count > u64::from(MAX_PRESENCE_MEMBERS));
                let event = Event::MessagesRead { by: reader.clone(), messages: messages.clone(), up_to, to_reader_alone: large };
                context.record_event(&self.room, event)?;
            }
        }
        let unread = context.store.count_unread_in(&self.room, &reader, MAX_COUNTED)?;
        Ok(ReadUpdate { room: self.room, messages, unread })
    }
}

/// The newest of these messages that is in the room.
fn newest_of(store: &mut dyn Store, room: &RoomId, mut messages: Vec<EntityId>) -> Result<Option<EntityId>, DomainError> {
    if messages.len() > MAX_MESSAGE_IDS {
        return Err(DomainError::invalid(
            Field::ReadMessages,
            Reason::with_field(format!("must name at most {MAX_MESSAGE_IDS} messages; {{}} names all up to one"), Field::ReadUpTo),
        ));
    }
    messages.sort_unstable();
    while let Some(id) = messages.pop() {
        match store.newest_message_in(room, id)? {
            Some(newest) if newest == id => return Ok(Some(id)),
            // The room has no message between `newest` and `id`.
            Some(newest) => messages.truncate(messages.partition_point(|id| *id <= newest)),
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// Sets the marker of a new member to the newest message, so that earlier messages are not unread. Records no event.
pub(crate) fn init_read_marker(context: &mut CommandContext<'_>, room: &RoomId, user: &UserId) -> Result<(), DomainError> {
    if room.kind().has_messages()
        && let Some(newest) = context.store.newest_message_in(room, EntityId::MAX)?
    {
        context.store.init_read_marker(room, user, newest)?;
    }
    Ok(())
}

impl MessageWithReadState {
    /// A message as a user sees it; the caller has checked that the user may see it.
    ///
    /// # Errors
    /// The store's.
    pub fn of(store: &mut dyn Store, message: Message, user: &UserId) -> Result<Self, DomainError> {
        Ok(ReadMarkers::of(store, &message.room, user)?.with_read_state(message, user))
    }
}

/// Lists a room's messages, newest first, and whether they have been read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListMessagesWithReadState {
    /// The room.
    pub room: RoomId,
    /// The page of the list.
    pub page: Page,
}

impl Query for ListMessagesWithReadState {
    type Output = Vec<MessageWithReadState>;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<MessageWithReadState>, DomainError> {
        require_member(store, actor, &self.room)?;
        let messages = store.messages_in(&self.room, &self.page)?;
        let marks = ReadMarkers::of(store, &self.room, &actor.user)?;
        Ok(messages.into_iter().map(|message| marks.with_read_state(message, &actor.user)).collect())
    }
}

/// A room with its newest message and unread count, for one of its members.
#[derive(Clone, PartialEq, Debug)]
pub struct ConversationSummary {
    /// The room.
    pub space: Space,
    /// The newest message.
    pub last: Option<MessageWithReadState>,
    /// The number of unread messages for the member; among very many messages only the newest are counted.
    pub unread: u64,
}

impl ConversationSummary {
    /// The overview of a room without messages.
    pub fn empty(space: Space) -> Self {
        Self { space, last: None, unread: 0 }
    }

    /// The newest message of a room, as a member sees it.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn newest(store: &mut dyn Store, room: &RoomId, user: &UserId) -> Result<Option<MessageWithReadState>, DomainError> {
        let newest = store.messages_in(room, &Page::new(Some(1), None))?.pop();
        newest.map(|message| MessageWithReadState::of(store, message, user)).transpose()
    }

    /// The overview of a room for a member; the caller has checked the membership.
    ///
    /// # Errors
    /// The store's.
    pub fn of(store: &mut dyn Store, space: Space, user: &UserId) -> Result<Self, DomainError> {
        let last = store.messages_in(&space.room, &Page::new(Some(1), None))?.pop();
        let marks = ReadMarkers::of(store, &space.room, user)?;
        let unread = store.count_unread_in(&space.room, user, MAX_COUNTED)?;
        Ok(Self { last: last.map(|message| marks.with_read_state(message, user)), unread, space })
    }
}

/// Reads the overview of one room, for its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetConversationSummary {
    /// The room.
    pub room: RoomId,
}

impl Query for GetConversationSummary {
    type Output = ConversationSummary;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<ConversationSummary, DomainError> {
        require_member(store, actor, &self.room)?;
        let mut space = store.space(&self.room)?.ok_or(DomainError::NotFound(self.room.kind().display_name()))?;
        embed_members(store, &mut space)?;
        ConversationSummary::of(store, space, &actor.user)
    }
}

/// Lists the overviews of the actor's rooms of a kind, newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListConversationSummaries {
    /// The kind.
    pub kind: RoomKind,
    /// The page of the list.
    pub page: Page<RoomId>,
}

impl Query for ListConversationSummaries {
    type Output = Vec<ConversationSummary>;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<ConversationSummary>, DomainError> {
        let mut spaces = store.spaces_of(&actor.user, self.kind, &self.page)?;
        for space in &mut spaces {
            embed_members(store, space)?;
        }
        spaces.into_iter().map(|space| ConversationSummary::of(store, space, &actor.user)).collect()
    }
}

/// Counts the actor's unread messages in all rooms of a kind; among very many messages only some are counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CountUnread {
    /// The kind.
    pub kind: RoomKind,
}

impl Query for CountUnread {
    type Output = u64;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<u64, DomainError> {
        Ok(store.count_unread_of(&actor.user, self.kind, MAX_COUNTED)?)
    }
}

/// The read markers of a room: a user's own, and the newest of the other users.
struct ReadMarkers {
    own: Option<EntityId>,
    others: Option<EntityId>,
}

impl ReadMarkers {
    fn of(store: &mut dyn Store, room: &RoomId, user: &UserId) -> Result<Self, DomainError> {
        Ok(Self { own: store.read_marker(room, user)?, others: store.read_marker_of_others(room, user)? })
    }

    fn with_read_state(&self, message: Message, user: &UserId) -> MessageWithReadState {
        let mark = if message.sender.id == *user { self.others } else { self.own };
        MessageWithReadState { read: Some(message.id) <= mark, message }
    }
}
