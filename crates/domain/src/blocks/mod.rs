//! Blocks: a blocked user can neither add, call nor notify the user who made the block.
//!
//! In spaces that both share, both still receive messages. The blocked user gets a refusal that has other reasons, too, so that it does not reveal
//! the block. Blocks do not bind back ends and the server's admins.

use std::collections::HashSet;

use crate::names::{PersonId, Timestamp};
use crate::operation::{Actor, Command, Query, Tx};
use crate::refusal::Refusal;
use crate::seam::{Page, Store};

/// How many users a user may have blocked at once; one more is refused as a conflict.
pub const MOST_BLOCKS: u64 = 10_000;

/// A block of a user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// The blocked user.
    pub user: PersonId,
    /// The time of the block.
    pub since: Timestamp,
}

/// Blocks a user for the actor. A block that exists keeps its time. The answer does not reveal whether the user exists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockUser {
    /// The user to block.
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

/// Ends a block that the actor has made. Without such a block it does nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnblockUser {
    /// The user to unblock.
    pub user: PersonId,
}

impl Command for UnblockUser {
    type Answer = ();

    fn decide(self, tx: &mut Tx<'_>) -> Result<(), Refusal> {
        Ok(tx.store.delete_block(&tx.actor.person, &self.user)?)
    }
}

/// Lists the users that the actor has blocked, the latest block first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListBlocks {
    /// The page of the list.
    pub page: Page<PersonId>,
}

impl Query for ListBlocks {
    type Answer = Vec<Block>;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Block>, Refusal> {
        Ok(store.blocks_of(&actor.person, &self.page)?)
    }
}

/// Finds the users in a list who have blocked at least one user.
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

/// Lists all users that a user has blocked, at most [`MOST_BLOCKS`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockedBy {
    /// The user who made the blocks.
    pub person: PersonId,
}

impl Query for BlockedBy {
    type Answer = Vec<PersonId>;

    fn answer(self, store: &mut dyn Store, _: &Actor) -> Result<Vec<PersonId>, Refusal> {
        let blocks = store.blocks_of(&self.person, &Page { limit: MOST_BLOCKS as u32, before: None })?;
        Ok(blocks.into_iter().map(|block| block.user).collect())
    }
}

/// Whether a user has blocked the actor. Blocks do not bind admins.
///
/// # Errors
/// The store's.
pub(crate) fn blocks_actor(tx: &mut Tx<'_>, user: &PersonId) -> Result<bool, Refusal> {
    Ok(!tx.actor.admin && tx.store.block(user, &tx.actor.person)?.is_some())
}
