//! Blocks: a user who is blocked can neither add, call nor notify the user who has blocked them.
//!
//! In spaces that both share, messages still flow. The blocked user is answered as if something else were in the way, so that a block is not seen
//! by itself. Back ends and the server's admins are not bound by blocks.

use std::collections::HashSet;

use crate::names::{PersonId, Timestamp};
use crate::operation::{Actor, Command, Query, Tx};
use crate::refusal::Refusal;
use crate::seam::{Page, Store};

/// How many users a user may have blocked at once; one more is refused as a conflict.
pub const MOST_BLOCKS: u64 = 10_000;

/// A user whom another has blocked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// Who is blocked.
    pub user: PersonId,
    /// Since when.
    pub since: Timestamp,
}

/// Blocks a user for the actor. A user who is blocked already stays so since then. Whether there is such a user is not told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockUser {
    /// Whom.
    pub user: PersonId,
}

impl Command for BlockUser {
    type Answer = Block;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Block, Refusal> {
        let actor = &tx.actor.person;
        if self.user == *actor {
            return Err(Refusal::invalid("user", "must be another user than yourself"));
        }
        if let Some(known) = tx.store.block(actor, &self.user)? {
            return Ok(known);
        }
        if tx.store.count_blocks(actor)? >= MOST_BLOCKS {
            return Err(Refusal::Conflict("You have blocked as many users as one may block; unblock one first"));
        }
        tx.store.put_block(actor, &self.user, tx.now)?;
        Ok(Block { user: self.user, since: tx.now })
    }
}

/// Ends a block of the actor's. A user who is not blocked stays so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnblockUser {
    /// Whom.
    pub user: PersonId,
}

impl Command for UnblockUser {
    type Answer = ();

    fn decide(self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        Ok(tx.store.delete_block(&tx.actor.person, &self.user)?)
    }
}

/// The users whom the actor has blocked, the latest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListBlocks {
    /// Which part of the list.
    pub page: Page<PersonId>,
}

impl Query for ListBlocks {
    type Answer = Vec<Block>;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Block>, Refusal> {
        Ok(store.blocks_of(&actor.person, &self.page)?)
    }
}

/// Those of some users who have blocked any user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameBlockers {
    /// The users in question.
    pub people: Vec<PersonId>,
}

impl Query for NameBlockers {
    type Answer = HashSet<PersonId>;

    fn answer(self, store: &mut dyn Store, _: &Actor) -> Result<HashSet<PersonId>, Refusal> {
        let mut blockers = HashSet::new();
        for person in self.people {
            if !store.blocks_of(&person, &Page { limit: 1, before: None })?.is_empty() {
                blockers.insert(person);
            }
        }
        Ok(blockers)
    }
}

/// All users whom a user has blocked, at most [`MOST_BLOCKS`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockedBy {
    /// The user who has blocked them.
    pub person: PersonId,
}

impl Query for BlockedBy {
    type Answer = Vec<PersonId>;

    fn answer(self, store: &mut dyn Store, _: &Actor) -> Result<Vec<PersonId>, Refusal> {
        let blocks = store.blocks_of(&self.person, &Page { limit: MOST_BLOCKS as u32, before: None })?;
        Ok(blocks.into_iter().map(|block| block.user).collect())
    }
}

/// Whether a user has blocked the actor, who is bound by that.
///
/// # Errors
/// The store's.
pub(crate) fn blocks_actor(tx: &mut Tx<'_>, user: &PersonId) -> Result<bool, Refusal> {
    Ok(!tx.actor.admin && tx.store.block(user, &tx.actor.person)?.is_some())
}
