//! What the rules ask of the outside. Each trait is one area's; an implementation passes the conformance suite of the `store` crate.

use std::sync::Arc;

use thiserror::Error;

use crate::blocks::Block;
use crate::calls::{Call, Participant};
use crate::chat::Message;
use crate::event::{Account, Event, Fact, Signal};
use crate::names::{Id, Kind, PersonId, Room, Timestamp};
use crate::notifications::Notification;
use crate::people::Person;
use crate::refusal::Refusal;
use crate::removals::Removal;
use crate::sessions::{Session, SessionRoom};
use crate::spaces::{Member, Role, Space, Standing};
use crate::tasks::Task;
use crate::trips::TripDetails;

/// Why the store could not do what it was asked. "Not there" is an answer (`None`), not an error.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It may work later: full disk, read-only, locked, connection lost.
    #[error("{0}")]
    Unavailable(String),
    /// It will not work later: a fault of ours or a damaged database.
    #[error("{0}")]
    Broken(String),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(reason) => Self::Unavailable(reason),
            StoreError::Broken(reason) => Self::Internal(reason),
        }
    }
}

/// What a store method gives back.
pub type Stored<T> = Result<T, StoreError>;

/// Which part of a list, newest first: at most `limit` rows, all older than `before`. A thing that [`Ids`] numbers is named by its [`Id`],
/// a space by its [`Room`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T = Id> {
    /// 1 to 200.
    pub limit: u32,
    /// Only rows older than this one.
    pub before: Option<T>,
}

impl<T> Page<T> {
    /// The most rows that one answer has.
    pub const MOST: u32 = 200;

    /// A page of what was asked for: 50 rows unless `limit` says otherwise, at least one and at most 200.
    pub fn new(limit: Option<u32>, before: Option<T>) -> Self {
        Self { limit: limit.unwrap_or(50).clamp(1, Self::MOST), before }
    }
}

/// A page of a space's members, in the order of joining: at most `limit`, all behind `after`. The page is empty if `after` is not a member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberPage {
    /// 1 to 200.
    pub limit: u32,
    /// Only the members behind this member.
    pub after: Option<PersonId>,
}

/// People, by id.
pub trait People {
    /// One person.
    fn person(&mut self, id: &PersonId) -> Stored<Option<Person>>;
    /// Stores a new person, who has signed in. Error: the id is known.
    fn insert_person(&mut self, person: &Person) -> Stored<()>;
    /// Stores a new person who has not signed in, and is only named by others. Error: the id is known.
    fn insert_unseen_person(&mut self, person: &Person) -> Stored<()>;
    /// Whether a person has signed in.
    fn has_signed_in(&mut self, id: &PersonId) -> Stored<bool>;
    /// A known person signs in.
    fn put_signed_in(&mut self, id: &PersonId) -> Stored<()>;
    /// At most `limit` people, the first stored first, who were stored before `until`, have not signed in, are in no space, and whose profile
    /// was never changed.
    fn unseen_people(&mut self, until: Timestamp, limit: u32) -> Stored<Vec<PersonId>>;
    /// Stores a changed person, without [`Person::created_at`]. Error: the id is not known.
    fn update_person(&mut self, person: &Person) -> Stored<()>;
    /// Removes a person's profile; memberships are ended by the caller.
    fn delete_person(&mut self, id: &PersonId) -> Stored<()>;
    /// Stores when an account was deleted; the row stays, also when the user signs in again.
    fn put_deletion(&mut self, id: &PersonId, at: Timestamp) -> Stored<()>;
    /// When an account with this id was last deleted.
    fn deleted_at(&mut self, id: &PersonId) -> Stored<Option<Timestamp>>;
    /// How many spaces a person is a member of.
    fn space_count(&mut self, id: &PersonId) -> Stored<u64>;
    /// Whether there is a space that both are members of and have acted in, and neither has blocked the other.
    fn are_contacts(&mut self, one: &PersonId, other: &PersonId) -> Stored<bool>;
    /// Whether there is a space that both are members of.
    fn share_a_space(&mut self, one: &PersonId, other: &PersonId) -> Stored<bool>;
}

