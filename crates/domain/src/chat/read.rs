//! Reading what was said.

use crate::chat::Message;
use crate::names::Room;
use crate::operation::{Actor, Query};
use crate::refusal::Refusal;
use crate::seam::{Page, Store};
use crate::spaces::require_member;

/// A room's messages, newest first, for whoever is in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListMessages {
    /// Which room.
    pub room: Room,
    /// Which part of the list.
    pub page: Page,
}

impl Query for ListMessages {
    type Answer = Vec<Message>;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Message>, Refusal> {
        require_member(store, actor, &self.room)?;
        Ok(store.messages_in(&self.room, &self.page)?)
    }
}
