//! Queries of messages.

use crate::chat::Message;
use crate::names::{Id, Room};
use crate::operation::{Actor, Query};
use crate::refusal::Refusal;
use crate::seam::{Page, Store};
use crate::spaces::require_member;

/// Lists a room's messages, newest first, for its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListMessages {
    /// The room.
    pub room: Room,
    /// The page of the list.
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