/// Which users a user has blocked.
pub trait Blocks {
    /// Stores that a user blocks another; a block that exists stays as it is.
    fn put_block(&mut self, person: &PersonId, blocked: &PersonId, at: Timestamp) -> Stored<()>;
    /// Ends a block, if there is one.
    fn delete_block(&mut self, person: &PersonId, blocked: &PersonId) -> Stored<()>;
    /// Ends all blocks of a user's making.
    fn delete_blocks_of(&mut self, person: &PersonId) -> Stored<()>;
    /// The block of one user by another, if there is one.
    fn block(&mut self, person: &PersonId, blocked: &PersonId) -> Stored<Option<Block>>;
    /// How many users a user has blocked.
    fn count_blocks(&mut self, person: &PersonId) -> Stored<u64>;
    /// The users whom a user has blocked, the latest first.
    fn blocks_of(&mut self, person: &PersonId, page: &Page<PersonId>) -> Stored<Vec<Block>>;
    /// The members of a space who have blocked a user, at most `limit`.
    fn blockers_in(&mut self, room: &Room, blocked: &PersonId, limit: u32) -> Stored<Vec<PersonId>>;
}

/// Spaces and who is in them.
pub trait Spaces {
    /// One space, with the count of its members and none of them in [`Space::members`].
    fn space(&mut self, room: &Room) -> Stored<Option<Space>>;
    /// Whether there is such a space.
    fn has_space(&mut self, room: &Room) -> Stored<bool>;
    /// Stores a new space. Error: the room is known.
    fn insert_space(&mut self, space: &Space) -> Stored<()>;
    /// Stores a changed space; parent and creation stay as they were. The space's `seq` is not touched. Error: the room is not known.
    fn update_space(&mut self, space: &Space) -> Stored<()>;
    /// Removes a space; memberships are ended by the caller. Its `seq` stays, so that none comes twice.
    fn delete_space(&mut self, room: &Room) -> Stored<()>;
    /// The role that a person has in a space now.
    fn role(&mut self, room: &Room, person: &PersonId) -> Stored<Option<Role>>;
    /// The role that a person has now in the space that this one is part of (a channel's project).
    fn role_in_parent(&mut self, room: &Room, person: &PersonId) -> Stored<Option<Role>>;
    /// When a person was last removed from a space or left it, if the person is not a member now.
    fn left_at(&mut self, room: &Room, person: &PersonId) -> Stored<Option<Timestamp>>;
    /// Stores that a user whose membership of a space has just ended has left by choice.
    fn put_left_by_choice(&mut self, room: &Room, person: &PersonId) -> Stored<()>;
    /// When a user last left a space by choice, if that was how the user's last membership ended and the user is not a member now.
    fn left_by_choice_at(&mut self, room: &Room, person: &PersonId) -> Stored<Option<Timestamp>>;
    /// Whether a member has acted in a space, or in the one that it is part of; false for other users.
    fn has_acted(&mut self, room: &Room, person: &PersonId) -> Stored<bool>;
    /// Stores that a member has acted in a space, or in the one that it is part of.
    fn put_acted(&mut self, room: &Room, person: &PersonId) -> Stored<()>;
    /// The members of a space who have acted in it, without members who have blocked this user or are blocked by this user; at most `limit`.
    fn members_who_acted(&mut self, room: &Room, asker: &PersonId, limit: u32) -> Stored<Vec<PersonId>>;
    /// Whether a space, or the one that it is part of, is archived.
    fn is_archived(&mut self, room: &Room) -> Stored<bool>;
    /// The standing of a member in a space, or in the space that it is part of, read in one statement; `None` for other users.
    fn standing(&mut self, room: &Room, person: &PersonId) -> Stored<Option<Standing>>;
    /// Makes a person a member, or changes the role.
    fn put_member(&mut self, room: &Room, person: &PersonId, role: Role, at: Timestamp) -> Stored<()>;
    /// Ends a membership and remembers when; the person's sessions are in the space no longer, nor in the rooms inside it.
    fn remove_member(&mut self, room: &Room, person: &PersonId, at: Timestamp) -> Stored<()>;
    /// A part of the members, in the order in which they joined.
    fn members(&mut self, room: &Room, page: &MemberPage) -> Stored<Vec<Member>>;
    /// The ids of the first `limit` members, in the order in which they joined.
    fn member_ids(&mut self, room: &Room, limit: u32) -> Stored<Vec<PersonId>>;
    /// Whether one of the members is an admin.
    fn has_admin(&mut self, room: &Room) -> Stored<bool>;
    /// The first member, in the order of joining, who has acted in a space; if none has acted, the first of all members.
    fn longest_member(&mut self, room: &Room) -> Stored<Option<PersonId>>;
    /// The first `limit` members with this handle ([`Person::handle`]), whatever its case, in the order of their ids.
    fn members_called(&mut self, room: &Room, handle: &str, limit: u32) -> Stored<Vec<Person>>;
    /// The last handle of a member, in lower case and in the order of bytes, that is not behind this text.
    fn handle_up_to(&mut self, room: &Room, handle: &str) -> Stored<Option<String>>;
    /// The rooms that a person is a member of, newest first; `kind` narrows them.
    fn rooms_of(&mut self, person: &PersonId, kind: Option<Kind>) -> Stored<Vec<Room>>;
    /// The contacts of a user, as in [`People::are_contacts`], each once.
    fn contacts_of(&mut self, person: &PersonId) -> Stored<Vec<PersonId>>;
    /// The spaces of a kind that a person is a member of, newest first, each as in [`Spaces::space`].
    fn spaces_of(&mut self, person: &PersonId, kind: Kind, page: &Page<Room>) -> Stored<Vec<Space>>;
    /// The spaces inside another (a project's channels), newest first.
    fn spaces_in(&mut self, parent: &Room, page: &Page<Room>) -> Stored<Vec<Space>>;
}

