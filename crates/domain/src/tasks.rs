//! Tasks of a space, and to whom they are given.

use serde::{Deserialize, Serialize};

use crate::names::{Id, PersonId, Room, Timestamp};
use crate::people::Person;

/// A task, whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: Id,
    /// The space that it belongs to.
    pub room: Room,
    /// 1 to 500 characters.
    pub title: String,
    /// Up to 10,000 characters.
    pub description: Option<String>,
    /// Up to 100 characters.
    pub category: Option<String>,
    /// An RFC 3339 date or date and time, as it was given.
    pub due_date: Option<String>,
    /// Whether it is done.
    pub completed: bool,
    /// Since when it is done.
    pub completed_at: Option<Timestamp>,
    /// To whom it is given, in that order.
    pub assigned_to: Vec<Person>,
    /// Who made it.
    pub created_by: PersonId,
    /// When.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}
