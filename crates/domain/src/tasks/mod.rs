//! Tasks of a space, and to whom they are given.

use serde::{Deserialize, Serialize};

use crate::fields;
use crate::names::{Id, Kind, PersonId, Room, Timestamp};
use crate::operation::Actor;
use crate::people::Person;
use crate::refusal::Refusal;
use crate::seam::Store;
use crate::spaces::role_in;

mod assign;
mod create;
mod delete;
mod edit;
mod read;

pub(crate) use assign::take_back_all;
pub use assign::{AssignTask, UnassignTask};
pub use create::CreateTask;
pub use delete::DeleteTask;
pub use edit::{EditTask, ToggleTask};
pub use read::{ListTasks, ReadTask};

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

/// A task that the actor may work on: every member of its space may. An unknown task and a forbidden one are answered alike.
fn open_task(store: &mut dyn Store, actor: &Actor, id: Id) -> Result<Task, Refusal> {
    let not_found = Refusal::NotFound(Kind::Task.noun());
    let Some(task) = store.task(id)? else { return Err(not_found) };
    match role_in(store, &task.room, &actor.person)? {
        Some(_) => Ok(task),
        None => Err(not_found),
    }
}

/// The people whom a client wants to give a task to; each must be a member of the task's space.
fn assignees(store: &mut dyn Store, room: &Room, field: &'static str, ids: Vec<PersonId>) -> Result<Vec<Person>, Refusal> {
    let mut people = Vec::with_capacity(ids.len());
    for id in fields::people(field, ids)? {
        let person = match role_in(store, room, &id)? {
            Some(_) => store.person(&id)?,
            None => None,
        };
        let space = room.kind().noun().to_lowercase();
        people.push(person.ok_or_else(|| Refusal::invalid(field, format!("must be members of the {space}; {id} is not")))?);
    }
    Ok(people)
}
