//! Permissions of rooms: who may read, write and administer a room.

use crate::error::DomainError;
use crate::model::{Actor, Role, RoomId, RoomKind, Standing, Task, User, UserId, parse_id};
use crate::ports::{Store, StoreResult};

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

/// Rejects actors who are not members of the room. An unknown room and a forbidden room get the same error.
///
/// # Errors
/// [`DomainError::NotFound`]; the store's.
pub fn require_member(store: &mut dyn Store, actor: &Actor, room: &RoomId) -> Result<Role, DomainError> {
    role_in(store, room, &actor.user)?.ok_or(not_found(room))
}

/// Rejects actors who are not members of the room, and every change in an archived project, which members can only read and leave.
///
/// # Errors
/// [`DomainError::NotFound`], [`DomainError::Conflict`]; the store's.
pub fn require_writable(store: &mut dyn Store, actor: &Actor, room: &RoomId) -> Result<Role, DomainError> {
    let role = require_member(store, actor, room)?;
    require_not_archived(store, room)?;
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

/// [`require_writable`], with the actor's profile as the output, if it is stored. For a channel and for most kinds of spaces this is one statement in
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

/// Rejects changes in an archived project.
///
/// # Errors
/// [`DomainError::Conflict`]; the store's.
pub(crate) fn require_not_archived(store: &mut dyn Store, room: &RoomId) -> Result<(), DomainError> {
    if room.kind().may_be_archived() && store.is_archived(room)? {
        return Err(ARCHIVED);
    }
    Ok(())
}

/// Rejects actors who are not admins of the room. The server's admin is an admin of every room: a household that only tokens' claims have created has
/// no other admin.
///
/// # Errors
/// [`DomainError::Forbidden`] for a member, [`DomainError::NotFound`] for other users; the store's.
pub fn require_admin(store: &mut dyn Store, actor: &Actor, room: &RoomId) -> Result<(), DomainError> {
    if actor.admin && store.has_space(room)? {
        return Ok(());
    }
    match require_member(store, actor, room)? {
        Role::Admin => Ok(()),
        Role::Member => Err(DomainError::Forbidden("Only an admin may do this")),
    }
}

/// The error for a room that does not exist.
pub(crate) fn not_found(room: &RoomId) -> DomainError {
    DomainError::NotFound(room.kind().display_name())
}

/// The parent of a room: a user who loses access to the parent loses access to the room.
pub(crate) fn parent_of(store: &mut dyn Store, room: &RoomId) -> StoreResult<Option<RoomId>> {
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
