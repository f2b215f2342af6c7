//! What can happen. One event, whatever the contract: the dialects say it in each client's words.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strum::{EnumDiscriminants, IntoStaticStr, VariantArray};

use crate::calls::Call;
use crate::chat::{Message, Seen};
use crate::emissions::Emission;
use crate::names::{Id, Kind, PersonId, Room, Timestamp};
use crate::notifications::{Announcement, Notification};
use crate::operation::Actor;
use crate::people::Person;
use crate::spaces::Space;
use crate::tasks::Task;
use crate::trips::{TripChanges, TripDetails};

/// Something that happened, whole: a reader needs no second look-up to show it. `by` is who did it. Its serde form is the journal's own.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "event", rename_all = "snake_case")]
#[strum_discriminants(name(EventKind), derive(IntoStaticStr, VariantArray), strum(serialize_all = "snake_case"))]
#[strum_discriminants(doc = "Which of the things it is that can happen.")]
#[expect(missing_docs, reason = "the fields are the things that the variant's sentence names")]
pub enum Event {
    /// A space was created. `people` are all its members, of whom `space` embeds the first; `trip` are the details of a trip.
    SpaceCreated {
        space: Space,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        people: Vec<PersonId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trip: Option<TripDetails>,
    },
    /// A space's details changed.
    SpaceUpdated {
        space: Space,
        #[serde(default)]
        by: Option<Person>,
    },
    /// A space was put away: it is still read, and nothing in it changes any more.
    SpaceArchived { space: Space, by: Option<Person> },
    /// A space was deleted, and these people are no longer its members. For a space with many members several such events are recorded, each with
    /// some of the members.
    SpaceDeleted {
        space: Space,
        #[serde(default)]
        people: Vec<PersonId>,
        by: PersonId,
    },
    /// A person became a member, by an act of another user or of the person. `by_whom` is the profile of `by`, for contracts that show it.
    MemberJoined {
        space: Space,
        person: Person,
        #[serde(default)]
        by: Option<PersonId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_whom: Option<Person>,
    },
    /// A user became a member; recorded in that user's inbox, behind the [`Event::MemberJoined`] of the space. `trip` has the
    /// details of a trip, `last` a conversation's newest message as that user sees it.
    Added {
        space: Space,
        by: Option<Person>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trip: Option<TripDetails>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<Box<Seen>>,
    },
    /// A user is no longer a member of this space; recorded in that user's inbox, behind the [`Event::MemberLeft`] of the space.
    Removed { space: Room, by: Option<Person> },
    /// A member has another role.
    RoleChanged { space: Space, person: PersonId, by: PersonId },
    /// A person became a member by a token that says so. It is told to nobody; the person's connections hear the space from here on.
    MembershipClaimed { person: PersonId },
    /// A person is no longer a member, likewise.
    MemberLeft {
        space: Space,
        person: PersonId,
        #[serde(default)]
        by: Option<PersonId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_whom: Option<Person>,
    },
    /// A space has a new invite code; the old one is void.
    InviteRefreshed { space: Space },
    /// A person's profile changed. It is stored once and broadcast to each of these rooms, the person's spaces: see [`Fact::in_each_room`].
    ProfileUpdated {
        person: Person,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rooms: Vec<Room>,
    },
    /// A task was created, and given to those whom it names.
    TaskCreated { task: Task },
    /// A task was edited. What the edit also was stands in it: who completed the task by it or took it up again (see `task.completed`), to
    /// whom it was given and from whom it was taken, and which status it had before.
    TaskUpdated {
        task: Task,
        #[serde(default)]
        by: Option<Person>,
        #[serde(default)]
        was: Option<String>,
        #[serde(default)]
        toggled_by: Option<Person>,
        #[serde(default)]
        assigned: Vec<Person>,
        #[serde(default)]
        unassigned: Vec<Person>,
    },
    /// A task is gone.
    TaskDeleted {
        task: Id,
        #[serde(default)]
        by: Option<Person>,
    },
    /// A task has another status than it had.
    TaskStatusChanged { task: Task, was: String, by: Option<Person> },
    /// A task was completed, or taken up again: see `task.completed`.
    TaskToggled { task: Task, by: Person },
    /// A task was given to a person.
    TaskAssigned {
        task: Task,
        to: Person,
        #[serde(default)]
        by: Option<Person>,
    },
    /// A task was taken from a person.
    TaskUnassigned {
        task: Task,
        from: Person,
        #[serde(default)]
        by: Option<Person>,
    },
    /// A message was sent, by `message.sender`.
    MessageSent { message: Message },
    /// A message has another text, by its sender.
    MessageEdited { message: Message },
    /// A message is gone, by its sender.
    MessageDeleted { message: Id, sender: Person },
    /// A call rings.
    CallInitiated {
        call: Call,
        /// Members who have blocked the caller, and do not receive the event.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        not_for: Vec<PersonId>,
    },
    /// A person has come into a call.
    CallAnswered { call: Call, by: Person },
    /// A call is over: see `call.status` and `call.ended_by`.
    CallEnded { call: Call },
    /// A person has read messages of others: these, of which there may be older ones too, and everything else up to a message. In a very large
    /// room only the reader's own devices receive it.
    MessagesRead {
        by: PersonId,
        messages: Vec<Id>,
        up_to: Id,
        #[serde(default)]
        to_reader_alone: bool,
    },
    /// A trip's fields were changed, and its people told more that is not stored.
    TripUpdated { changes: TripChanges, more: Map<String, Value>, by: PersonId },
    /// A person was told something; told in the person's inbox, as the two below.
    NotificationCreated { notification: Notification },
    /// A person has read a notification.
    NotificationRead { notification: Id },
    /// A person has read all notifications.
    NotificationsRead,
    /// A back end has said something of its own.
    Emitted { emission: Emission },
}

