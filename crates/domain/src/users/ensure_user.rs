//! Creates or updates a user from the claims of a token.

use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::event::Event;
use crate::field::Field;
use crate::model::{Role, RoomId, RoomKind, Space, Timestamp, User, UserId};
use crate::validation::MAX_NAME;

/// The claims of a token about its user.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Claims {
    /// The name to show.
    pub name: Option<String>,
    /// The username, which other users write to mention the user.
    pub username: Option<String>,
    /// The mail address.
    pub email: Option<String>,
    /// The id of a household that the user is a member of.
    pub household: Option<String>,
    /// The time at which the token was issued, in whole seconds.
    pub issued_at: Option<Timestamp>,
}

/// Creates the actor's user if it is not stored, and fills the empty fields of the profile from the token's claims.
///
/// A claimed household makes the user a member; an unknown household is created. Clients receive no event of either ([`Event::MembershipClaimed`]).
/// If the claims change nothing for a user who has signed in before, the command writes nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnsureUser {
    /// The claims of the token.
    pub claims: Claims,
}

/// The output of [`EnsureUser`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnsuredUser {
    /// The user, as stored now.
    pub user: User,
    /// Whether the command created the user.
    pub created: bool,
    /// All households that the user is a member of; connections join their rooms automatically.
    pub households: Vec<RoomId>,
}

impl Command for EnsureUser {
    type Output = EnsuredUser;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<EnsuredUser, DomainError> {
        let id = context.actor.user.clone();
        if UserId::parse(id.as_str()).is_none() {
            return Err(DomainError::invalid(Field::Subject, "must be an id of 1 to 200 bytes"));
        }
        if context.store.is_being_removed(&RoomId::inbox(&id))? {
            return Err(DomainError::Unavailable(format!("the user {id} is being deleted")));
        }
        if let Some(deleted_at) = context.store.deleted_at(&id)?
            && !is_issued_after(self.claims.issued_at, deleted_at)
        {
            return Err(DomainError::UserDeleted);
        }
        let stored = context.store.user(&id)?;
        let created = stored.is_none();
        let mut user = stored.unwrap_or_else(|| User::unseen(id, context.now));
        let filled = fill_from_claims(&mut user, &self.claims);
        if created {
            context.store.insert_user(&user)?;
        } else {
            if filled {
                user.updated_at = context.now;
                context.store.update_user(&user)?;
            }
            if !context.store.has_signed_in(&user.id)? {
                context.store.put_signed_in(&user.id)?;
            }
        }
        // A claim that is not a valid id is ignored; the token is still valid.
        if let Some(room) = self.claims.household.and_then(|id| RoomKind::Household.room_from_external_id(&id)) {
            apply_household_claim(context, &room, &user, self.claims.issued_at)?;
        }
        let households = context.store.rooms_of(&user.id, Some(RoomKind::Household))?;
        Ok(EnsuredUser { user, created, households })
    }
}

/// Fills the profile's empty fields, so that a token does not overwrite what the user has set. The output is whether any field was filled.
fn fill_from_claims(user: &mut User, claims: &Claims) -> bool {
    let mut filled = false;
    for (field, claim) in [(&mut user.name, &claims.name), (&mut user.username, &claims.username)] {
        if let Some(text) = claim.as_deref().and_then(normalized_claim).filter(|_| field.is_empty()) {
            *field = text;
            filled = true;
        }
    }
    if user.email.is_none() {
        user.email = claims.email.as_deref().and_then(normalized_claim);
        filled |= user.email.is_some();
    }
    filled
}

/// A claim in the form that the profile stores: without surrounding spaces, cut to the maximum length of a name; `None` if it is empty then.
fn normalized_claim(claim: &str) -> Option<String> {
    let text: String = claim.trim().chars().filter(|c| *c != '\0').take(MAX_NAME).collect();
    (!text.is_empty()).then_some(text)
}

/// Whether a token was certainly issued after a removal or a deletion. A token of the same second may be older, so only a later second counts. A
/// token without `iat` never counts.
fn is_issued_after(issued_at: Option<Timestamp>, time: Timestamp) -> bool {
    issued_at.is_some_and(|issued_at| issued_at > time)
}

fn apply_household_claim(
    context: &mut CommandContext<'_>,
    room: &RoomId,
    user: &User,
    issued_at: Option<Timestamp>,
) -> Result<(), DomainError> {
    if context.store.role(room, &user.id)?.is_some() {
        return Ok(());
    }
    if let Some(left_at) = context.store.left_at(room, &user.id)?
        && !is_issued_after(issued_at, left_at)
    {
        return Ok(());
    }
    if !context.store.has_space(room)? {
        let space = Space {
            room: room.clone(),
            name: room.id().to_owned(),
            parent: None,
            invite_code: Some(context.new_invite_code()),
            created_by: user.id.clone(),
            created_at: context.now,
            updated_at: context.now,
            archived_at: None,
            member_count: 0,
            members: Vec::new(),
        };
        context.store.insert_space(&space)?;
        context.store.put_claimed(room)?;
    }
    context.store.put_member(room, &user.id, Role::Member, context.now)?;
    // A user with such a token joins by connecting with it, which is the user's own act.
    context.store.put_acted(room, &user.id)?;
    context.record_event(room, Event::MembershipClaimed { user: user.id.clone() })
}
