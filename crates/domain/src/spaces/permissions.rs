//! Permissions of rooms, and joining a room.

use crate::command::{Actor, Command, CommandContext};
use crate::error::DomainError;
use crate::ids::{RoomId, RoomKind, UserId, parse_id};
use crate::ports::{Store, StoreResult};
use crate::sessions::{RoomState, SessionRoom};
use crate::spaces::presence::visible_members;
use crate::spaces::{Role, Standing};
use crate::tasks::Task;
use crate::users::User;

const ARCHIVED: DomainError = DomainError::Conflict("The project is archived; an admin can open it again");

/// The present role of a user in a room; `None` without access. A channel and a task have their project's members; only its own user has access to
/// an inbox.
///
/// # Errors
/// The store's.
pub fn role_in(store: &mut dyn Store, room: &RoomId, user: &UserId) -> StoreResult<Option<Role>> {
    match room.kind() {
        RoomKind::User => Ok((room.id() == user.as_str()).then_some(Role::Admin)),
        RoomKind::Channel => store.role_in_parent(room, user),
        RoomKind::Task => match task_in(store, room)? {
            Some(task) if task.room.kind().has_task_rooms() => store.role(&task.room, user),
            _ => Ok(None),
        },
        kind if kind.may_be_deleted() && store.is_being_removed(room)? => Ok(None),
        kind if kind.has_own_members() => store.role(room, user),
        _ => Ok(None),
    }
}

fn task_in(store: &mut dyn Store, room: &RoomId) -> StoreResult<Option<Task>> {
    parse_id(room.id()).map_or(Ok(None), |id| store.task(id))
}

/// Refuses actors who are not members of the room. An unknown room and a forbidden room get the same refusal.
///
/// # Errors
/// [`Refusal::NotFound`]; the store's.
pub fn require_member(store: &mut dyn Store, actor: &Actor, room: &RoomId) -> Result<Role, DomainError> {
    role_in(store, room, &actor.user)?.ok_or(not_found(room))
}

/// Refuses actors who are not members of the room, and every change in an archived project, which members can only read and leave.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Conflict`]; the store's.
pub fn require_writable(store: &mut dyn Store, actor: &Actor, room: &RoomId) -> Result<Role, DomainError> {
    let role = require_member(store, actor, room)?;
    require_open(store, room)?;
    record_activity(store, actor, room)?;
    Ok(role)
}

/// Stores that the actor, a member, has acted in a space; being added by another user is no act. Contacts are users who both have acted in a space.
///
/// # Errors
/// The store's.
pub(crate) fn record_activity(store: &mut dyn Store, actor: &Actor, room: &RoomId) -> StoreResult<()> {
    if room.kind() != RoomKind::User && !store.has_acted(room, &actor.user)? {
        store.put_acted(room, &actor.user)?;
    }
    Ok(())
}

/// [`require_writable`], with the actor's profile as the answer, if it is stored. For a channel and for most kinds of spaces this is one statement in
/// the store.
///
/// # Errors
/// As [`require_writable`].
pub fn require_writer(store: &mut dyn Store, actor: &Actor, room: &RoomId) -> Result<Option<User>, DomainError> {
    if room.kind() != RoomKind::Channel && !room.kind().is_joined_by_membership() {
        require_writable(store, actor, room)?;
        return Ok(store.user(&actor.user)?);
    }
    let Standing { archived, acted, user, .. } = store.member_standing(room, &actor.user)?.ok_or(not_found(room))?;
    if archived && room.kind().may_be_archived() {
        return Err(ARCHIVED);
    }
    if !acted {
        store.put_acted(room, &actor.user)?;
    }
    Ok(user)
}

/// Refuses changes in an archived project.
///
/// # Errors
/// [`Refusal::Conflict`]; the store's.
pub(super) fn require_open(store: &mut dyn Store, room: &RoomId) -> Result<(), DomainError> {
    if room.kind().may_be_archived() && store.is_archived(room)? {
        return Err(ARCHIVED);
    }
    Ok(())
}

/// Refuses actors who are not admins of the room. The server's admin is an admin of every room: a household that only tokens' claims have created has
/// no other admin.
///
/// # Errors
/// [`Refusal::Forbidden`] for a member, [`Refusal::NotFound`] for other users; the store's.
pub fn require_admin(store: &mut dyn Store, actor: &Actor, room: &RoomId) -> Result<(), DomainError> {
    if actor.admin && store.has_space(room)? {
        return Ok(());
    }
    match require_member(store, actor, room)? {
        Role::Admin => Ok(()),
        Role::Member => Err(DomainError::Forbidden("Only an admin may do this")),
    }
}

/// The refusal for a room that does not exist.
pub(super) fn not_found(room: &RoomId) -> DomainError {
    DomainError::NotFound(room.kind().display_name())
}

