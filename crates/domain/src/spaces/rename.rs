//! Renames a space.

use crate::access::{not_found, require_writable};
use crate::command::{Command, CommandContext};
use crate::embedded_members::{embed_members, for_event};
use crate::error::DomainError;
use crate::event::Event;
use crate::field::Field;
use crate::model::{RoomId, Space};
use crate::validation;

/// Renames a space, for every member. The same name again records no event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RenameSpace {
    /// The space.
    pub room: RoomId,
    /// The new name; `None` changes nothing.
    pub name: Option<String>,
}

impl Command for RenameSpace {
    type Output = Space;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Space, DomainError> {
        require_writable(context.store, context.actor, &self.room)?;
        if let Some(name) = &self.name {
            validation::required(Field::SpaceName, name, validation::MAX_NAME)?;
        }
        let mut space = context.store.space(&self.room)?.ok_or(not_found(&self.room))?;
        embed_members(context.store, &mut space)?;
        match self.name {
            Some(name) if name != space.name => space.name = name,
            _ => return Ok(space),
        }
        space.updated_at = context.now;
        context.store.update_space(&space)?;
        let by = context.store.user(&context.actor.user)?;
        context.record_event(&space.room, Event::SpaceUpdated { space: for_event(&space), by })?;
        Ok(space)
    }
}
