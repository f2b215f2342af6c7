//! The ports of the domain: traits for the store, the id source and the bus. Each store trait covers one area; an implementation passes the
//! conformance suite of the `store` crate.

use std::sync::Arc;

use thiserror::Error;

use crate::error::DomainError;
use crate::event::{Account, EphemeralEvent, Event, PersistedEvent};
use crate::model::{
    Block, Call, EntityId, Member, Message, Notification, Participant, Removal, Role, RoomId, RoomKind, Session, SessionRoom, Space,
    Standing, Task, Timestamp, TripDetails, User, UserId,
};

/// The error of a store method. A missing row is a result (`None`), not an error.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The same call may succeed later: the disk is full, the database is read-only or locked, the connection is lost.
    #[error("{0}")]
    Unavailable(String),
    /// The same call fails again: a bug in the server, or a damaged database.
    #[error("{0}")]
    Broken(String),
}

impl From<StoreError> for DomainError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(reason) => Self::Unavailable(reason),
            StoreError::Broken(reason) => Self::Internal(reason),
        }
    }
}

/// The result of a store method.
pub type StoreResult<T> = Result<T, StoreError>;

/// A page of a list, newest first: at most `limit` rows, all older than `before`. `before` is an [`EntityId`] for rows that [`IdSource`] numbers, and a
/// [`RoomId`] for spaces.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T = EntityId> {
    /// The largest number of rows, 1 to [`Page::MAX_LIMIT`] for a client's page.
    pub limit: u32,
    /// Only rows older than this one.
    pub before: Option<T>,
}

impl<T> Page<T> {
    /// The largest [`Page::limit`].
    pub const MAX_LIMIT: u32 = 200;

    /// Makes a page from a client's `limit`: 50 rows by default, at least one and at most 200.
    pub fn new(limit: Option<u32>, before: Option<T>) -> Self {
        Self { limit: limit.unwrap_or(50).clamp(1, Self::MAX_LIMIT), before }
    }
}

/// A page of a space's members, in the order of joining: at most `limit`, all behind `after`. The page is empty if `after` is not a member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberPage {
    /// The largest number of members, 1 to 200.
    pub limit: u32,
    /// Only the members who joined after this member.
    pub after: Option<UserId>,
}

/// Users, by id.
pub trait UserStore {
    /// Reads one user.
    fn user(&mut self, id: &UserId) -> StoreResult<Option<User>>;
    /// Stores a new user who has signed in. Error: the id exists.
    fn insert_user(&mut self, user: &User) -> StoreResult<()>;
    /// Stores a new user who has not signed in, and whose id other users have named. Error: the id exists.
    fn insert_unseen_user(&mut self, user: &User) -> StoreResult<()>;
    /// Whether a user has signed in.
    fn has_signed_in(&mut self, id: &UserId) -> StoreResult<bool>;
    /// Stores that a known user has signed in.
    fn put_signed_in(&mut self, id: &UserId) -> StoreResult<()>;
    /// The users who were stored before `until`, have not signed in, are in no space, and whose profile was never changed: at most `limit`, in the
    /// order in which they were stored.
    fn unseen_users(&mut self, until: Timestamp, limit: u32) -> StoreResult<Vec<UserId>>;
    /// Stores a changed user, without [`User::created_at`]. Error: the id does not exist.
    fn update_user(&mut self, user: &User) -> StoreResult<()>;
    /// Removes a user's profile; the caller ends the memberships.
    fn delete_user(&mut self, id: &UserId) -> StoreResult<()>;
    /// Stores when an account was deleted; the row stays, also when the user signs in again.
    fn put_deletion(&mut self, id: &UserId, at: Timestamp) -> StoreResult<()>;
    /// When an account with this id was last deleted.
    fn deleted_at(&mut self, id: &UserId) -> StoreResult<Option<Timestamp>>;
    /// How many spaces a user is a member of.
    fn space_count(&mut self, id: &UserId) -> StoreResult<u64>;
    /// Whether there is a space that both are members of and have acted in, and neither has blocked the other.
    fn are_contacts(&mut self, one: &UserId, other: &UserId) -> StoreResult<bool>;
    /// Whether there is a space that both are members of.
    fn share_space(&mut self, one: &UserId, other: &UserId) -> StoreResult<bool>;
}