impl Event {
    /// How many offsets the event takes in the journal: one, or one for each room in which it is broadcast separately.
    pub fn offsets(&self) -> usize {
        match self {
            Self::ProfileUpdated { rooms, .. } => rooms.len().max(1),
            _ => 1,
        }
    }
}

impl EventKind {
    /// How many there are.
    pub const COUNT: usize = Self::VARIANTS.len();

    /// Its name, as it stands in the journal.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The name of the kind with this number, if there is one.
    pub fn name_of(number: u8) -> Option<&'static str> {
        Self::VARIANTS.get(usize::from(number)).map(|kind| kind.name())
    }
}

/// An event that is stored, ordered and recoverable.
#[derive(Clone, PartialEq, Debug)]
pub struct Fact {
    /// The offset in the journal; later facts have larger ones. A fact with several offsets ([`Event::offsets`]) has the last here.
    pub offset: i64,
    /// The space in which it happened.
    pub room: Room,
    /// The space's own counter.
    pub seq: i64,
    /// When the transaction decided it.
    pub at: Timestamp,
    /// What happened,
    pub event: Event,
    /// and as the journal has it: its JSON.
    pub body: String,
    /// The account to which it is charged.
    pub account: Account,
}

/// An account to which events are charged: when the journal is full, the accounts that use most lose their oldest events first. It is a digest
/// (FNV-1a) of a user's id or a room's name; users with the same digest share an account.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub struct Account(pub i64);

impl Account {
    /// The account to which an actor's events in a room are charged: the actor's, or the room's if the actor acts for others (the server, back ends,
    /// admins).
    pub fn of(actor: &Actor, room: &Room) -> Self {
        match actor.admin {
            true => Self::named("", room.as_str()),
            // With the prefix of an inbox, because an id may look like a room.
            false => Self::named("user:", actor.person.as_str()),
        }
    }

    fn named(kind: &str, name: &str) -> Self {
        let digest = |digest: u64, byte: u8| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(kind.bytes().chain(name.bytes()).fold(0xcbf2_9ce4_8422_2325, digest) as i64)
    }
}

impl Fact {
    /// The smallest of its offsets; [`Fact::offset`] is the largest.
    pub fn first_offset(&self) -> i64 {
        self.offset - (self.event.offsets() as i64 - 1)
    }

    /// Splits a fact with several offsets into one fact for each offset and room, because a broadcast names its room. `None` if the fact is of one
    /// room.
    ///
    /// # Errors
    /// That of an event's body that cannot be written.
    pub fn in_each_room(&self) -> Option<serde_json::Result<Vec<Self>>> {
        let Event::ProfileUpdated { person, rooms } = &self.event else { return None };
        if rooms.is_empty() {
            return None;
        }
        let event = Event::ProfileUpdated { person: person.clone(), rooms: Vec::new() };
        let body = serde_json::to_string(&event);
        Some(body.map(|body| {
            let fact = |(offset, room): (i64, &Room)| Self {
                offset,
                room: room.clone(),
                seq: self.seq,
                at: self.at,
                event: event.clone(),
                body: body.clone(),
                account: self.account,
            };
            (self.first_offset()..).zip(rooms).map(fact).collect()
        }))
    }

