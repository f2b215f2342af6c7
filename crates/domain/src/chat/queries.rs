//! Queries of messages.

use crate::access::require_member;
use crate::command::Query;
use crate::error::DomainError;
use crate::model::{Actor, EntityId, Message, RoomId};
use crate::ports::{Page, Store};

/// Lists a room's messages, newest first, for its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListMessages {
    /// The room.
    pub room: RoomId,
    /// The page of the list.
    pub page: Page,
}

impl Query for ListMessages {
    type Output = Vec<Message>;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Message>, DomainError> {
        require_member(store, actor, &self.room)?;
        Ok(store.messages_in(&self.room, &self.page)?)
    }
}

/// Reads a message, for the members of its room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetMessage {
    /// The message's id.
    pub message: EntityId,
}

impl Query for GetMessage {
    type Output = Message;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Message, DomainError> {
        let message = store.message(self.message)?.ok_or(DomainError::NotFound("Message"))?;
        require_member(store, actor, &message.room).map_err(|error| match error {
            DomainError::NotFound(_) => DomainError::NotFound("Message"),
            error => error,
        })?;
        Ok(message)
    }
}