/// Tasks and to whom they are given.
pub trait Tasks {
    /// One task, with its assignees.
    fn task(&mut self, id: Id) -> Stored<Option<Task>>;
    /// Stores a new task, without its assignees. Error: the id is known.
    fn insert_task(&mut self, task: &Task) -> Stored<()>;
    /// Stores a changed task, without its assignees; room and creation stay as they were. Error: the id is not known.
    fn update_task(&mut self, task: &Task) -> Stored<()>;
    /// Removes a task, and takes it from everybody.
    fn delete_task(&mut self, id: Id) -> Stored<()>;
    /// A space's tasks, newest first.
    fn tasks_in(&mut self, room: &Room, page: &Page) -> Stored<Vec<Task>>;
    /// The tasks that are assigned to a person, in a space or (`None`) in all spaces, oldest first, at most `limit`.
    fn tasks_of(&mut self, person: &PersonId, room: Option<&Room>, limit: u32) -> Stored<Vec<Task>>;
    /// Gives a task to a person; false if it already was.
    fn assign(&mut self, id: Id, person: &PersonId, at: Timestamp) -> Stored<bool>;
    /// Takes a task from a person; false if it was not theirs.
    fn unassign(&mut self, id: Id, person: &PersonId) -> Stored<bool>;
}

/// Messages.
pub trait Chat {
    /// One message with its sender.
    fn message(&mut self, id: Id) -> Stored<Option<Message>>;
    /// The message to which its sender gave this id of the sender's own, in this room.
    fn message_by_client_id(&mut self, room: &Room, sender: &PersonId, client_id: &str) -> Stored<Option<Message>>;
    /// Stores a new message. Error: the id is known, or the sender's own id is known in the room.
    fn insert_message(&mut self, message: &Message) -> Stored<()>;
    /// Stores a message's changed content, metadata and time of the edit. Error: the id is not known.
    fn update_message(&mut self, message: &Message) -> Stored<()>;
    /// Removes a message.
    fn delete_message(&mut self, id: Id) -> Stored<()>;
    /// A room's messages, newest first.
    fn messages_in(&mut self, room: &Room, page: &Page) -> Stored<Vec<Message>>;
}