    /// The number of rooms and inboxes that receive the fact, at least one: its cost for the server.
    pub fn reach(&self) -> usize {
        match &self.event {
            Event::SpaceCreated { people, .. } | Event::SpaceDeleted { people, .. } => people.len().max(1),
            Event::Emitted { emission } => emission.rooms.len().max(1),
            event => event.offsets(),
        }
    }

    /// The rooms that hear of it; somebody who is in several hears it once. None if it is told to nobody.
    pub fn audience(&self) -> Vec<Room> {
        match &self.event {
            // The one who comes or goes is told in the inbox too: another device may not be in the room (yet, or any more).
            Event::MemberJoined { person, .. } => vec![self.room.clone(), Room::inbox(&person.id)],
            Event::MemberLeft { person, .. } => vec![self.room.clone(), Room::inbox(person)],
            Event::MembershipClaimed { .. } => Vec::new(),
            Event::ProfileUpdated { rooms, .. } if !rooms.is_empty() => rooms.clone(),
            Event::ProfileUpdated { .. } => vec![self.room.clone()],
            // The reader's other devices count what is unread, whether they have the room open or not.
            Event::MessagesRead { by, to_reader_alone: true, .. } => vec![Room::inbox(by)],
            Event::MessagesRead { by, .. } => vec![self.room.clone(), Room::inbox(by)],
            Event::Emitted { emission } => emission.rooms.clone(),
            // The inboxes are enough: no connection can be in the room of a new space, and the connections in the room of a deleted one are its
            // members'. Events of an older version have no `people`, but all members in `space`.
            Event::SpaceCreated { space, people, .. } | Event::SpaceDeleted { space, people, .. } if people.is_empty() => {
                inboxes(space).collect()
            }
            Event::SpaceCreated { people, .. } | Event::SpaceDeleted { people, .. } => people.iter().map(Room::inbox).collect(),
            Event::TaskDeleted { task, .. } => self.task_audience(*task),
            Event::TaskCreated { task }
            | Event::TaskStatusChanged { task, .. }
            | Event::TaskUpdated { task, .. }
            | Event::TaskToggled { task, .. }
            | Event::TaskAssigned { task, .. }
            | Event::TaskUnassigned { task, .. } => self.task_audience(task.id),
            Event::SpaceUpdated { .. }
            | Event::SpaceArchived { .. }
            | Event::Added { .. }
            | Event::Removed { .. }
            | Event::RoleChanged { .. }
            | Event::TripUpdated { .. }
            | Event::InviteRefreshed { .. }
            | Event::MessageSent { .. }
            | Event::MessageEdited { .. }
            | Event::MessageDeleted { .. }
            | Event::CallInitiated { .. }
            | Event::CallAnswered { .. }
            | Event::CallEnded { .. }
            | Event::NotificationCreated { .. }
            | Event::NotificationRead { .. }
            | Event::NotificationsRead => vec![self.room.clone()],
        }
    }

    /// A task may have a room of its own too.
    fn task_audience(&self, task: Id) -> Vec<Room> {
        let mut rooms = vec![self.room.clone()];
        if self.room.kind().has_task_rooms() {
            rooms.push(Kind::Task.room(task));
        }
        rooms
    }
}

fn inboxes(space: &Space) -> impl Iterator<Item = Room> {
    space.members.iter().map(|member| Room::inbox(&member.person.id))
}

/// An event that is worth nothing late: never stored, dropped first when a client is slow.
#[derive(Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "the fields are the things that the variant's sentence names")]
pub enum Signal {
    /// A person's first connection entered a room.
    Entered { room: Room, person: Person },
    /// A person's last connection left a room; `removed` if that is because the person is not a member any more, of which a fact has told.
    Left { room: Room, person: Person, removed: bool },
    /// A person is typing in a room; said again and again while it lasts. The person's own connections need not hear it.
    Typing { room: Room, person: PersonId },
    /// A person who was typing has stopped, or has left, or has not said so for a while. Likewise.
    StoppedTyping { room: Room, person: PersonId },
    /// A person is online: the first connection anywhere.
    Online { person: PersonId, connection: String },
    /// A person is offline: the last connection is gone, and the grace with it.
    Offline { person: PersonId },
    /// A back end has said something of its own that is worth nothing late.
    Emitted { emission: Emission },
    /// A back end wants these people's connections, and these connections, to end.
    Expelled { people: Vec<PersonId>, connections: Vec<String>, reason: String },
    /// Everybody who is connected is told something.
    Announced { announcement: Announcement },
}
