//! Archives a space, or opens it again.

use crate::access::{not_found, require_admin};
use crate::command::{Command, CommandContext};
use crate::embedded_members::{embed_members, for_event};
use crate::error::DomainError;
use crate::event::Event;
use crate::model::{RoomId, Space};

/// Archives a project, or opens it again; for its admins. Members can read an archived project, receive its events and leave it; admins can remove
/// members. A command that changes nothing records no event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArchiveSpace {
    /// The project.
    pub room: RoomId,
    /// True archives the project, false opens it.
    pub archived: bool,
}

impl Command for ArchiveSpace {
    type Output = Space;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Space, DomainError> {
        require_admin(context.store, context.actor, &self.room)?;
        let mut space = context.store.space(&self.room)?.ok_or(not_found(&self.room))?;
        if !self.room.kind().may_be_archived() || !self.room.kind().has_own_members() {
            return Err(not_found(&self.room));
        }
        embed_members(context.store, &mut space)?;
        if space.archived_at.is_some() == self.archived {
            return Ok(space);
        }
        space.archived_at = self.archived.then_some(context.now);
        space.updated_at = context.now;
        context.store.update_space(&space)?;
        let by = context.store.user(&context.actor.user)?;
        let event = match self.archived {
            true => Event::SpaceArchived { space: for_event(&space), by },
            false => Event::SpaceUpdated { space: for_event(&space), by },
        };
        context.record_event(&space.room, event)?;
        Ok(space)
    }
}