/// What was read. A person who has read nothing in a room, and was there from its start, has no mark there.
pub trait Reads {
    /// The newest message of a room that a person has read, or need not read.
    fn read_mark(&mut self, room: &Room, person: &PersonId) -> Stored<Option<Id>>;
    /// The newest message of a room that anybody but this person has read.
    fn read_mark_of_others(&mut self, room: &Room, person: &PersonId) -> Stored<Option<Id>>;
    /// Moves a person's mark, because the person has read; never back.
    fn put_read_mark(&mut self, room: &Room, person: &PersonId, mark: Id) -> Stored<()>;
    /// Moves a person's mark, because the person begins to read behind this message; never back. What was before was not read by that.
    fn begin_reading(&mut self, room: &Room, person: &PersonId, behind: Id) -> Stored<()>;
    /// Removes at most `limit` of a person's marks; returns how many.
    fn delete_read_marks_of(&mut self, person: &PersonId, limit: u32) -> Stored<u64>;
    /// The newest message of a room that is not newer than this one.
    fn newest_message_in(&mut self, room: &Room, up_to: Id) -> Stored<Option<Id>>;
    /// The others' messages behind a person's mark and not newer than `up_to`: the newest of them, oldest first.
    fn unread_in(&mut self, room: &Room, person: &PersonId, up_to: Id, limit: u32) -> Stored<Vec<Id>>;
    /// How many of the messages behind a person's mark are others'. No more than `limit` are looked at, the newest.
    fn count_unread_in(&mut self, room: &Room, person: &PersonId, limit: u32) -> Stored<u64>;
    /// The same in all rooms of a kind that the person is a member of; no more than `limit` are looked at in all.
    fn count_unread_of(&mut self, person: &PersonId, kind: Kind, limit: u32) -> Stored<u64>;
}

/// Notifications.
pub trait Notifications {
    /// One notification.
    fn notification(&mut self, id: Id) -> Stored<Option<Notification>>;
    /// Stores a new notification. Error: the id is known.
    fn insert_notification(&mut self, notification: &Notification) -> Stored<()>;
    /// Stores whether a notification has been read, and no other field. Error: the id is not known.
    fn update_notification(&mut self, notification: &Notification) -> Stored<()>;
    /// A person's notifications, newest first.
    fn notifications_of(&mut self, person: &PersonId, page: &Page) -> Stored<Vec<Notification>>;
    /// Marks all of a person's notifications as read; gives back how many were not.
    fn read_notifications_of(&mut self, person: &PersonId) -> Stored<u64>;
    /// Removes at most `limit` of a person's notifications; returns how many.
    fn delete_notifications_of(&mut self, person: &PersonId, limit: u32) -> Stored<u64>;
}

/// Calls and who is in them.
pub trait Calls {
    /// One call, with its participants.
    fn call(&mut self, id: Id) -> Stored<Option<Call>>;
    /// Stores a new call, without its participants. Error: the id is known, or the room has an open call.
    fn insert_call(&mut self, call: &Call) -> Stored<()>;
    /// Stores a changed call, without its participants; room and start stay as they were. Error: the id is not known.
    fn update_call(&mut self, call: &Call) -> Stored<()>;
    /// Stores somebody's part in a call, new or changed.
    fn put_participant(&mut self, call: Id, participant: &Participant) -> Stored<()>;
    /// A room's call that is not over.
    fn open_call(&mut self, room: &Room) -> Stored<Option<Call>>;
    /// Every call that is not over, oldest first.
    fn open_calls(&mut self) -> Stored<Vec<Call>>;
    /// A room's calls, newest first.
    fn calls_in(&mut self, room: &Room, page: &Page) -> Stored<Vec<Call>>;
}

/// What trips have besides what every space has.
pub trait Trips {
    /// The details of one trip.
    fn trip_details(&mut self, room: &Room) -> Stored<Option<TripDetails>>;
    /// Stores a trip's details, new or changed. The trip itself is a space: [`Spaces::insert_space`] refuses a known one.
    fn put_trip_details(&mut self, room: &Room, details: &TripDetails) -> Stored<()>;
    /// Removes a trip's details.
    fn delete_trip_details(&mut self, room: &Room) -> Stored<()>;
}