/// The blocks between users.
pub trait BlockStore {
    /// Stores that a user blocks another; a block that exists stays as it is.
    fn put_block(&mut self, user: &UserId, blocked: &UserId, at: Timestamp) -> StoreResult<()>;
    /// Ends a block, if there is one.
    fn delete_block(&mut self, user: &UserId, blocked: &UserId) -> StoreResult<()>;
    /// Ends all blocks that a user has made.
    fn delete_blocks_of(&mut self, user: &UserId) -> StoreResult<()>;
    /// The block of one user by another, if there is one.
    fn block(&mut self, user: &UserId, blocked: &UserId) -> StoreResult<Option<Block>>;
    /// How many users a user has blocked.
    fn count_blocks(&mut self, user: &UserId) -> StoreResult<u64>;
    /// The users that a user has blocked, the latest block first.
    fn blocks_of(&mut self, user: &UserId, page: &Page<UserId>) -> StoreResult<Vec<Block>>;
    /// The users who have blocked a user, at most `limit`.
    fn blockers_of(&mut self, blocked: &UserId, limit: u32) -> StoreResult<Vec<UserId>>;
    /// The members of a space who have blocked a user, at most `limit`.
    fn blockers_in(&mut self, room: &RoomId, blocked: &UserId, limit: u32) -> StoreResult<Vec<UserId>>;
}