/// The parent of a room: a user who loses access to the parent loses access to the room.
fn parent_of(store: &mut dyn Store, room: &RoomId) -> StoreResult<Option<RoomId>> {
    match room.kind() {
        RoomKind::Channel => Ok(store.space(room)?.and_then(|space| space.parent)),
        RoomKind::Task => Ok(task_in(store, room)?.map(|task| task.room)),
        _ => Ok(None),
    }
}

/// The log's last offset at the time when a user became a member of a room or of its parent; 0 for an inbox.
///
/// # Errors
/// The store's.
pub fn member_since(store: &mut dyn Store, room: &RoomId, user: &UserId) -> StoreResult<i64> {
    let inside = parent_of(store, room)?;
    Ok(store.member_since(inside.as_ref().unwrap_or(room), user)?.unwrap_or(0))
}

/// Every room whose events a user may receive, each with the offset behind which: the inbox, and the rooms that the user is a member of.
///
/// Rooms of tasks are not in the list: a connection joins them only when a user opens a task.
///
/// # Errors
/// The store's.
pub fn visible_rooms(store: &mut dyn Store, user: &UserId) -> StoreResult<Vec<(RoomId, i64)>> {
    let mut rooms = store.visible_rooms(user)?;
    rooms.push((RoomId::inbox(user), 0));
    Ok(rooms)
}

/// Checks that the actor may join a room, and stores the room in the actor's session.
///
/// It is a command also without a session: the writer's queue orders it with the removals of members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinRoom {
    /// The room.
    pub room: RoomId,
    /// The secret of the actor's session in which the room is to be stored; `None` for a connection without a session.
    pub session: Option<String>,
    /// Whether the answer has [`Entered::member_since`] and [`Entered::hears`].
    pub since: bool,
}

/// [`JoinRoom`], and the members whose presence the actor may see: see [`ListMemberIds`](super::NameMembers).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinRoomListingMembers {
    /// A room that has members of its own.
    pub room: RoomId,
    /// As in [`JoinRoom`]; the session leaves all other rooms of this one's kind.
    pub session: Option<String>,
    /// As in [`JoinRoom`].
    pub since: bool,
    /// Whether the answer names contacts of the actor only: members who have acted in the space, as the actor does by entering it.
    pub contacts_only: bool,
}

impl Command for JoinRoomListingMembers {
    type Output = (JoinedRoom, Option<Vec<UserId>>);

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Self::Output, DomainError> {
        if let Some(secret) = &self.session {
            leave_other_rooms(context, secret, &self.room)?;
        }
        let entered = JoinRoom { room: self.room.clone(), session: self.session, since: self.since }.execute(context)?;
        let members = visible_members(context, &self.room, self.contacts_only)?;
        Ok((entered, members))
    }
}

/// The answer of [`JoinRoom`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinedRoom {
    /// The actor's profile, for the event to the other members.
    pub user: User,
    /// The parent of the room: a channel's or a task's project.
    pub inside: Option<RoomId>,
    /// The log's last offset at the time when the actor became a member; 0 unless [`JoinRoom::since`] requests it.
    pub member_since: i64,
    /// Every room that the actor may access, as in [`rooms_heard_by`]; empty unless [`JoinRoom::since`] requests it.
    pub hears: Vec<(RoomId, i64)>,
}

impl Command for JoinRoom {
    type Output = JoinedRoom;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<JoinedRoom, DomainError> {
        require_member(context.store, context.actor, &self.room)?;
        let user = context.store.user(&context.actor.user)?.ok_or(DomainError::NotFound("User"))?;
        let inside = parent_of(context.store, &self.room)?;
        record_activity(context.store, context.actor, inside.as_ref().unwrap_or(&self.room))?;
        let (mut member_since, mut hears) = (0, Vec::new());
        if self.since {
            member_since = self::member_since(context.store, &self.room, &user.id)?;
            hears = visible_rooms(context.store, &user.id)?;
        }
        if let Some(secret) = self.session {
            let since = context.store.last_offset()?;
            let room = SessionRoom { room: self.room, parent: inside.clone(), since, state: RoomState::Joined };
            context.store.put_session_room(&secret, &user.id, &room)?;
        }
        Ok(JoinedRoom { user, inside, member_since, hears })
    }
}

/// Whether the actor may stay in a room whose events the actor receives. It is a command for the same reason as [`JoinRoom`], and reads the
/// membership only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResumeRoom {
    /// The room.
    pub room: RoomId,
}

impl Command for ResumeRoom {
    type Output = ();

    fn execute(self, context: &mut CommandContext<'_>) -> Result<(), DomainError> {
        require_member(context.store, context.actor, &self.room).map(drop)
    }
}

/// Removes the other rooms of this room's kind from a session, which is in one room of the kind at a time.
fn leave_other_rooms(context: &mut CommandContext<'_>, secret: &str, room: &RoomId) -> StoreResult<()> {
    let user = &context.actor.user;
    for other in context.store.session_rooms(secret, user)? {
        if other.room.kind() == room.kind() && other.room != *room {
            context.store.delete_session_room(secret, user, &other.room)?;
        }
    }
    Ok(())
}