/// Removals that have begun and have not ended.
pub trait Removals {
    /// Stores a removal.
    fn begin_removal(&mut self, removal: &Removal) -> Stored<()>;
    /// The removal with the smallest id.
    fn next_removal(&mut self) -> Stored<Option<Removal>>;
    /// Deletes a removal that has ended.
    fn end_removal(&mut self, id: Id) -> Stored<()>;
    /// Whether a removal of this subject ([`Target::subject`](crate::removals::Target::subject)) is stored.
    fn is_being_removed(&mut self, subject: &Room) -> Stored<bool>;
}

/// A stretch of the journal.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Stretch {
    /// Its facts, in order; behind the last that cannot be read, if there is one.
    pub facts: Vec<Fact>,
    /// The offset of the last that cannot be read: it was written by another version.
    pub unreadable: Option<i64>,
    /// Up to which offset it goes; `None` if there is nothing.
    pub end: Option<i64>,
}

/// The ordered list of facts.
pub trait Journal {
    /// Raises the room's `seq` and writes the event's row, charged to an account; returns the fact with its offset.
    fn append(&mut self, room: &Room, at: Timestamp, account: Account, event: Event) -> Stored<Fact>;
    /// The first `limit` facts, at most, that are behind `offset` and not from before `since`.
    fn facts_after(&mut self, offset: i64, since: Timestamp, limit: u32) -> Stored<Stretch>;
    /// The fact to which an offset belongs, if it is stored and can be read. A fact with several offsets is returned whole.
    fn fact(&mut self, offset: i64) -> Stored<Option<Fact>>;
    /// The offset of the last fact; 0 if there never was one.
    fn last_offset(&mut self) -> Stored<i64>;
    /// Removes at most `limit` facts, the oldest, that were recorded before `until`; the last fact stays, so that no offset is given twice. Returns
    /// how many.
    fn delete_facts_before(&mut self, until: Timestamp, limit: u32) -> Stored<u64>;
    /// Removes these facts, unless one is the last.
    fn delete_facts(&mut self, offsets: &[i64]) -> Stored<()>;
    /// The offset up to which facts may have been removed because they were too old, or were recorded before `since`.
    fn journal_floor(&mut self, since: Timestamp) -> Stored<i64>;
    /// Stores that facts of a room up to an offset were removed although they were not too old; the empty name stands for events to all users.
    fn put_hole(&mut self, room: &str, until: i64) -> Stored<()>;
    /// The rooms in which facts behind an offset were removed, each with the offset of the last. Holes of older facts may be deleted already.
    fn holes_behind(&mut self, offset: i64) -> Stored<Vec<(String, i64)>>;
    /// Up to which offset every connection had heard everything, when that was last known.
    fn confirmed_by_all(&mut self) -> Stored<i64>;
    /// Remembers it.
    fn put_confirmed_by_all(&mut self, offset: i64) -> Stored<()>;
}