/// Spaces and their members.
pub trait SpaceStore {
    /// Reads one space, with the number of its members and an empty [`Space::members`].
    fn space(&mut self, room: &RoomId) -> StoreResult<Option<Space>>;
    /// Whether the space exists.
    fn has_space(&mut self, room: &RoomId) -> StoreResult<bool>;
    /// Stores a new space. Error: the room exists.
    fn insert_space(&mut self, space: &Space) -> StoreResult<()>;
    /// Stores that a token's claim has created a space.
    fn put_claimed(&mut self, room: &RoomId) -> StoreResult<()>;
    /// Whether a token's claim has created a space.
    fn is_claimed(&mut self, room: &RoomId) -> StoreResult<bool>;
    /// Stores a changed space; parent and creation stay as they were. The space's `seq` is not touched. Error: the room does not exist.
    fn update_space(&mut self, space: &Space) -> StoreResult<()>;
    /// Removes a space; the caller ends the memberships. The space's `seq` stays, so that no number is given twice.
    fn delete_space(&mut self, room: &RoomId) -> StoreResult<()>;
    /// The present role of a user in a space; `None` without a membership.
    fn role(&mut self, room: &RoomId, user: &UserId) -> StoreResult<Option<Role>>;
    /// The present role of a user in the parent of a space (a channel's project).
    fn role_in_parent(&mut self, room: &RoomId, user: &UserId) -> StoreResult<Option<Role>>;
    /// When a user was last removed from a space or left it, if the user is not a member now.
    fn left_at(&mut self, room: &RoomId, user: &UserId) -> StoreResult<Option<Timestamp>>;
    /// Stores that a user whose membership of a space has just ended has left by choice.
    fn put_left_by_choice(&mut self, room: &RoomId, user: &UserId) -> StoreResult<()>;
    /// When a user last left a space by choice, if that was how the user's last membership ended and the user is not a member now.
    fn left_by_choice_at(&mut self, room: &RoomId, user: &UserId) -> StoreResult<Option<Timestamp>>;
    /// Whether a member has acted in a space, or in the one that it is part of; false for other users.
    fn has_acted(&mut self, room: &RoomId, user: &UserId) -> StoreResult<bool>;
    /// Stores that a member has acted in a space, or in the one that it is part of.
    fn put_acted(&mut self, room: &RoomId, user: &UserId) -> StoreResult<()>;
    /// The members of a space who have acted in it, without members who have blocked this user or are blocked by this user; at most `limit`.
    fn members_who_acted(&mut self, room: &RoomId, user: &UserId, limit: u32) -> StoreResult<Vec<UserId>>;
    /// Whether a space, or the one that it is part of, is archived.
    fn is_archived(&mut self, room: &RoomId) -> StoreResult<bool>;
    /// The standing of a member in a space, or in the space that it is part of, read in one statement; `None` for other users.
    fn member_standing(&mut self, room: &RoomId, user: &UserId) -> StoreResult<Option<Standing>>;
    /// Makes a user a member, or changes the role of a member.
    fn put_member(&mut self, room: &RoomId, user: &UserId, role: Role, at: Timestamp) -> StoreResult<()>;
    /// Ends a membership and stores the time; removes the user's sessions from the space and from the rooms inside it.
    fn remove_member(&mut self, room: &RoomId, user: &UserId, at: Timestamp) -> StoreResult<()>;
    /// A page of the members, in the order in which they joined.
    fn members(&mut self, room: &RoomId, page: &MemberPage) -> StoreResult<Vec<Member>>;
    /// The ids of the first `limit` members, in the order in which they joined.
    fn member_ids(&mut self, room: &RoomId, limit: u32) -> StoreResult<Vec<UserId>>;
    /// Whether one of the members is an admin.
    fn has_admin(&mut self, room: &RoomId) -> StoreResult<bool>;
    /// The first member, in the order of joining, who has acted in a space; if none has acted, the first of all members.
    fn longest_member(&mut self, room: &RoomId) -> StoreResult<Option<UserId>>;
    /// The first `limit` members with this handle ([`User::handle`], compared without case), in the order of their ids.
    fn members_with_handle(&mut self, room: &RoomId, handle: &str, limit: u32) -> StoreResult<Vec<User>>;
    /// The last handle of a member, in lower case and in the order of bytes, that is not behind this text.
    fn handle_up_to(&mut self, room: &RoomId, handle: &str) -> StoreResult<Option<String>>;
    /// The rooms that a user is a member of, newest first; `Some` kind selects the rooms of that kind.
    fn rooms_of(&mut self, user: &UserId, kind: Option<RoomKind>) -> StoreResult<Vec<RoomId>>;
    /// The contacts of a user, as in [`UserStore::are_contacts`], each once.
    fn contacts_of(&mut self, user: &UserId) -> StoreResult<Vec<UserId>>;
    /// The spaces of a kind that a user is a member of, newest first, each as in [`SpaceStore::space`].
    fn spaces_of(&mut self, user: &UserId, kind: RoomKind, page: &Page<RoomId>) -> StoreResult<Vec<Space>>;
    /// The spaces inside another (a project's channels), newest first.
    fn spaces_in(&mut self, parent: &RoomId, page: &Page<RoomId>) -> StoreResult<Vec<Space>>;
}

/// Tasks and their assignees.
pub trait TaskStore {
    /// Reads one task, with its assignees.
    fn task(&mut self, id: EntityId) -> StoreResult<Option<Task>>;
    /// Stores a new task, without its assignees. Error: the id exists.
    fn insert_task(&mut self, task: &Task) -> StoreResult<()>;
    /// Stores a changed task, without its assignees; room and creation stay as they were. Error: the id does not exist.
    fn update_task(&mut self, task: &Task) -> StoreResult<()>;
    /// Removes a task and its assignments.
    fn delete_task(&mut self, id: EntityId) -> StoreResult<()>;
    /// A space's tasks, newest first.
    fn tasks_in(&mut self, room: &RoomId, page: &Page) -> StoreResult<Vec<Task>>;
    /// The tasks that are assigned to a user, in a space or (`None`) in all spaces, oldest first, at most `limit`.
    fn tasks_of(&mut self, user: &UserId, room: Option<&RoomId>, limit: u32) -> StoreResult<Vec<Task>>;
    /// Assigns a task to a user; false if the user was an assignee already.
    fn assign(&mut self, id: EntityId, user: &UserId, at: Timestamp) -> StoreResult<bool>;
    /// Unassigns a task from a user; false if the user was not an assignee.
    fn unassign(&mut self, id: EntityId, user: &UserId) -> StoreResult<bool>;
}

