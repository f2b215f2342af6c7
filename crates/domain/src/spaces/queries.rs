//! Queries of spaces, members and contacts.

use crate::access::{not_found, require_member};
use crate::command::Query;
use crate::embedded_members::embed_members;
use crate::error::DomainError;
use crate::field::Field;
use crate::model::{Actor, Member, RoomId, RoomKind, Space, UserId};
use crate::ports::{MemberPage, Page, Store};

/// Reads a space, for its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetSpace {
    /// The space.
    pub room: RoomId,
}

impl Query for GetSpace {
    type Output = Space;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Space, DomainError> {
        require_member(store, actor, &self.room)?;
        let mut space = store.space(&self.room)?.ok_or(not_found(&self.room))?;
        embed_members(store, &mut space)?;
        Ok(space)
    }
}

/// Reads a space and its first members, for operators, who are no members. The output is `None` for a room that is no space.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InspectSpace {
    /// The space.
    pub room: RoomId,
    /// How many members are read at most.
    pub members: u32,
}

impl Query for InspectSpace {
    type Output = Option<(Space, Vec<Member>)>;

    fn execute(self, store: &mut dyn Store, _: &Actor) -> Result<Self::Output, DomainError> {
        let Some(space) = store.space(&self.room)? else { return Ok(None) };
        let members = store.members(&self.room, &MemberPage { limit: self.members, after: None })?;
        Ok(Some((space, members)))
    }
}

/// Lists the members of a space in the order of joining, for its members. The first are the members that a response embeds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListMembers {
    /// The space.
    pub room: RoomId,
    /// The page of the list.
    pub page: MemberPage,
}

impl Query for ListMembers {
    type Output = Vec<Member>;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Member>, DomainError> {
        require_member(store, actor, &self.room)?;
        if let Some(after) = &self.page.after
            && store.role(&self.room, after)?.is_none()
        {
            return Err(DomainError::invalid(Field::After, "must be the id of a member; if that one has left, begin without it"));
        }
        Ok(store.members(&self.room, &self.page)?)
    }
}

/// Lists the actor's spaces of a kind, newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListSpaces {
    /// The kind.
    pub kind: RoomKind,
    /// The page of the list.
    pub page: Page<RoomId>,
}

impl Query for ListSpaces {
    type Output = Vec<Space>;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Space>, DomainError> {
        let mut spaces = store.spaces_of(&actor.user, self.kind, &self.page)?;
        for space in &mut spaces {
            embed_members(store, space)?;
        }
        Ok(spaces)
    }
}

/// Lists a project's channels, newest first, for its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListChannels {
    /// The project.
    pub project: RoomId,
    /// The page of the list.
    pub page: Page<RoomId>,
}

impl Query for ListChannels {
    type Output = Vec<Space>;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Space>, DomainError> {
        require_member(store, actor, &self.project)?;
        Ok(store.spaces_in(&self.project, &self.page)?)
    }
}

/// Lists the actor's contacts, who receive the actor's presence with `PRESENCE_AUDIENCE=contacts`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListContacts;

impl Query for ListContacts {
    type Output = Vec<UserId>;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<UserId>, DomainError> {
        Ok(store.contacts_of(&actor.user)?)
    }
}
