//! A command or a query, and the transaction in which it is decided.
//!
//! One operation, one place: its input, its rules and its answer stand together in its area's file. REST and sockets make the same
//! operation, and the writer runs it; nothing else changes the store.

use crate::event::{Account, Event, Fact};
use crate::names::{Id, PersonId, Room, Timestamp};
use crate::quotas::{Charge, Quotas};
use crate::refusal::Refusal;
use crate::seam::{Ids, Store};

/// On whose behalf something is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// The person.
    pub person: PersonId,
    /// Whether the token has the server's own role `admin`.
    pub admin: bool,
}

impl Actor {
    /// The server itself, in what it does by its own clock, and a back end that has its key. Nobody else can have an id without a character.
    pub fn server() -> Self {
        Self { person: PersonId::new(""), admin: true }
    }
}

/// What somebody wants changed.
pub trait Command: Send + 'static {
    /// What the caller learns when it is done.
    type Answer: Send + 'static;

    /// Decides inside the transaction: asks for the role, applies the rules, writes the change and records its facts.
    ///
    /// # Errors
    /// A [`Refusal`]; the caller then rolls back everything that this command wrote.
    fn decide(self, tx: &mut Tx<'_>) -> Result<Self::Answer, Refusal>;
}

/// What somebody asks. It changes nothing.
pub trait Query: Send + 'static {
    /// What the caller learns.
    type Answer: Send + 'static;

    /// Answers from the store.
    ///
    /// # Errors
    /// A [`Refusal`].
    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Self::Answer, Refusal>;
}

/// The bounds of memberships. A command that would exceed them is refused as a conflict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// The most members of a space. A token that names a household makes its user a member in any case.
    pub members_per_space: u32,
    /// The most spaces that a user may be a member of, with the same exception.
    pub spaces_per_user: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { members_per_space: 100_000, spaces_per_user: 1000 }
    }
}

/// One command's part of the writer's transaction. Time and ids are given, so a decision is exact and repeatable.
pub struct Tx<'a> {
    /// The store, inside the transaction.
    pub store: &'a mut dyn Store,
    /// Who asks.
    pub actor: &'a Actor,
    /// The moment of the decision.
    pub now: Timestamp,
    /// The bounds of memberships.
    pub bounds: Bounds,
    ids: &'a mut dyn Ids,
    quotas: Option<&'a Quotas>,
    charge: Charge,
    facts: Vec<Fact>,
}

impl<'a> Tx<'a> {
    /// Begins one command's part.
    pub fn new(store: &'a mut dyn Store, actor: &'a Actor, now: Timestamp, ids: &'a mut dyn Ids) -> Self {
        Self { store, actor, now, bounds: Bounds::default(), ids, quotas: None, charge: Charge::default(), facts: Vec::new() }
    }

    /// Replaces the default bounds.
    pub fn with_bounds(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// Charges what the command uses to its actor, unless that is a back end or an admin.
    pub fn with_quotas(self, quotas: &'a Quotas) -> Self {
        Self { quotas: Some(quotas).filter(|_| !self.actor.admin), ..self }
    }

    /// Charges an object of `bytes` bytes that is stored for the actor.
    ///
    /// # Errors
    /// [`Refusal::OverQuota`].
    pub(crate) fn count_object(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.quotas.map_or(Ok(()), |quotas| quotas.charge_object(&mut self.charge, &self.actor.person, bytes, self.now))
    }

    /// Charges the addition of a user to a space.
    ///
    /// # Errors
    /// [`Refusal::TooMany`].
    pub(crate) fn count_addition(&mut self) -> Result<(), Refusal> {
        self.quotas.map_or(Ok(()), |quotas| quotas.charge_addition(&mut self.charge, &self.actor.person, self.now))
    }

    /// A new id; see [`Id`].
    pub fn new_id(&mut self) -> Id {
        self.ids.next_id(self.now)
    }

    /// An invite code: eight characters that can be told apart on paper.
    pub fn new_invite_code(&mut self) -> String {
        self.ids.invite_code()
    }

    /// The one door through which a fact reaches the world: writes its row with the room's next `seq`; it is published after the commit.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] or [`Refusal::Internal`] if the row cannot be written; [`Refusal::OverQuota`].
    pub fn record(&mut self, room: &Room, event: Event) -> Result<(), Refusal> {
        self.record_at(room, event).map(drop)
    }

    /// The same; the answer is the fact's offset.
    ///
    /// # Errors
    /// As [`Tx::record`].
    pub fn record_at(&mut self, room: &Room, event: Event) -> Result<i64, Refusal> {
        let fact = self.store.append(room, self.now, Account::of(self.actor, room), event)?;
        self.count_object(fact.body.len())?;
        let offset = fact.offset;
        // Most commands record one, and it is large.
        self.facts.reserve_exact(1);
        self.facts.push(fact);
        Ok(offset)
    }

    /// Executes a part of the command for another actor.
    pub fn on_behalf_of<T>(&mut self, actor: &Actor, work: impl FnOnce(&mut Tx<'_>) -> T) -> T {
        let facts = std::mem::take(&mut self.facts);
        let mut part = Tx {
            store: &mut *self.store,
            actor,
            now: self.now,
            bounds: self.bounds,
            ids: &mut *self.ids,
            quotas: None,
            charge: Charge::default(),
            facts,
        };
        let answer = work(&mut part);
        let facts = part.facts;
        self.facts = facts;
        answer
    }

    /// The facts that were recorded, in order.
    pub fn into_facts(self) -> Vec<Fact> {
        self.facts
    }

    /// The facts that were recorded, in order, and what the command uses of the actor's quotas, to be counted with it.
    pub fn into_parts(self) -> (Vec<Fact>, Charge) {
        (self.facts, self.charge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_speaks_for_the_server() {
        assert_eq!(PersonId::parse(Actor::server().person.as_str()), None);
    }
}