/// Messages.
pub trait MessageStore {
    /// Reads one message with its sender.
    fn message(&mut self, id: EntityId) -> StoreResult<Option<Message>>;
    /// The message of this sender in this room with this `client_id` ([`Message::client_id`]).
    fn message_by_client_id(&mut self, room: &RoomId, sender: &UserId, client_id: &str) -> StoreResult<Option<Message>>;
    /// Stores a new message. Error: the id exists, or the sender's `client_id` exists in the room.
    fn insert_message(&mut self, message: &Message) -> StoreResult<()>;
    /// Stores a message's changed content, metadata and time of the edit. Error: the id does not exist.
    fn update_message(&mut self, message: &Message) -> StoreResult<()>;
    /// Removes a message.
    fn delete_message(&mut self, id: EntityId) -> StoreResult<()>;
    /// A room's messages, newest first.
    fn messages_in(&mut self, room: &RoomId, page: &Page) -> StoreResult<Vec<Message>>;
}

/// Read markers: one a user and room. A user who was in a room from its start and has read nothing there has no marker.
pub trait ReadMarkerStore {
    /// The newest message of a room that a user has read, or that was there when the user joined.
    fn read_marker(&mut self, room: &RoomId, user: &UserId) -> StoreResult<Option<EntityId>>;
    /// The newest message of a room that another user has read.
    fn read_marker_of_others(&mut self, room: &RoomId, user: &UserId) -> StoreResult<Option<EntityId>>;
    /// Moves a user's marker forward after the user has read; never back.
    fn advance_read_marker(&mut self, room: &RoomId, user: &UserId, mark: EntityId) -> StoreResult<()>;
    /// Moves a joining user's marker forward to the message `behind`; never back. This does not count the earlier messages as read by the user.
    fn init_read_marker(&mut self, room: &RoomId, user: &UserId, behind: EntityId) -> StoreResult<()>;
    /// Removes at most `limit` of a user's markers; returns how many.
    fn delete_read_markers_of(&mut self, user: &UserId, limit: u32) -> StoreResult<u64>;
    /// The newest message of a room that is not newer than `up_to`.
    fn newest_message_in(&mut self, room: &RoomId, up_to: EntityId) -> StoreResult<Option<EntityId>>;
    /// Other users' messages behind a user's marker and not newer than `up_to`: the newest `limit` messages, oldest first.
    fn unread_in(&mut self, room: &RoomId, user: &UserId, up_to: EntityId, limit: u32) -> StoreResult<Vec<EntityId>>;
    /// Counts other users' messages behind a user's marker, among the newest `limit` messages behind it.
    fn count_unread_in(&mut self, room: &RoomId, user: &UserId, limit: u32) -> StoreResult<u64>;
    /// The same count in all rooms of a kind that the user is a member of; the query reads at most `limit` messages together.
    fn count_unread_of(&mut self, user: &UserId, kind: RoomKind, limit: u32) -> StoreResult<u64>;
}

/// Notifications.
pub trait NotificationStore {
    /// Reads one notification.
    fn notification(&mut self, id: EntityId) -> StoreResult<Option<Notification>>;
    /// Stores a new notification. Error: the id exists.
    fn insert_notification(&mut self, notification: &Notification) -> StoreResult<()>;
    /// Stores whether a notification has been read, and no other field. Error: the id does not exist.
    fn update_notification(&mut self, notification: &Notification) -> StoreResult<()>;
    /// A user's notifications, newest first.
    fn notifications_of(&mut self, user: &UserId, page: &Page) -> StoreResult<Vec<Notification>>;
    /// Marks all of a user's notifications as read; returns how many were unread.
    fn mark_notifications_read(&mut self, user: &UserId) -> StoreResult<u64>;
    /// Removes at most `limit` of a user's notifications; returns how many.
    fn delete_notifications_of(&mut self, user: &UserId, limit: u32) -> StoreResult<u64>;
}

