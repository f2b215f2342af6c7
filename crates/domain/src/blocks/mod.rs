//! Blocks: a blocked user can neither add, call nor notify the user who made the block.
//!
//! In spaces that both share, both still receive messages. The blocked user receives an error that has other reasons, too, so that it does not reveal
//! the block. Blocks do not bind back ends and the server's admins.

use std::collections::HashSet;

use crate::command::{Command, CommandContext, Query};
use crate::error::DomainError;
use crate::field::Field;
pub use crate::model::Block;
use crate::model::{Actor, UserId};
use crate::ports::{Page, Store};

/// How many users a user may have blocked at once; one more is rejected as a conflict.
pub const MAX_BLOCKS: u64 = 10_000;

/// Blocks a user for the actor. A block that exists keeps its time. The output does not reveal whether the user exists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockUser {
    /// The user to block.
    pub user: UserId,
}

impl Command for BlockUser {
    type Output = Block;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Block, DomainError> {
        let actor = &context.actor.user;
        if self.user == *actor {
            return Err(DomainError::invalid(Field::BlockedUser, "must be another user than yourself"));
        }
        if let Some(block) = context.store.block(actor, &self.user)? {
            return Ok(block);
        }
        if context.store.count_blocks(actor)? >= MAX_BLOCKS {
            return Err(DomainError::Conflict("You have blocked as many users as one may block; unblock one first"));
        }
        context.store.put_block(actor, &self.user, context.now)?;
        Ok(Block { user: self.user, since: context.now })
    }
}

/// Ends a block that the actor has made. Without such a block it does nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnblockUser {
    /// The user to unblock.
    pub user: UserId,
}

impl Command for UnblockUser {
    type Output = ();

    fn execute(self, context: &mut CommandContext<'_>) -> Result<(), DomainError> {
        Ok(context.store.delete_block(&context.actor.user, &self.user)?)
    }
}

/// Lists the users that the actor has blocked, the latest block first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListBlocks {
    /// The page of the list.
    pub page: Page<UserId>,
}

impl Query for ListBlocks {
    type Output = Vec<Block>;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Block>, DomainError> {
        Ok(store.blocks_of(&actor.user, &self.page)?)
    }
}

/// Finds the users in a list who have blocked at least one user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FilterBlockers {
    /// The users in question.
    pub users: Vec<UserId>,
}

impl Query for FilterBlockers {
    type Output = HashSet<UserId>;

    fn execute(self, store: &mut dyn Store, _: &Actor) -> Result<HashSet<UserId>, DomainError> {
        let mut blockers = HashSet::new();
        for user in self.users {
            if !store.blocks_of(&user, &Page { limit: 1, before: None })?.is_empty() {
                blockers.insert(user);
            }
        }
        Ok(blockers)
    }
}

/// Lists all users that a user has blocked, at most [`MAX_BLOCKS`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListBlockers {
    /// The user who made the blocks.
    pub user: UserId,
}

impl Query for ListBlockers {
    type Output = Vec<UserId>;

    fn execute(self, store: &mut dyn Store, _: &Actor) -> Result<Vec<UserId>, DomainError> {
        let blocks = store.blocks_of(&self.user, &Page { limit: MAX_BLOCKS as u32, before: None })?;
        Ok(blocks.into_iter().map(|block| block.user).collect())
    }
}

/// Whether a user has blocked the actor. Blocks do not bind admins.
///
/// # Errors
/// The store's.
pub(crate) fn blocks_actor(context: &mut CommandContext<'_>, user: &UserId) -> Result<bool, DomainError> {
    Ok(!context.actor.admin && context.store.block(user, &context.actor.user)?.is_some())
}
