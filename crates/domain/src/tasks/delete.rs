//! Deletes a task.

use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::event::Event;
use crate::model::{EntityId, Task};
use crate::tasks::{actor_profile, writable_task};

/// Deletes a task, for the members of its space. The output is the task before the deletion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteTask {
    /// The task's id.
    pub task: EntityId,
}

impl Command for DeleteTask {
    type Output = Task;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Task, DomainError> {
        let task = writable_task(context, self.task)?;
        let by = actor_profile(context)?;
        context.store.delete_task(task.id)?;
        context.record_event(&task.room, Event::TaskDeleted { task: task.id, by })?;
        Ok(task)
    }
}
