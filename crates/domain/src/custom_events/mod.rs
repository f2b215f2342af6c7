//! Custom events, which a team's own back end emits to rooms and users.

use crate::command::{Command, CommandContext};
use crate::error::{DomainError, Reason};
use crate::event::Event;
use crate::field::Field;
pub use crate::model::CustomEvent;
use crate::model::RoomId;
use crate::validation;

/// How many rooms and users one emission may name, and how many rooms, users and connections it may except.
pub const MAX_TARGETS: usize = 1000;

impl CustomEvent {
    /// Checks the name and the number of rooms and exceptions.
    ///
    /// # Errors
    /// [`DomainError::Invalid`].
    pub fn check(&self) -> Result<(), DomainError> {
        validation::event_name(Field::EventName, &self.name)?;
        if self.rooms.is_empty() {
            return Err(DomainError::invalid(
                Field::Target,
                Reason::with_field("must name rooms or users, or {} must be true", Field::Everyone),
            ));
        }
        if self.rooms.len() > MAX_TARGETS {
            return Err(DomainError::invalid(Field::Target, format!("must name at most {MAX_TARGETS} rooms and users")));
        }
        if self.except.len() + self.except_connections.len() > MAX_TARGETS {
            return Err(DomainError::invalid(Field::Except, format!("must name at most {MAX_TARGETS} rooms, users and connections")));
        }
        Ok(())
    }
}

/// Emits a custom event as a persisted event, for a back end and the server's admin. The output is its offset.
#[derive(Clone, PartialEq, Debug)]
pub struct PublishCustomEvent(pub CustomEvent);

impl Command for PublishCustomEvent {
    type Output = i64;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<i64, DomainError> {
        if !context.actor.admin {
            return Err(DomainError::Forbidden("Only a back end or an admin may do this"));
        }
        self.0.check()?;
        // A persisted event belongs to the order of one room: here the first.
        let room = self.0.rooms.first().cloned().unwrap_or_else(RoomId::everyone);
        context.record_event_at(&room, Event::Emitted { custom_event: self.0 })
    }
}
