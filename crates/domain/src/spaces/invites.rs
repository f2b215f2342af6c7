//! Invite codes: users join a space with its code, without an act of a member.

use crate::access::{not_found, require_member, require_not_archived};
use crate::command::{Command, CommandContext};
use crate::embedded_members::{embed_members, for_event};
use crate::error::DomainError;
use crate::event::Event;
use crate::field::Field;
use crate::model::{RoomId, Space};
use crate::spaces::membership::begin_membership;

/// Joins a space by its invite code. For a member the output is the same, and no event is recorded. An unknown space gets the error for a wrong
/// code, so that guesses reveal nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinByInvite {
    /// The space.
    pub room: RoomId,
    /// The code as typed; the check ignores case and surrounding spaces.
    pub code: String,
}

impl Command for JoinByInvite {
    type Output = Space;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Space, DomainError> {
        let wrong_code = || wrong_code(&self.room);
        let mut space = context.store.space(&self.room)?.ok_or_else(wrong_code)?;
        let code = space.invite_code.as_ref().ok_or_else(wrong_code)?;
        if context.store.role(&self.room, &context.actor.user)?.is_some() {
            embed_members(context.store, &mut space)?;
            return Ok(space);
        }
        if !self.code.trim().eq_ignore_ascii_case(code) {
            return Err(wrong_code());
        }
        require_not_archived(context.store, &self.room)?;
        begin_membership(context, &mut space, &context.actor.user.clone())?;
        context.store.put_acted(&self.room, &context.actor.user)?;
        Ok(space)
    }
}

fn wrong_code(room: &RoomId) -> DomainError {
    let kind = room.kind().display_name().to_lowercase();
    DomainError::invalid(Field::InviteCode, format!("is not the code of this {kind}; ask a member for the present one"))
}

/// Creates a new invite code, for every member; the old code becomes invalid. The output has the new code in `invite_code`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefreshInvite {
    /// The space.
    pub room: RoomId,
}

impl Command for RefreshInvite {
    type Output = Space;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Space, DomainError> {
        require_member(context.store, context.actor, &self.room)?;
        let mut space = context.store.space(&self.room)?.ok_or(not_found(&self.room))?;
        if !self.room.kind().is_joined_by_invite() {
            return Err(not_found(&self.room));
        }
        space.invite_code = Some(context.new_invite_code());
        space.updated_at = context.now;
        context.store.update_space(&space)?;
        embed_members(context.store, &mut space)?;
        context.record_event(&space.room, Event::InviteRefreshed { space: for_event(&space) })?;
        Ok(space)
    }
}
