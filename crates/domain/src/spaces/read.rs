//! Looking at spaces, and at who shares them.

use crate::names::{Kind, PersonId, Room};
use crate::operation::{Actor, Query};
use crate::refusal::Refusal;
use crate::seam::{Page, Store};
use crate::spaces::Space;
use crate::spaces::access::{not_found, require_member};

/// A space, for its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadSpace {
    /// Which.
    pub room: Room,
}

impl Query for ReadSpace {
    type Answer = Space;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Space, Refusal> {
        require_member(store, actor, &self.room)?;
        store.space(&self.room)?.ok_or(not_found(&self.room))
    }
}

/// The actor's spaces of a kind, newest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListSpaces {
    /// Of which kind.
    pub kind: Kind,
    /// Which part of the list.
    pub page: Page<Room>,
}

impl Query for ListSpaces {
    type Answer = Vec<Space>;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Space>, Refusal> {
        Ok(store.spaces_of(&actor.person, self.kind, &self.page)?)
    }
}

/// A project's channels, newest first, for its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListChannels {
    /// The project.
    pub project: Room,
    /// Which part of the list.
    pub page: Page<Room>,
}

impl Query for ListChannels {
    type Answer = Vec<Space>;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Space>, Refusal> {
        require_member(store, actor, &self.project)?;
        Ok(store.spaces_in(&self.project, &self.page)?)
    }
}

/// Everybody who shares a space with the actor: those whom `PRESENCE_AUDIENCE=contacts` tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListContacts;

impl Query for ListContacts {
    type Answer = Vec<PersonId>;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<PersonId>, Refusal> {
        Ok(store.contacts_of(&actor.person)?)
    }
}
