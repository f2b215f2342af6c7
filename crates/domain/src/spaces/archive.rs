//! Putting away what is over.

use crate::event::Event;
use crate::names::Room;
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::spaces::access::{not_found, require_admin};
use crate::spaces::{Space, embed_members, for_event};

/// Puts a project away, or opens it again; for its admins. An archived project and everything in it can be read and listened to; only people
/// still leave and are removed. What is so already stays so, and nobody hears of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArchiveSpace {
    /// Which.
    pub room: Room,
    /// Put away, or open.
    pub archived: bool,
}

impl Command for ArchiveSpace {
    type Answer = Space;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Space, Refusal> {
        require_admin(tx.store, tx.actor, &self.room)?;
        let mut space = tx.store.space(&self.room)?.ok_or(not_found(&self.room))?;
        if !self.room.kind().may_be_archived() || !self.room.kind().has_own_members() {
            return Err(not_found(&self.room));
        }
        embed_members(tx.store, &mut space)?;
        if space.archived_at.is_some() == self.archived {
            return Ok(space);
        }
        space.archived_at = self.archived.then_some(tx.now);
        space.updated_at = tx.now;
        tx.store.update_space(&space)?;
        let by = tx.store.person(&tx.actor.person)?;
        let event = match self.archived {
            true => Event::SpaceArchived { space: for_event(&space), by },
            false => Event::SpaceUpdated { space: for_event(&space), by },
        };
        tx.record(&space.room, event)?;
        Ok(space)
    }
}
