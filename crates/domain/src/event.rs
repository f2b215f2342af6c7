//! The events of the domain. One event serves all contracts; each contract translates it into the names and fields of its clients.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strum::{EnumDiscriminants, IntoStaticStr, VariantArray};

use crate::model::{
    Actor, Announcement, Call, CustomEvent, EntityId, Message, MessageWithReadState, Notification, RoomId, RoomKind, Space, Task,
    Timestamp, TripChanges, TripDetails, User, UserId,
};

/// An event with all data that a client shows, so that a contract needs no further query. `by` is the user who caused it. The event log stores its
/// serde form, so a field keeps the name that older versions have stored (`person`, `people`, `emission`).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "event", rename_all = "snake_case")]
#[strum_discriminants(name(EventKind), derive(IntoStaticStr, VariantArray), strum(serialize_all = "snake_case"))]
#[strum_discriminants(doc = "The kind of an event.")]
#[expect(missing_docs, reason = "the fields are the things that the variant's sentence names")]
pub enum Event {
    /// A space was created. `users` are all its members; `space` embeds only the first. `trip` are the details of a trip.
    SpaceCreated {
        space: Space,
        #[serde(rename = "people", default, skip_serializing_if = "Vec::is_empty")]
        users: Vec<UserId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trip: Option<TripDetails>,
    },
    /// A space's details changed.
    SpaceUpdated {
        space: Space,
        #[serde(default)]
        by: Option<User>,
    },
    /// A space was archived: it can still be read, and nothing in it can be changed.
    SpaceArchived { space: Space, by: Option<User> },
    /// A space was deleted, and these users are no longer its members. For a space with many members several such events are recorded, each with
    /// some of the members.
    SpaceDeleted {
        space: Space,
        #[serde(rename = "people", default)]
        users: Vec<UserId>,
        by: UserId,
    },
    /// A user became a member, by an act of another user or of this user. `by_whom` is the profile of `by`, for contracts that show it.
    MemberJoined {
        space: Space,
        #[serde(rename = "person")]
        user: User,
        #[serde(default)]
        by: Option<UserId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_whom: Option<User>,
    },
    /// A user became a member; recorded in that user's inbox, behind the [`Event::MemberJoined`] of the space. `trip` has the
    /// details of a trip, `last` a conversation's newest message as that user sees it.
    Added {
        space: Space,
        by: Option<User>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trip: Option<TripDetails>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<Box<MessageWithReadState>>,
    },
    /// A user is no longer a member of this space; recorded in that user's inbox, behind the [`Event::MemberLeft`] of the space.
    Removed { space: RoomId, by: Option<User> },
    /// A member has another role.
    RoleChanged {
        space: Space,
        #[serde(rename = "person")]
        user: UserId,
        by: UserId,
    },
    /// A user became a member by a claim of a token. The event is not delivered to clients; the user's connections receive the space's events from
    /// this offset on.
    MembershipClaimed {
        #[serde(rename = "person")]
        user: UserId,
    },
    /// A user is no longer a member. `by` and `by_whom` as in [`Event::MemberJoined`].
    MemberLeft {
        space: Space,
        #[serde(rename = "person")]
        user: UserId,
        #[serde(default)]
        by: Option<UserId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_whom: Option<User>,
    },
    /// A space has a new invite code; the old code is invalid.
    InviteRefreshed { space: Space },
    /// A user's profile changed. The event is stored once and broadcast to each of `rooms`, the user's households: see [`PersistedEvent::in_each_room`].
    ProfileUpdated {
        #[serde(rename = "person")]
        user: User,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rooms: Vec<RoomId>,
    },
    /// A task was created and assigned to its assignees.
    TaskCreated { task: Task },
    /// A task was edited. The further fields describe the effects of the edit: `toggled_by` completed or reopened the task (see `task.completed`),
    /// `assigned` and `unassigned` are the changed assignees, and `was` is the status before, if it changed.
    TaskUpdated {
        task: Task,
        #[serde(default)]
        by: Option<User>,
        #[serde(default)]
        was: Option<String>,
        #[serde(default)]
        toggled_by: Option<User>,
        #[serde(default)]
        assigned: Vec<User>,
        #[serde(default)]
        unassigned: Vec<User>,
    },
    /// A task was deleted.
    TaskDeleted {
        task: EntityId,
        #[serde(default)]
        by: Option<User>,
    },
    /// The status of a task changed; `was` is the status before.
    TaskStatusChanged { task: Task, was: String, by: Option<User> },
    /// A task was completed or reopened: see `task.completed`.
    TaskToggled { task: Task, by: User },
    /// A task was assigned to a user.
    TaskAssigned {
        task: Task,
        to: User,
        #[serde(default)]
        by: Option<User>,
    },
    /// A task was unassigned from a user.
    TaskUnassigned {
        task: Task,
        from: User,
        #[serde(default)]
        by: Option<User>,
    },
    /// A message was sent, by `message.sender`.
    MessageSent { message: Message },
    /// The sender edited a message.
    MessageEdited { message: Message },
    /// The sender deleted a message.
    MessageDeleted { message: EntityId, sender: User },
    /// A call rings.
    CallInitiated {
        call: Call,
        /// Members who have blocked the caller, and do not receive the event.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        not_for: Vec<UserId>,
    },
    /// A user joined a call.
    CallAnswered { call: Call, by: User },
    /// A call ended: see `call.status` and `call.ended_by`.
    CallEnded { call: Call },
    /// A user has read all messages up to `up_to`. `messages` are the newest of the other users' messages that were unread before. In a very large
    /// room (`to_reader_alone`) only the reader's own devices receive the event.
    MessagesRead {
        by: UserId,
        messages: Vec<EntityId>,
        up_to: EntityId,
        #[serde(default)]
        to_reader_alone: bool,
    },
    /// A trip was updated. `changes` are its changed fields; `more` are further fields for its members, which the trip does not store.
    TripUpdated { changes: TripChanges, more: Map<String, Value>, by: UserId },
    /// A notification was created. This event and the two below are delivered in the inbox of the notified user.
    NotificationCreated { notification: Notification },
    /// A user has read a notification.
    NotificationRead { notification: EntityId },
    /// A user has read all notifications.
    NotificationsRead,
    /// A back end has emitted a custom event.
    Emitted {
        #[serde(rename = "emission")]
        custom_event: CustomEvent,
    },
    /// All connections of these users, and these connections, end on every node. No client receives the event.
    ConnectionsEnded { users: Vec<UserId>, connections: Vec<String>, reason: String },
}

