//! Creates spaces, and channels of a project.

use crate::access::{not_found, require_writable};
use crate::command::{Command, CommandContext};
use crate::embedded_members::embed_members;
use crate::error::DomainError;
use crate::event::Event;
use crate::field::Field;
use crate::model::{Role, RoomId, RoomKind, Space, UserId};
use crate::spaces::additions::require_addable;
use crate::spaces::membership::{TOO_MANY_MEMBERS, require_free_slot};
use crate::users::known_or_unseen;
use crate::validation;

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

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Space, DomainError> {
        let (space, users) = self.store(context)?;
        context.record_event(&space.room, Event::SpaceCreated { space: space.clone(), users, trip: None })?;
        Ok(space)
    }
}

impl CreateSpace {
    /// Stores the space with its members. The output is the space with its first members, and the ids of all members; the caller records the
    /// event.
    pub(crate) fn store(self, context: &mut CommandContext<'_>) -> Result<(Space, Vec<UserId>), DomainError> {
        if !self.kind.has_own_members() {
            return Err(DomainError::Internal(format!("a space cannot be a {}", self.kind.display_name())));
        }
        match self.name.as_str() {
            "" if self.kind.may_be_nameless() => {}
            name => validation::required(Field::SpaceName, name, validation::MAX_NAME)?,
        }
        let mut users = validation::user_ids(Field::Members, self.members)?;
        let creator = context.actor.user.clone();
        users.retain(|user| *user != creator);
        users.insert(0, creator);
        if users.len() as u64 > u64::from(context.bounds.members_per_space) {
            return Err(TOO_MANY_MEMBERS);
        }

        let room = self.kind.room(context.new_id());
        let invite_code = self.kind.is_joined_by_invite().then(|| context.new_invite_code());
        let mut space = new_space(context, room, self.name, None, invite_code);
        context.store.insert_space(&space)?;
        for id in &users {
            let role = if *id == space.created_by { Role::Admin } else { Role::Member };
            require_addable(context, None, id)?;
            known_or_unseen(context, id)?;
            require_free_slot(context, id)?;
            context.store.put_member(&space.room, id, role, context.now)?;
        }
        context.store.put_acted(&space.room, &space.created_by)?;
        space.member_count = users.len() as u64;
        embed_members(context.store, &mut space)?;
        Ok((space, users))
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

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Space, DomainError> {
        require_writable(context.store, context.actor, &self.project)?;
        if !self.project.kind().has_channels() {
            return Err(not_found(&self.project));
        }
        validation::required(Field::SpaceName, &self.name, validation::MAX_NAME)?;
        let room = RoomKind::Channel.room(context.new_id());
        let channel = new_space(context, room, self.name, Some(self.project), None);
        context.store.insert_space(&channel)?;
        Ok(channel)
    }
}

fn new_space(context: &CommandContext<'_>, room: RoomId, name: String, parent: Option<RoomId>, invite_code: Option<String>) -> Space {
    Space {
        room,
        name,
        parent,
        invite_code,
        created_by: context.actor.user.clone(),
        created_at: context.now,
        updated_at: context.now,
        archived_at: None,
        member_count: 0,
        members: Vec::new(),
    }
}
