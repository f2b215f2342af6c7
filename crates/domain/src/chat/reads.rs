//! Read markers. Each user has one marker a room, the newest read message: all messages up to it count as read.

use serde::{Deserialize, Serialize};

use crate::chat::Message;
use crate::event::Event;
use crate::names::{Id, Kind, PersonId, Room};
use crate::operation::{Actor, Command, Query, Tx};
use crate::refusal::Refusal;
use crate::seam::{Page, Store};
use crate::spaces::{ASKED_MEMBERS, Space, embed_members, require_member};

/// How many messages one event names: the newest. The marker in the event covers the rest.
const NAMED: u32 = 1000;

/// How many messages one command may name.
const NAMEABLE: usize = 1000;

/// How many messages one count of unread messages examines: clients need no larger count, and a count must not keep the writer busy.
const COUNTED: u32 = 10_000;

/// Marks a room's messages as read by the actor, up to the newest of the named messages. Messages that were read before are not announced again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadMessages {
    /// The room.
    pub room: Room,
    /// Ids of read messages; the newest that is in the room is used.
    pub messages: Vec<Id>,
    /// Marks all messages as read that are not newer than this id.
    pub up_to: Option<Id>,
}

/// The answer of [`ReadMessages`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Read {
    /// The room.
    pub room: Room,
    /// The other users' messages that the actor had not read before: the newest thousand, oldest first.
    pub messages: Vec<Id>,
    /// The number of the room's unread messages for the actor; among very many messages only the newest are counted.
    pub unread: u64,
}

impl Command for ReadMessages {
    type Answer = Read;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Read, Refusal> {
        require_member(tx.store, tx.actor, &self.room)?;
        let reader = tx.actor.person.clone();
        if self.messages.is_empty() && self.up_to.is_none() {
            return Err(Refusal::invalid("messageIds", "must name at least one message, or upTo be the last that was read"));
        }
        let up_to = self.up_to.map_or(Ok(None), |up_to| tx.store.newest_message_in(&self.room, up_to))?;
        let newest = newest_of(tx.store, &self.room, self.messages)?.max(up_to);
        let mark = tx.store.read_mark(&self.room, &reader)?;
        let mut messages = Vec::new();
        if let Some(up_to) = newest.filter(|newest| Some(*newest) > mark) {
            messages = tx.store.unread_in(&self.room, &reader, up_to, NAMED)?;
            tx.store.put_read_mark(&self.room, &reader, up_to)?;
            if !messages.is_empty() {
                let large = tx.store.space(&self.room)?.is_some_and(|space| space.member_count > u64::from(ASKED_MEMBERS));
                let event = Event::MessagesRead { by: reader.clone(), messages: messages.clone(), up_to, to_reader_alone: large };
                tx.record(&self.room, event)?;
            }
        }
        let unread = tx.store.count_unread_in(&self.room, &reader, COUNTED)?;
        Ok(Read { room: self.room, messages, unread })
    }
}

/// The newest of these messages that is in the room.
fn newest_of(store: &mut dyn Store, room: &Room, mut messages: Vec<Id>) -> Result<Option<Id>, Refusal> {
    if messages.len() > NAMEABLE {
        return Err(Refusal::invalid("messageIds", format!("must name at most {NAMEABLE} messages; upTo names all up to one")));
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
pub(crate) fn begin_reading(tx: &mut Tx<'_>, room: &Room, person: &PersonId) -> Result<(), Refusal> {
    if room.kind().has_messages()
        && let Some(newest) = tx.store.newest_message_in(room, Id::MAX)?
    {
        tx.store.begin_reading(room, person, newest)?;
    }
    Ok(())
}

/// A message and whether it was read, as a user sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Seen {
    /// The message.
    pub message: Message,
    /// For the user's own message: whether another user has read it. For another user's message: whether the user has read it.
    pub read: bool,
}

impl Seen {
    /// A message as a user sees it; the caller has checked that the user may see it.
    ///
    /// # Errors
    /// The store's.
    pub fn of(store: &mut dyn Store, message: Message, person: &PersonId) -> Result<Self, Refusal> {
        Ok(Marks::of(store, &message.room, person)?.seen(message, person))
    }
}

/// Lists a room's messages, newest first, and whether they have been read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListSeenMessages {
    /// The room.
    pub room: Room,
    /// The page of the list.
    pub page: Page,
}