impl Event {
    /// How many offsets the event takes in the event log: one, or one for each room in which it is broadcast separately.
    pub fn offsets(&self) -> usize {
        match self {
            Self::ProfileUpdated { rooms, .. } => rooms.len().max(1),
            _ => 1,
        }
    }
}

impl EventKind {
    /// The number of event kinds.
    pub const COUNT: usize = Self::VARIANTS.len();

    /// The name of the kind, as the event log stores it.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The name of the kind with this number (its position among the variants); `None` for an unknown number.
    pub fn name_of(number: u8) -> Option<&'static str> {
        Self::VARIANTS.get(usize::from(number)).map(|kind| kind.name())
    }
}

/// A persisted event: stored, ordered by its offset, and replayed to clients that missed it.
#[derive(Clone, PartialEq, Debug)]
pub struct PersistedEvent {
    /// The offset in the event log; later events have larger offsets. For an event with several offsets ([`Event::offsets`]) this is the last.
    pub offset: i64,
    /// The room in which the event was recorded.
    pub room: RoomId,
    /// The number of the event within its room.
    pub seq: i64,
    /// The time of the transaction that recorded the event.
    pub at: Timestamp,
    /// The event itself.
    pub event: Event,
    /// The JSON form of the event, as the event log stores it.
    pub body: String,
    /// The account to which the event is charged.
    pub account: Account,
}

/// An account to which events are charged: when the event log is full, the accounts that use most lose their oldest events first. It is a digest
/// (FNV-1a) of a user's id or a room's name; users with the same digest share an account.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub struct Account(pub i64);

impl Account {
    /// The account to which an actor's events in a room are charged: the actor's, or the room's if the actor acts for others (the server, back ends,
    /// admins).
    pub fn of(actor: &Actor, room: &RoomId) -> Self {
        match actor.admin {
            true => Self::named("", room.as_str()),
            // With the prefix of an inbox, because an id may look like a room.
            false => Self::named("user:", actor.user.as_str()),
        }
    }

    fn named(kind: &str, name: &str) -> Self {
        let digest = |digest: u64, byte: u8| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(kind.bytes().chain(name.bytes()).fold(0xcbf2_9ce4_8422_2325, digest) as i64)
    }
}

impl PersistedEvent {
    /// The smallest of its offsets; [`PersistedEvent::offset`] is the largest.
    pub fn first_offset(&self) -> i64 {
        self.offset - (self.event.offsets() as i64 - 1)
    }

