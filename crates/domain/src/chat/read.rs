//! Reading what was said.

use crate::chat::Message;
use crate::names::{Id, Room};
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

/// Reads a message, for the members of its room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadMessage {
    /// The message's id.
    pub message: Id,
}

impl Query for ReadMessage {
    type Answer = Message;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Message, Refusal> {
        let message = store.message(self.message)?.ok_or(Refusal::NotFound("Message"))?;
        require_member(store, actor, &message.room).map_err(|refusal| match refusal {
            Refusal::NotFound(_) => Refusal::NotFound("Message"),
            refusal => refusal,
        })?;
        Ok(message)
    }
}
