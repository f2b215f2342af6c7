//! Looking at what calls there were.

use crate::calls::Call;
use crate::names::Room;
use crate::operation::{Actor, Query};
use crate::refusal::Refusal;
use crate::seam::{Page, Store};
use crate::spaces::require_member;

/// A room's calls, newest first, for whoever is in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListCalls {
    /// Which room.
    pub room: Room,
    /// Which part of the list.
    pub page: Page,
}

impl Query for ListCalls {
    type Answer = Vec<Call>;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Call>, Refusal> {
        require_member(store, actor, &self.room)?;
        Ok(store.calls_in(&self.room, &self.page)?)
    }
}