/// Calls and their participants.
pub trait CallStore {
    /// Reads one call, with its participants.
    fn call(&mut self, id: EntityId) -> StoreResult<Option<Call>>;
    /// Stores a new call, without its participants. Error: the id exists, or the room has an open call.
    fn insert_call(&mut self, call: &Call) -> StoreResult<()>;
    /// Stores a changed call, without its participants; room and start stay as they were. Error: the id does not exist.
    fn update_call(&mut self, call: &Call) -> StoreResult<()>;
    /// Stores a participant of a call, new or changed.
    fn put_participant(&mut self, call: EntityId, participant: &Participant) -> StoreResult<()>;
    /// The call of a room that has not ended.
    fn open_call(&mut self, room: &RoomId) -> StoreResult<Option<Call>>;
    /// The ids and rooms of all open calls, in the order of the ids.
    fn open_calls(&mut self) -> StoreResult<Vec<(EntityId, RoomId)>>;
    /// The present participants of all open calls, each with the id of the call.
    fn present_participants(&mut self) -> StoreResult<Vec<(EntityId, UserId)>>;
    /// A room's calls, newest first.
    fn calls_in(&mut self, room: &RoomId, page: &Page) -> StoreResult<Vec<Call>>;
}

/// The fields of trips that other spaces do not have.
pub trait TripStore {
    /// The details of one trip.
    fn trip_details(&mut self, room: &RoomId) -> StoreResult<Option<TripDetails>>;
    /// Stores a trip's details, new or changed. The trip itself is a space: [`SpaceStore::insert_space`] rejects a known one.
    fn put_trip_details(&mut self, room: &RoomId, details: &TripDetails) -> StoreResult<()>;
    /// Removes a trip's details.
    fn delete_trip_details(&mut self, room: &RoomId) -> StoreResult<()>;
}

/// Removals that have started and have not ended.
pub trait RemovalStore {
    /// Stores a removal.
    fn begin_removal(&mut self, removal: &Removal) -> StoreResult<()>;
    /// The removal with the smallest id.
    fn next_removal(&mut self) -> StoreResult<Option<Removal>>;
    /// Deletes a removal that has ended.
    fn end_removal(&mut self, id: EntityId) -> StoreResult<()>;
    /// Whether a removal of this subject ([`RemovalTarget::subject`](crate::model::RemovalTarget::subject)) is stored.
    fn is_being_removed(&mut self, subject: &RoomId) -> StoreResult<bool>;
}

/// A range of the event log.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct EventBatch {
    /// The events of the range that this version can read, by ascending offset. An event with several offsets is in the range of its last.
    pub events: Vec<PersistedEvent>,
    /// The offsets of the rows that this version cannot read, because another version wrote them, ascending.
    pub unreadable: Vec<i64>,
    /// The offset up to which the range has all events that are stored. If it reaches the end of the log, the last offset of the log.
    pub complete_through: i64,
    /// Whether the range ends before the end of the log, because it has as many rows as it may have.
    pub is_full: bool,
}

/// The event log: the persisted events by their offsets.
pub trait EventLog {
    /// Raises the room's `seq` and writes the event's row, charged to an account; returns the event with its offset.
    fn append(&mut self, room: &RoomId, at: Timestamp, account: Account, event: Event) -> StoreResult<PersistedEvent>;
    /// The first events behind `offset` that were recorded at `since` or later, at most `limit`.
    fn events_after(&mut self, offset: i64, since: Timestamp, limit: u32) -> StoreResult<EventBatch>;
    /// The event to which an offset belongs, if it is stored and can be read. An event with several offsets is returned whole.
    fn event_at(&mut self, offset: i64) -> StoreResult<Option<PersistedEvent>>;
    /// The offset of the last event; 0 if there never was one.
    fn last_offset(&mut self) -> StoreResult<i64>;
    /// Removes the oldest events that were recorded before `until`, at most `limit`; the last event stays, so that no offset is given twice. Returns
    /// how many were removed.
    fn delete_events_before(&mut self, until: Timestamp, limit: u32) -> StoreResult<u64>;
    /// Removes the events with these offsets that were recorded at `until` or before, except the last event of the log.
    fn delete_events(&mut self, offsets: &[i64], until: Timestamp) -> StoreResult<()>;
    /// The offset up to which events may have been removed because of their age, or were recorded before `since`.
    fn log_floor(&mut self, since: Timestamp) -> StoreResult<i64>;
    /// Stores that events of a room up to an offset were removed although they were not too old; the empty name stands for events to all users.
    fn put_gap(&mut self, room: &str, until: i64) -> StoreResult<()>;
    /// The rooms in which events behind an offset were removed, each with the offset of the last removed event. Holes of older events may be deleted
    /// already.
    fn gaps_after(&mut self, offset: i64) -> StoreResult<Vec<(String, i64)>>;
    /// Stores the offset up to which every connection of this node has received all its events.
    fn put_acked_by_all(&mut self, offset: i64) -> StoreResult<()>;
}