    /// Splits an event with several offsets into one event for each offset and room, because a broadcast names its room. `None` for an event of one
    /// room.
    ///
    /// # Errors
    /// The event cannot be serialized as JSON.
    pub fn in_each_room(&self) -> Option<serde_json::Result<Vec<Self>>> {
        let Event::ProfileUpdated { user, rooms } = &self.event else { return None };
        if rooms.is_empty() {
            return None;
        }
        let event = Event::ProfileUpdated { user: user.clone(), rooms: Vec::new() };
        let body = serde_json::to_string(&event);
        Some(body.map(|body| {
            let persisted = |(offset, room): (i64, &RoomId)| Self {
                offset,
                room: room.clone(),
                seq: self.seq,
                at: self.at,
                event: event.clone(),
                body: body.clone(),
                account: self.account,
            };
            (self.first_offset()..).zip(rooms).map(persisted).collect()
        }))
    }

    /// The number of rooms and inboxes that receive the event, at least one: its cost for the server.
    pub fn reach(&self) -> usize {
        match &self.event {
            Event::SpaceCreated { users, .. } | Event::SpaceDeleted { users, .. } => users.len().max(1),
            Event::Emitted { custom_event } => custom_event.rooms.len().max(1),
            event => event.offsets(),
        }
    }

    /// The rooms that receive the event; a connection in several of these rooms receives it once. Empty for an event that is not delivered.
    pub fn audience(&self) -> Vec<RoomId> {
        match &self.event {
            // The member who joins or leaves receives the event in the inbox too: another device of the user may not be in the room.
            Event::MemberJoined { user, .. } => vec![self.room.clone(), RoomId::inbox(&user.id)],
            Event::MemberLeft { user, .. } => vec![self.room.clone(), RoomId::inbox(user)],
            Event::MembershipClaimed { .. } => Vec::new(),
            Event::ProfileUpdated { rooms, .. } if !rooms.is_empty() => rooms.clone(),
            Event::ProfileUpdated { .. } => vec![self.room.clone()],
            // The reader's other devices show the number of unread messages, also if they have not opened the room.
            Event::MessagesRead { by, to_reader_alone: true, .. } => vec![RoomId::inbox(by)],
            Event::MessagesRead { by, .. } => vec![self.room.clone(), RoomId::inbox(by)],
            Event::Emitted { custom_event } => custom_event.rooms.clone(),
            // The inboxes are enough: no connection can be in the room of a new space, and the connections in the room of a deleted one are its
            // members'. Events of an older version have no `people`, but all members in `space`.
            Event::SpaceCreated { space, users, .. } | Event::SpaceDeleted { space, users, .. } if users.is_empty() => {
                inboxes(space).collect()
            }
            Event::SpaceCreated { users, .. } | Event::SpaceDeleted { users, .. } => users.iter().map(RoomId::inbox).collect(),
            Event::ConnectionsEnded { .. } => Vec::new(),
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

    /// The space's room, and the task's own room if tasks of this kind of space have rooms.
    fn task_audience(&self, task: EntityId) -> Vec<RoomId> {
        let mut rooms = vec![self.room.clone()];
        if self.room.kind().has_task_rooms() {
            rooms.push(RoomKind::Task.room(task));
        }
        rooms
    }
}

fn inboxes(space: &Space) -> impl Iterator<Item = RoomId> {
    space.members.iter().map(|member| RoomId::inbox(&member.user.id))
}

/// An ephemeral event: useless when late, never stored, and dropped first when a client is slow.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, EnumDiscriminants)]
#[strum_discriminants(name(EphemeralEventKind), derive(IntoStaticStr, VariantArray), strum(serialize_all = "snake_case"))]
#[strum_discriminants(doc = "The kind of an ephemeral event.")]
#[expect(missing_docs, reason = "the fields are the things that the variant's sentence names")]
pub enum EphemeralEvent {
    /// The first connection of a user joined a room.
    RoomJoined { room: RoomId, user: User },
    /// The last connection of a user left a room. `removed`: because the user is no longer a member, which a persisted event has announced.
    RoomLeft { room: RoomId, user: User, removed: bool },
    /// A user is typing in a room; repeated while it lasts. The user's own connections do not need the event.
    Typing { room: RoomId, user: UserId },
    /// A user has stopped typing, has left the room, or has not repeated the typing event in time. The user's own connections do not need the event.
    StoppedTyping { room: RoomId, user: UserId },
    /// A user came online: the user's first connection was opened.
    Online { user: UserId, connection: String },
    /// A user went offline: the last connection has ended, and the grace period after it has passed.
    Offline { user: UserId },
    /// A back end has emitted a custom event that is not stored.
    Emitted { custom_event: CustomEvent },
    /// A back end disconnects all connections of these users, and these connections.
    Disconnected { users: Vec<UserId>, connections: Vec<String>, reason: String },
    /// A back end's or admin's announcement to all connected users.
    Announced { announcement: Announcement },
}