impl Query for ListSeenMessages {
    type Answer = Vec<Seen>;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Seen>, Refusal> {
        require_member(store, actor, &self.room)?;
        let messages = store.messages_in(&self.room, &self.page)?;
        let marks = Marks::of(store, &self.room, &actor.person)?;
        Ok(messages.into_iter().map(|message| marks.seen(message, &actor.person)).collect())
    }
}

/// A room with its newest message and unread count, for one of its members.
#[derive(Clone, PartialEq, Debug)]
pub struct Overview {
    /// The room.
    pub space: Space,
    /// The newest message.
    pub last: Option<Seen>,
    /// The number of unread messages for the member; among very many messages only the newest are counted.
    pub unread: u64,
}

impl Overview {
    /// The overview of a room without messages.
    pub fn empty(space: Space) -> Self {
        Self { space, last: None, unread: 0 }
    }

    /// The newest message of a room, as a member sees it.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn newest(store: &mut dyn Store, room: &Room, person: &PersonId) -> Result<Option<Seen>, Refusal> {
        let newest = store.messages_in(room, &Page::new(Some(1), None))?.pop();
        newest.map(|message| Seen::of(store, message, person)).transpose()
    }

    /// The overview of a room for a member; the caller has checked the membership.
    ///
    /// # Errors
    /// The store's.
    pub fn of(store: &mut dyn Store, space: Space, person: &PersonId) -> Result<Self, Refusal> {
        let last = store.messages_in(&space.room, &Page::new(Some(1), None))?.pop();
        let marks = Marks::of(store, &space.room, person)?;
        let unread = store.count_unread_in(&space.room, person, COUNTED)?;
        Ok(Self { last: last.map(|message| marks.seen(message, person)), unread, space })
    }
}

/// Reads the overview of one room, for its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadOverview {
    /// The room.
    pub room: Room,
}

impl Query for ReadOverview {
    type Answer = Overview;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Overview, Refusal> {
        require_member(store, actor, &self.room)?;
        let mut space = store.space(&self.room)?.ok_or(Refusal::NotFound(self.room.kind().noun()))?;
        embed_members(store, &mut space)?;
        Overview::of(store, space, &actor.person)
    }
}

/// Lists the overviews of the actor's rooms of a kind, newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListOverviews {
    /// The kind.
    pub kind: Kind,
    /// The page of the list.
    pub page: Page<Room>,
}

impl Query for ListOverviews {
    type Answer = Vec<Overview>;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Overview>, Refusal> {
        let mut spaces = store.spaces_of(&actor.person, self.kind, &self.page)?;
        for space in &mut spaces {
            embed_members(store, space)?;
        }
        spaces.into_iter().map(|space| Overview::of(store, space, &actor.person)).collect()
    }
}

/// Counts the actor's unread messages in all rooms of a kind; among very many messages only some are counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CountUnread {
    /// The kind.
    pub kind: Kind,
}

impl Query for CountUnread {
    type Answer = u64;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<u64, Refusal> {
        Ok(store.count_unread_of(&actor.person, self.kind, COUNTED)?)
    }
}

/// The read markers of a room: a user's own, and the newest of the other users.
struct Marks {
    own: Option<Id>,
    others: Option<Id>,
}

impl Marks {
    fn of(store: &mut dyn Store, room: &Room, person: &PersonId) -> Result<Self, Refusal> {
        Ok(Self { own: store.read_mark(room, person)?, others: store.read_mark_of_others(room, person)? })
    }

    fn seen(&self, message: Message, person: &PersonId) -> Seen {
        let mark = if message.sender.id == *person { self.others } else { self.own };
        Seen { read: Some(message.id) <= mark, message }
    }
}
