//! Queries of calls.

use crate::access::require_member;
use crate::command::Query;
use crate::error::DomainError;
use crate::model::{Actor, Call, EntityId, RoomId, UserId};
use crate::ports::{Page, Store};

/// Lists a room's calls, newest first, for its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListCalls {
    /// The room.
    pub room: RoomId,
    /// The page of the list.
    pub page: Page,
}

impl Query for ListCalls {
    type Output = Vec<Call>;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Call>, DomainError> {
        require_member(store, actor, &self.room)?;
        Ok(store.calls_in(&self.room, &self.page)?)
    }
}

/// Lists the present participants of all open calls, each with the id of the call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListCallParticipants;

impl Query for ListCallParticipants {
    type Output = Vec<(EntityId, UserId)>;

    fn execute(self, store: &mut dyn Store, _: &Actor) -> Result<Self::Output, DomainError> {
        Ok(store.present_participants()?)
    }
}
