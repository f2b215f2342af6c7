//! Changes the status of a task.

use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::event::Event;
use crate::field::Field;
use crate::model::{EntityId, RoomKind, Task};
use crate::tasks::{actor_profile, writable_task};
use crate::validation;

/// Changes the status of a project's task. The same status again records no event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetStatus {
    /// The task's id.
    pub task: EntityId,
    /// The new status, an identifier that the team chooses.
    pub status: String,
}

impl Command for SetStatus {
    type Output = Task;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Task, DomainError> {
        let mut task = writable_task(context, self.task)?;
        validation::identifier(Field::Status, Some(&self.status))?;
        let progress = task.progress.as_mut().ok_or(DomainError::NotFound(RoomKind::Task.display_name()))?;
        let was = std::mem::replace(&mut progress.status, self.status);
        if was != progress.status {
            task.updated_at = context.now;
            context.store.update_task(&task)?;
            let by = actor_profile(context)?;
            context.record_event(&task.room, Event::TaskStatusChanged { task: task.clone(), was, by })?;
        }
        Ok(task)
    }
}
