//! Commands and queries, and the transaction in which a command is decided.
//!
//! The input, the rules and the output of an operation are in one file of its area. REST and sockets use the same operation. The writer executes
//! commands. No other code changes the store.

use crate::error::DomainError;
use crate::event::{Account, Event, PersistedEvent};
pub use crate::model::Actor;
use crate::model::{EntityId, RoomId, Timestamp};
use crate::ports::{IdSource, Store};
use crate::quotas::{Charge, Quotas};

/// An operation that changes the store.
///
/// # Examples
///
/// A command that counts the members of a space, for its members:
///
/// ```
/// use domain::access::require_member;
/// use domain::command::{Command, CommandContext};
/// use domain::error::DomainError;
/// use domain::ids::RoomId;
///
/// #[derive(Clone)]
/// struct CountMembers {
///     room: RoomId,
/// }
///
/// impl Command for CountMembers {
///     type Output = u64;
///
///     fn execute(self, context: &mut CommandContext<'_>) -> Result<u64, DomainError> {
///         require_member(context.store, context.actor, &self.room)?;
///         let space = context.store.space(&self.room)?.ok_or(DomainError::NotFound("Space"))?;
///         Ok(space.member_count)
///     }
/// }
/// ```
///
/// The writer of the `store` crate executes commands. It may execute a copy first, to find out what the command asks the store, and it executes a
/// command again whose transaction has failed. So a command has no effect besides its writes to the store.
pub trait Command: Clone + Send + 'static {
    /// The result for the caller.
    type Output: Send + 'static;

    /// Executes the command inside the transaction: checks permissions, applies the rules, writes the change and records its events.
    ///
    /// # Errors
    /// A [`DomainError`]; the caller then rolls back everything that this command wrote.
    fn execute(self, context: &mut CommandContext<'_>) -> Result<Self::Output, DomainError>;
}

/// An operation that reads the store and does not change it.
pub trait Query: Send + 'static {
    /// The result for the caller.
    type Output: Send + 'static;

    /// Executes the query on the store, as `actor`.
    ///
    /// # Errors
    /// A [`DomainError`].
    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Self::Output, DomainError>;
}

/// The bounds of memberships. A command that would exceed them is rejected as a conflict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MembershipLimits {
    /// The most members of a space. A token that names a household makes its user a member in any case.
    pub members_per_space: u32,
    /// The most spaces that a user may be a member of, with the same exception.
    pub spaces_per_user: u32,
}

impl Default for MembershipLimits {
    fn default() -> Self {
        Self { members_per_space: 100_000, spaces_per_user: 1000 }
    }
}

/// One command's part of the writer's transaction. Time and ids are given, so a decision is exact and repeatable.
pub struct CommandContext<'a> {
    /// The store, inside the transaction.
    pub store: &'a mut dyn Store,
    /// The actor of the command.
    pub actor: &'a Actor,
    /// The time of the command.
    pub now: Timestamp,
    /// The bounds of memberships.
    pub bounds: MembershipLimits,
    ids: &'a mut dyn IdSource,
    quotas: Option<&'a Quotas>,
    charge: Charge,
    events: Vec<PersistedEvent>,
}

impl<'a> CommandContext<'a> {
    /// Begins one command's part.
    pub fn new(store: &'a mut dyn Store, actor: &'a Actor, now: Timestamp, ids: &'a mut dyn IdSource) -> Self {
        Self { store, actor, now, bounds: MembershipLimits::default(), ids, quotas: None, charge: Charge::default(), events: Vec::new() }
    }

    /// Replaces the default bounds.
    pub fn with_bounds(self, bounds: MembershipLimits) -> Self {
        Self { bounds, ..self }
    }

    /// Charges what the command uses to its actor, unless that is a back end or an admin.
    pub fn with_quotas(self, quotas: &'a Quotas) -> Self {
        Self { quotas: Some(quotas).filter(|_| !self.actor.admin), ..self }
    }

    /// Charges an object of `bytes` bytes that is stored for the actor.
    ///
    /// # Errors
    /// [`DomainError::OverQuota`].
    pub(crate) fn count_object(&mut self, bytes: usize) -> Result<(), DomainError> {
        self.quotas.map_or(Ok(()), |quotas| quotas.charge_object(&mut self.charge, &self.actor.user, bytes, self.now))
    }

    /// Charges the addition of a user to a space.
    ///
    /// # Errors
    /// [`DomainError::RateLimited`].
    pub(crate) fn count_addition(&mut self) -> Result<(), DomainError> {
        self.quotas.map_or(Ok(()), |quotas| quotas.charge_addition(&mut self.charge, &self.actor.user, self.now))
    }

    /// A new id; see [`EntityId`].
    pub fn new_id(&mut self) -> EntityId {
        self.ids.next_id(self.now)
    }

    /// A new invite code: eight characters that are easy to distinguish on paper.
    pub fn new_invite_code(&mut self) -> String {
        self.ids.invite_code()
    }

    /// Records an event: writes its row in the event log with the room's next `seq`. The event is published after the commit. No other code publishes
    /// persisted events.
    ///
    /// # Errors
    /// [`DomainError::Unavailable`] or [`DomainError::Internal`] if the row cannot be written; [`DomainError::OverQuota`].
    pub fn record_event(&mut self, room: &RoomId, event: Event) -> Result<(), DomainError> {
        self.record_event_at(room, event).map(drop)
    }

    /// Records an event as [`CommandContext::record_event`] does, and returns its offset.
    ///
    /// # Errors
    /// As [`CommandContext::record_event`].
    pub fn record_event_at(&mut self, room: &RoomId, event: Event) -> Result<i64, DomainError> {
        let persisted = self.store.append(room, self.now, Account::of(self.actor, room), event)?;
        self.count_object(persisted.body.len())?;
        let offset = persisted.offset;
        // Most commands record one event, and an event is large.
        self.events.reserve_exact(1);
        self.events.push(persisted);
        Ok(offset)
    }

    /// Executes a part of the command for another actor.
    pub fn on_behalf_of<T>(&mut self, actor: &Actor, work: impl FnOnce(&mut CommandContext<'_>) -> T) -> T {
        let persisted_events = std::mem::take(&mut self.events);
        let mut part = CommandContext {
            store: &mut *self.store,
            actor,
            now: self.now,
            bounds: self.bounds,
            ids: &mut *self.ids,
            quotas: None,
            charge: Charge::default(),
            events: persisted_events,
        };
        let output = work(&mut part);
        let persisted_events = part.events;
        self.events = persisted_events;
        output
    }

    /// The recorded events, in order.
    pub fn into_events(self) -> Vec<PersistedEvent> {
        self.events
    }

    /// The recorded events, in order, and the command's use of the actor's quotas, which the caller counts with [`Quotas::count`].
    pub fn into_parts(self) -> (Vec<PersistedEvent>, Charge) {
        (self.events, self.charge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_names_the_server_as_its_user() {
        assert_eq!(crate::model::UserId::parse(Actor::server().user.as_str()), None);
    }
}