/// Resumable sessions, by their secrets, and the epochs of the event log. A session belongs to the node that has stored or updated it last: a session that
/// was resumed on another node is ended by that node only.
pub trait SessionStore {
    /// Reads one session.
    fn session(&mut self, secret: &str) -> StoreResult<Option<Session>>;
    /// Stores a new session. Error: the secret exists.
    fn insert_session(&mut self, session: &Session) -> StoreResult<()>;
    /// Stores a known session's offsets and times; id, user and namespace stay as they were. Error: the secret does not exist.
    fn update_session(&mut self, session: &Session) -> StoreResult<()>;
    /// Marks a session as disconnected at `at`. `confirmed`: the offset up to which the client has received all its events. `by_shutdown`: the server
    /// closed the connection to stop. Does nothing if this node has no such session.
    fn end_session(&mut self, secret: &str, confirmed: i64, at: Timestamp, by_shutdown: bool) -> StoreResult<()>;
    /// Removes a session of this node and its rooms.
    fn delete_session(&mut self, secret: &str, user: &UserId) -> StoreResult<()>;
    /// The sessions that are connected, were ended by a stop of the server, or ended at `left_since` or later. Each has its rooms as in
    /// [`SessionStore::session_rooms`], without rooms of a kind that this version does not know.
    fn sessions_since(&mut self, left_since: Timestamp) -> StoreResult<Vec<(Session, Vec<SessionRoom>)>>;
    /// Marks the connected sessions of all nodes as ended by the server at `at`, except those of nodes that take part in the present epoch. Clients whose
    /// session began before the event was recorded that all clients of the node have received ([`EventLog::put_acked_by_all`]) have received all their
    /// events up to that offset.
    fn end_all_sessions(&mut self, at: Timestamp) -> StoreResult<()>;
    /// Marks the connected sessions of one node as ended at `at`, as their clients would have ended them.
    fn end_sessions_of(&mut self, node: &str, at: Timestamp) -> StoreResult<()>;
    /// The nodes of the present epoch whose processes are connected to the database now, also if they cannot reach the other nodes; none for a database of
    /// a single server.
    fn running_nodes(&mut self) -> StoreResult<Vec<String>>;
    /// Stores that a node takes part in the present epoch.
    fn join_epoch(&mut self, node: &str) -> StoreResult<()>;
    /// Expires the sessions that a stop of the server ended at `until` or before: their clients are no longer expected to reconnect.
    fn expire_sessions(&mut self, until: Timestamp) -> StoreResult<()>;
    /// Removes at most `limit` sessions that disconnected before `until`, with their rooms; returns how many.
    fn delete_sessions_before(&mut self, until: Timestamp, limit: u32) -> StoreResult<u64>;
    /// The rooms that a session has joined, and the rooms of automatic joins that it has left.
    fn session_rooms(&mut self, secret: &str, user: &UserId) -> StoreResult<Vec<SessionRoom>>;
    /// Stores that a session has joined a room. A room that it has joined already stays as it is; a room that it had left becomes joined again.
    fn put_session_room(&mut self, secret: &str, user: &UserId, room: &SessionRoom) -> StoreResult<()>;
    /// Stores that a session has left a room that connections join automatically.
    fn leave_session_room(&mut self, secret: &str, user: &UserId, room: &RoomId) -> StoreResult<()>;
    /// Removes a room from a session, because the session has left it or the user has lost access.
    fn delete_session_room(&mut self, secret: &str, user: &UserId, room: &RoomId) -> StoreResult<()>;
    /// The log's last offset at the time when a user became a member; `None` without a membership.
    fn member_since(&mut self, room: &RoomId, user: &UserId) -> StoreResult<Option<i64>>;
    /// Every room whose events a user may receive as a member of the room or of its parent, each with the log's last offset at the time when the user
    /// became that member.
    fn visible_rooms(&mut self, user: &UserId) -> StoreResult<Vec<(RoomId, i64)>>;
    /// Begins a new epoch of the event log behind its last offset.
    fn begin_epoch(&mut self, name: &str) -> StoreResult<()>;
    /// The largest offset of an epoch: the log's last offset for the present epoch, otherwise the offset behind which the next epoch began. `None`
    /// for an unknown name.
    fn epoch_end(&mut self, name: &str) -> StoreResult<Option<i64>>;
}

