//! The one permission question, and what is refused by its answer.

use crate::names::{Kind, PersonId, Room, parse_id};
use crate::operation::{Actor, Command, Tx};
use crate::people::Person;
use crate::refusal::Refusal;
use crate::seam::{Store, Stored};
use crate::sessions::{SessionRoom, Stay};
use crate::spaces::presence::visible_members;
use crate::spaces::{Role, Standing};
use crate::tasks::Task;

const ARCHIVED: Refusal = Refusal::Conflict("The project is archived; an admin can open it again");

/// The role that a person has in a room now. A channel and a task are as open as their project; an inbox is its person's own.
///
/// # Errors
/// The store's.
pub fn role_in(store: &mut dyn Store, room: &Room, person: &PersonId) -> Stored<Option<Role>> {
    match room.kind() {
        Kind::User => Ok((room.id() == person.as_str()).then_some(Role::Admin)),
        Kind::Channel => store.role_in_parent(room, person),
        Kind::Task => match task_in(store, room)? {
            Some(task) if task.room.kind().has_task_rooms() => store.role(&task.room, person),
            _ => Ok(None),
        },
        kind if kind.may_be_deleted() && store.is_being_removed(room)? => Ok(None),
        kind if kind.has_own_members() => store.role(room, person),
        _ => Ok(None),
    }
}

fn task_in(store: &mut dyn Store, room: &Room) -> Stored<Option<Task>> {
    parse_id(room.id()).map_or(Ok(None), |id| store.task(id))
}

/// Refuses everybody who is not in the room. An unknown room and a forbidden one are answered alike.
///
/// # Errors
/// [`Refusal::NotFound`]; the store's.
pub fn require_member(store: &mut dyn Store, actor: &Actor, room: &Room) -> Result<Role, Refusal> {
    role_in(store, room, &actor.person)?.ok_or(not_found(room))
}

/// Refuses everybody who is not in the room, and every change of what is put away: an archived project is read, and left, and nothing else.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Conflict`]; the store's.
pub fn require_writable(store: &mut dyn Store, actor: &Actor, room: &Room) -> Result<Role, Refusal> {
    let role = require_member(store, actor, room)?;
    require_open(store, room)?;
    act(store, actor, room)?;
    Ok(role)
}

/// Stores that the actor, a member, has acted in a space; being added by another user is no act. Contacts are users who both have acted in a space.
///
/// # Errors
/// The store's.
pub(crate) fn act(store: &mut dyn Store, actor: &Actor, room: &Room) -> Stored<()> {
    if room.kind() != Kind::User && !store.has_acted(room, &actor.person)? {
        store.put_acted(room, &actor.person)?;
    }
    Ok(())
}

/// [`require_writable`], with the actor's profile as the answer, if it is stored. For a channel and for most kinds of spaces this is one statement in
/// the store.
///
/// # Errors
/// As [`require_writable`].
pub fn require_writer(store: &mut dyn Store, actor: &Actor, room: &Room) -> Result<Option<Person>, Refusal> {
    if room.kind() != Kind::Channel && !room.kind().opens_by_membership_alone() {
        require_writable(store, actor, room)?;
        return Ok(store.person(&actor.person)?);
    }
    let Standing { archived, acted, person, .. } = store.standing(room, &actor.person)?.ok_or(not_found(room))?;
    if archived && room.kind().may_be_archived() {
        return Err(ARCHIVED);
    }
    if !acted {
        store.put_acted(room, &actor.person)?;
    }
    Ok(person)
}

/// Refuses every change of what is put away.
///
/// # Errors
/// [`Refusal::Conflict`]; the store's.
pub(super) fn require_open(store: &mut dyn Store, room: &Room) -> Result<(), Refusal> {
    if room.kind().may_be_archived() && store.is_archived(room)? {
        return Err(ARCHIVED);
    }
    Ok(())
}

/// Refuses everybody who is not the room's admin. The server's own admin is one everywhere: a household that only claims made has no other.
///
/// # Errors
/// [`Refusal::Forbidden`] for a member, [`Refusal::NotFound`] for everybody else; the store's.
pub fn require_admin(store: &mut dyn Store, actor: &Actor, room: &Room) -> Result<(), Refusal> {
    if actor.admin && store.has_space(room)? {
        return Ok(());
    }
    match require_member(store, actor, room)? {
        Role::Admin => Ok(()),
        Role::Member => Err(Refusal::Forbidden("Only an admin may do this")),
    }
}

/// What a room is called when it is not there.
pub(super) fn not_found(room: &Room) -> Refusal {
    Refusal::NotFound(room.kind().noun())
}