/// Connections that may come back, by their secrets, and the lives of the journal.
pub trait Sessions {
    /// One session.
    fn session(&mut self, secret: &str) -> Stored<Option<Session>>;
    /// Stores a new session. Error: the secret is known.
    fn insert_session(&mut self, session: &Session) -> Stored<()>;
    /// Stores a known session's offsets and times; id, person and namespace stay as they were. Error: the secret is not known.
    fn update_session(&mut self, session: &Session) -> Stored<()>;
    /// Its connection has ended, because the server stops if it is `let_go`; everything up to `confirmed` has arrived. Nothing happens if there is
    /// no such session.
    fn end_session(&mut self, secret: &str, confirmed: i64, at: Timestamp, let_go: bool) -> Stored<()>;
    /// Removes a session and its rooms.
    fn delete_session(&mut self, secret: &str, person: &PersonId) -> Stored<()>;
    /// All sessions that have not ended, were let go, or ended at a moment or later, each with its rooms as in [`Sessions::session_rooms`], but for
    /// those of a kind that this program does not know.
    fn sessions_since(&mut self, left_since: Timestamp) -> Stored<Vec<(Session, Vec<SessionRoom>)>>;
    /// All sessions that have not ended are let go now. Of those that were there before `confirmed` was recorded, everything up to it has arrived.
    fn end_all_sessions(&mut self, confirmed: i64, at: Timestamp) -> Stored<()>;
    /// Of the sessions that were let go until a moment none is expected back any more: they have left then.
    fn give_up_sessions(&mut self, until: Timestamp) -> Stored<()>;
    /// Removes at most `limit` sessions, with their rooms, that left before `until`; gives back how many.
    fn delete_sessions_before(&mut self, until: Timestamp, limit: u32) -> Stored<u64>;
    /// The rooms that a session has joined, and those that it has left and would be in without asking.
    fn session_rooms(&mut self, secret: &str, person: &PersonId) -> Stored<Vec<SessionRoom>>;
    /// A session has joined a room; if it is in it already, that stays as it is, and if it had left it, it has joined it again.
    fn put_session_room(&mut self, secret: &str, person: &PersonId, room: &SessionRoom) -> Stored<()>;
    /// A session has left a room that it would be in without asking.
    fn leave_session_room(&mut self, secret: &str, person: &PersonId, room: &Room) -> Stored<()>;
    /// A session has left a room, or its person may not hear it any more.
    fn delete_session_room(&mut self, secret: &str, person: &PersonId, room: &Room) -> Stored<()>;
    /// The journal's last offset when a person became a member, if the person is one.
    fn member_since(&mut self, room: &Room, person: &PersonId) -> Stored<Option<i64>>;
    /// Every room that a person may hear as a member: of itself, or of the space that it is inside; each with the journal's last offset when
    /// the person became one.
    fn rooms_heard_by(&mut self, person: &PersonId) -> Stored<Vec<(Room, i64)>>;
    /// A new life of the journal begins behind its last offset.
    fn begin_epoch(&mut self, name: &str) -> Stored<()>;
    /// The largest offset of a life of the journal: its last if that is the present one, else where the next began. `None` if there was none
    /// of this name.
    fn epoch_reaches(&mut self, name: &str) -> Stored<Option<i64>>;
}

/// A request that was answered before, and the answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    /// A digest of the request's body.
    pub digest: String,
    /// The HTTP status that was answered.
    pub status: u16,
    /// The body that was answered.
    pub body: Kept,
}

/// The form in which the body of an answer is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kept {
    /// The whole body.
    Whole(String),
    /// A reference to the object that the body shows, from which REST reads the object again.
    Reference(String),
    /// Nothing: the body is too large, and shows no stored object.
    Nothing,
}

/// Idempotency keys: what was answered to which request. `scope` is person and route.
pub trait Keys {
    /// What was answered under this key after `since`.
    fn answered(&mut self, scope: &str, key: &str, since: Timestamp) -> Stored<Option<Answered>>;
    /// Remembers an answer, in the transaction of the change itself.
    fn remember(&mut self, scope: &str, key: &str, answered: &Answered, at: Timestamp) -> Stored<()>;
    /// Forgets at most `limit` answers that were given before `until`; gives back how many.
    fn forget_before(&mut self, until: Timestamp, limit: u32) -> Stored<u64>;
}

/// Everything that is stored.
pub trait Store:
    People + Blocks + Spaces + Tasks + Chat + Calls + Reads + Trips + Notifications + Removals + Journal + Keys + Sessions
{
}

impl<T: People + Blocks + Spaces + Tasks + Chat + Calls + Reads + Trips + Notifications + Removals + Journal + Keys + Sessions> Store
    for T
{
}

/// Where new ids come from: a counter and randomness, as parameters.
pub trait Ids: Send {
    /// Makes every later id larger than `last`, the largest that was given before the start.
    fn resume_after(&mut self, last: Id);
    /// The next id: larger than every one before.
    fn next_id(&mut self, now: Timestamp) -> Id;
    /// Eight characters out of an alphabet without look-alikes.
    fn invite_code(&mut self) -> String;
}

/// What the bus carries.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A committed fact.
    Fact(Arc<Fact>),
    /// Something worth nothing late.
    Signal(Arc<Signal>),
}

/// Brings every notice to every node, this one too: a room's notices in one order for everybody.
pub trait Bus: Send + Sync {
    /// Publishes one notice. Facts are published after their commit, in the order of their offsets.
    fn publish(&self, notice: Notice);
}
