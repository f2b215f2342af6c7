//! Creates spaces, and channels of a project.

use crate::event::Event;
use crate::validation;
use crate::ids::{RoomKind, UserId, RoomId};
use crate::command::{Command, CommandContext};
use crate::users::known_or_unseen;
use crate::error::DomainError;
use crate::spaces::permissions::{not_found, require_writable};
use crate::spaces::additions::require_addable;
use crate::spaces::membership::{TOO_MANY_MEMBERS, require_free_slot};
use crate::spaces::{Role, Space, embed_members};

/// Creates a space; the actor becomes its admin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateSpace {
    /// A kind with members of its own.
    pub kind: RoomKind,
    /// The name of the space; a conversation's may be empty.
    pub name: String,
    /// The first members besides the actor. Unknown ids are allowed: the first token of such a user fills in the profile.
    pub members: Vec<UserId>,
}

impl Command for CreateSpace {
    type Output = Space;

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<Space, DomainError> {
        let (space, people) = self.store(tx)?;
        tx.record_event(&space.room, Event::SpaceCreated { space: space.clone(), people, trip: None })?;
        Ok(space)
    }
}

impl CreateSpace {
    /// Stores the space with its members. The answer is the space with its first members, and the ids of all members; the caller records the
    /// event.
    pub(crate) fn store(self, tx: &mut CommandContext<'_>) -> Result<(Space, Vec<UserId>), DomainError> {
        if !self.kind.has_own_members() {
            return Err(DomainError::Internal(format!("a space cannot be a {}", self.kind.display_name())));
        }
        let (name_field, members_field) = self.kind.fields();
        match self.name.as_str() {
            "" if self.kind.may_be_nameless() => {}
            name => validation::required(name_field, name, validation::MAX_NAME)?,
        }
        let mut people = validation::user_ids(members_field, self.members)?;
        let creator = tx.actor.person.clone();
        people.retain(|person| *person != creator);
        people.insert(0, creator);
        if people.len() as u64 > u64::from(tx.bounds.members_per_space) {
            return Err(TOO_MANY_MEMBERS);
        }

        let room = self.kind.room(tx.new_id());
        let invite_code = self.kind.is_joined_by_invite().then(|| tx.new_invite_code());
        let mut space = new_space(tx, room, self.name, None, invite_code);
        tx.store.insert_space(&space)?;
        for id in &people {
            let role = if *id == space.created_by { Role::Admin } else { Role::Member };
            require_addable(tx, None, id)?;
            known_or_unseen(tx, id)?;
            require_free_slot(tx, id)?;
            tx.store.put_member(&space.room, id, role, tx.now)?;
        }
        tx.store.put_acted(&space.room, &space.created_by)?;
        space.member_count = people.len() as u64;
        embed_members(tx.store, &mut space)?;
        Ok((space, people))
    }
}

/// Creates a channel of a project, for every member of the project. The members of the channel are the project's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateChannel {
    /// The project.
    pub project: RoomId,
    /// The name of the channel.
    pub name: String,
}

impl Command for CreateChannel {
    type Output = Space;

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<Space, DomainError> {
        require_writable(tx.store, tx.actor, &self.project)?;
        if !self.project.kind().has_channels() {
            return Err(not_found(&self.project));
        }
        validation::required("name", &self.name, validation::MAX_NAME)?;
        let room = RoomKind::Channel.room(tx.new_id());
        let channel = new_space(tx, room, self.name, Some(self.project), None);
        tx.store.insert_space(&channel)?;
        Ok(channel)
    }
}

fn new_space(tx: &CommandContext<'_>, room: RoomId, name: String, parent: Option<RoomId>, invite_code: Option<String>) -> Space {
    Space {
        room,
        name,
        parent,
        invite_code,
        created_by: tx.actor.person.clone(),
        created_at: tx.now,
        updated_at: tx.now,
        archived_at: None,
        member_count: 0,
        members: Vec::new(),
    }
}
