//! Tasks of a space, and their assignees.

use crate::access::{require_writable, role_in};
use crate::command::CommandContext;
use crate::error::DomainError;
use crate::field::Field;
use crate::model::{Actor, EntityId, RoomId, RoomKind, User, UserId};
use crate::ports::Store;
use crate::validation;

mod assign;
mod assignee_lookup;
mod create;
mod delete;
mod edit;
mod queries;
mod status;

pub use crate::model::{Task, TaskStatus};
pub use assign::{AssignTask, ReassignTask, UnassignTask};
pub(crate) use assign::{unassign_rest, unassign_some};
pub use create::CreateTask;
pub use delete::DeleteTask;
pub use edit::{EditTask, ToggleTask};
pub use queries::{GetTask, ListTasks};
pub use status::SetStatus;

impl TaskStatus {
    /// The progress of a new task: the given identifiers, with `todo` and `medium` as defaults.
    ///
    /// # Errors
    /// [`DomainError::Invalid`].
    pub fn new(status: Option<String>, priority: Option<String>) -> Result<Self, DomainError> {
        validation::identifier(Field::Status, status.as_deref())?;
        validation::identifier(Field::Priority, priority.as_deref())?;
        Ok(Self { status: status.unwrap_or_else(|| "todo".to_owned()), priority: priority.unwrap_or_else(|| "medium".to_owned()) })
    }
}

/// Reads a task, for the members of its space. An unknown task and a forbidden task get the same error.
fn open_task(store: &mut dyn Store, actor: &Actor, id: EntityId) -> Result<Task, DomainError> {
    let not_found = DomainError::NotFound(RoomKind::Task.display_name());
    let Some(task) = store.task(id)? else { return Err(not_found) };
    match role_in(store, &task.room, &actor.user)? {
        Some(_) => Ok(task),
        None => Err(not_found),
    }
}

/// As [`open_task`], for a change of the task: rejects tasks of archived projects.
fn writable_task(context: &mut CommandContext<'_>, id: EntityId) -> Result<Task, DomainError> {
    let task = open_task(context.store, context.actor, id)?;
    require_writable(context.store, context.actor, &task.room)?;
    Ok(task)
}

/// The actor's profile; `None` if it is not stored.
fn actor_profile(context: &mut CommandContext<'_>) -> Result<Option<User>, DomainError> {
    Ok(context.store.user(&context.actor.user)?)
}

/// Reads the users that a client names as assignees, each once; each must be a member of the task's space.
fn assignees(store: &mut dyn Store, room: &RoomId, field: Field, ids: Vec<UserId>) -> Result<Vec<User>, DomainError> {
    let mut users = Vec::with_capacity(ids.len());
    for id in validation::user_ids(field, ids)? {
        let user = match role_in(store, room, &id)? {
            Some(_) => store.user(&id)?,
            None => None,
        };
        let space = room.kind().display_name().to_lowercase();
        users.push(user.ok_or_else(|| DomainError::invalid(field, format!("must be members of the {space}; {id} is not")))?);
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
    use crate::event::Event;

    #[test]
    fn event_without_newer_task_fields_is_read() {
        let task = r#"{"id":5,"room":"household:home","title":"Dishes","description":null,"category":null,"due_date":null,"completed":false,
            "completed_at":null,"assigned_to":[],"created_by":"ann","created_at":1,"updated_at":1}"#;
        let Event::TaskUpdated { task, by, was, .. } =
            serde_json::from_str(&format!(r#"{{"event":"task_updated","task":{task}}}"#)).expect("an event")
        else {
            unreachable!("the row is an update of a task")
        };
        assert_eq!((task.created_by.id.as_str(), task.progress, by, was), ("ann", None, None, None));
        let deleted: Event = serde_json::from_str(r#"{"event":"task_deleted","task":5}"#).expect("an event");
        assert_eq!(deleted, Event::TaskDeleted { task: 5, by: None });
    }
}
