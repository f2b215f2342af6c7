//! Joins a room.

use crate::access::{self, parent_of, record_activity, require_member};
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::model::{RoomId, RoomState, SessionRoom, User, UserId};
use crate::ports::StoreResult;
use crate::spaces::presence::visible_members;

/// Checks that the actor may join a room, and stores the room in the actor's session.
///
/// It is a command also without a session: the writer's queue orders it with the removals of members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinRoom {
    /// The room.
    pub room: RoomId,
    /// The secret of the actor's session in which the room is to be stored; `None` for a connection without a session.
    pub session: Option<String>,
    /// Whether the output has [`JoinedRoom::member_since`] and [`JoinedRoom::visible_rooms`].
    pub since: bool,
}

/// [`JoinRoom`], and the members whose presence the actor may see: see [`ListMemberIds`](super::ListMemberIds).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinRoomListingMembers {
    /// A room that has members of its own.
    pub room: RoomId,
    /// As in [`JoinRoom`]; the session leaves all other rooms of this one's kind.
    pub session: Option<String>,
    /// As in [`JoinRoom`].
    pub since: bool,
    /// Whether the output names contacts of the actor only: members who have acted in the space, as the actor does by entering it.
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

/// The output of [`JoinRoom`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinedRoom {
    /// The actor's profile, for the event to the other members.
    pub user: User,
    /// The parent of the room: a channel's or a task's project.
    pub inside: Option<RoomId>,
    /// The log's last offset at the time when the actor became a member; 0 unless [`JoinRoom::since`] requests it.
    pub member_since: i64,
    /// Every room that the actor may access, as in [`visible_rooms`](crate::access::visible_rooms); empty unless [`JoinRoom::since`] requests it.
    pub visible_rooms: Vec<(RoomId, i64)>,
}

impl Command for JoinRoom {
    type Output = JoinedRoom;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<JoinedRoom, DomainError> {
        require_member(context.store, context.actor, &self.room)?;
        let user = context.store.user(&context.actor.user)?.ok_or(DomainError::NotFound("User"))?;
        let inside = parent_of(context.store, &self.room)?;
        record_activity(context.store, context.actor, inside.as_ref().unwrap_or(&self.room))?;
        let (mut member_since, mut visible_rooms) = (0, Vec::new());
        if self.since {
            member_since = access::member_since(context.store, &self.room, &user.id)?;
            visible_rooms = access::visible_rooms(context.store, &user.id)?;
        }
        if let Some(secret) = self.session {
            let since = context.store.last_offset()?;
            let room = SessionRoom { room: self.room, parent: inside.clone(), since, state: RoomState::Joined };
            context.store.put_session_room(&secret, &user.id, &room)?;
        }
        Ok(JoinedRoom { user, inside, member_since, visible_rooms })
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