/// The space that a room is inside: whoever loses that one loses this one.
fn around(store: &mut dyn Store, room: &Room) -> Stored<Option<Room>> {
    match room.kind() {
        Kind::Channel => Ok(store.space(room)?.and_then(|space| space.parent)),
        Kind::Task => Ok(task_in(store, room)?.map(|task| task.room)),
        _ => Ok(None),
    }
}

/// The journal's last offset when a person became a member of a room, or of the space that it is inside; 0 for an inbox.
///
/// # Errors
/// The store's.
pub fn member_since(store: &mut dyn Store, room: &Room, person: &PersonId) -> Stored<i64> {
    let inside = around(store, room)?;
    Ok(store.member_since(inside.as_ref().unwrap_or(room), person)?.unwrap_or(0))
}

/// Every room that a person may hear, each with the offset behind which: the inbox, and those that the person is a member of.
///
/// Those of tasks are not among them: a person is in them only by looking at a task.
///
/// # Errors
/// The store's.
pub fn rooms_heard_by(store: &mut dyn Store, person: &PersonId) -> Stored<Vec<(Room, i64)>> {
    let mut rooms = store.rooms_heard_by(person)?;
    rooms.push((Room::inbox(person), 0));
    Ok(rooms)
}

/// Whether the actor may listen to a room.
///
/// It is a command although it changes nothing: in the writer's queue it stands in one order with the removals of members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnterRoom {
    /// Which.
    pub room: Room,
    /// The actor's session that comes into it, by its secret, if it is to be remembered.
    pub session: Option<String>,
    /// Whether it is asked since when the actor is a member, and where else.
    pub since: bool,
}

/// The same, for a user who asks which members are online: see [`NameMembers`](super::NameMembers).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnterAmongMembers {
    /// A room that has members of its own.
    pub room: Room,
    /// As in [`EnterRoom`]; the session leaves all other rooms of this one's kind.
    pub session: Option<String>,
    /// As in [`EnterRoom`].
    pub since: bool,
    /// Whether the answer names contacts of the actor only: members who have acted in the space, as the actor does by entering it.
    pub contacts_only: bool,
}

impl Command for EnterAmongMembers {
    type Answer = (Entered, Option<Vec<PersonId>>);

    fn decide(self, tx: &mut Tx<'_>) -> Result<Self::Answer, Refusal> {
        if let Some(secret) = &self.session {
            leave_others(tx, secret, &self.room)?;
        }
        let entered = EnterRoom { room: self.room.clone(), session: self.session, since: self.since }.decide(tx)?;
        let members = visible_members(tx, &self.room, self.contacts_only)?;
        Ok((entered, members))
    }
}

/// Who may listen to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entered {
    /// The actor, for those who are told of it.
    pub person: Person,
    /// The space that the room is inside: a channel's or a task's project.
    pub inside: Option<Room>,
    /// The journal's last offset when the actor became a member; 0 if it was not asked.
    pub member_since: i64,
    /// Every room that the actor may hear, as [`rooms_heard_by`] has them; none if it was not asked.
    pub hears: Vec<(Room, i64)>,
}

impl Command for EnterRoom {
    type Answer = Entered;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Entered, Refusal> {
        require_member(tx.store, tx.actor, &self.room)?;
        let person = tx.store.person(&tx.actor.person)?.ok_or(Refusal::NotFound("User"))?;
        let inside = around(tx.store, &self.room)?;
        act(tx.store, tx.actor, inside.as_ref().unwrap_or(&self.room))?;
        let (mut member_since, mut hears) = (0, Vec::new());
        if self.since {
            member_since = self::member_since(tx.store, &self.room, &person.id)?;
            hears = rooms_heard_by(tx.store, &person.id)?;
        }
        if let Some(secret) = self.session {
            let since = tx.store.last_offset()?;
            let room = SessionRoom { room: self.room, inside: inside.clone(), since, stay: Stay::Joined };
            tx.store.put_session_room(&secret, &person.id, &room)?;
        }
        Ok(Entered { person, inside, member_since, hears })
    }
}

/// Whether the actor may stay in a room whose events the actor receives. It is a command for the same reason as [`EnterRoom`], and reads the
/// membership only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StayInRoom {
    /// The room.
    pub room: Room,
}

impl Command for StayInRoom {
    type Answer = ();

    fn decide(self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        require_member(tx.store, tx.actor, &self.room).map(drop)
    }
}

/// A session comes into a room of a kind of which it is in one at a time.
fn leave_others(tx: &mut Tx<'_>, secret: &str, room: &Room) -> Stored<()> {
    let person = &tx.actor.person;
    for other in tx.store.session_rooms(secret, person)? {
        if other.room.kind() == room.kind() && other.room != *room {
            tx.store.delete_session_room(secret, person, &other.room)?;
        }
    }
    Ok(())
}