/// The stored response of an earlier request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredResponse {
    /// A digest of the request's body.
    pub digest: String,
    /// The HTTP status of the response.
    pub status: u16,
    /// The body of the response.
    pub body: StoredBody,
}

/// The form in which the body of a response is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoredBody {
    /// The whole body.
    Whole(String),
    /// A reference to the object that the body shows, from which REST reads the object again.
    Reference(String),
    /// Nothing: the body is too large, and shows no stored object.
    Nothing,
}

/// Idempotency keys: the responses of executed requests. `scope` is user and route.
pub trait IdempotencyStore {
    /// The response that was stored under this key after `since`.
    fn stored_response(&mut self, scope: &str, key: &str, since: Timestamp) -> StoreResult<Option<StoredResponse>>;
    /// Stores a response, in the transaction of the change itself.
    fn put_response(&mut self, scope: &str, key: &str, response: &StoredResponse, at: Timestamp) -> StoreResult<()>;
    /// Deletes at most `limit` responses that were stored before `until`; returns how many.
    fn delete_responses_before(&mut self, until: Timestamp, limit: u32) -> StoreResult<u64>;
}

/// The whole store: all areas.
pub trait Store:
    UserStore
    + BlockStore
    + SpaceStore
    + TaskStore
    + MessageStore
    + CallStore
    + ReadMarkerStore
    + TripStore
    + NotificationStore
    + RemovalStore
    + EventLog
    + IdempotencyStore
    + SessionStore
{
}

impl<
    T: UserStore
        + BlockStore
        + SpaceStore
        + TaskStore
        + MessageStore
        + CallStore
        + ReadMarkerStore
        + TripStore
        + NotificationStore
        + RemovalStore
        + EventLog
        + IdempotencyStore
        + SessionStore,
> Store for T
{
}

/// The source of new ids and invite codes. It is a parameter, so that tests control the counter and the randomness.
pub trait IdSource: Send {
    /// Makes every later id larger than `last`, the largest id that was given before the start.
    fn resume_after(&mut self, last: EntityId);
    /// The next id: larger than every one before.
    fn next_id(&mut self, now: Timestamp) -> EntityId;
    /// Eight characters out of an alphabet without look-alikes.
    fn invite_code(&mut self) -> String;
}

/// A message on the bus.
#[derive(Clone, Debug)]
pub enum BusMessage {
    /// A committed, persisted event.
    Persisted(Arc<PersistedEvent>),
    /// An ephemeral event.
    Ephemeral(Arc<EphemeralEvent>),
}

/// Delivers every notice to every node, including the publishing node. All nodes receive the notices of a room in the same order.
pub trait Bus: Send + Sync {
    /// Publishes one notice. Persisted events are published after their commit, in the order of their offsets.
    fn publish(&self, notice: BusMessage);

    /// Takes a presence event from before the start of this node, which the clients have received.
    fn publish_known(&self, _: EphemeralEvent) {}
}
