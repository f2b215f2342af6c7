//! Changes the status of a task.

use crate::event::Event;
use crate::validation;
use crate::ids::{EntityId, RoomKind};
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::tasks::{Task, actor_profile, writable_task};

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

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<Task, DomainError> {
        let mut task = writable_task(tx, self.task)?;
        validation::identifier("status", Some(&self.status))?;
        let progress = task.progress.as_mut().ok_or(DomainError::NotFound(RoomKind::Task.display_name()))?;
        let was = std::mem::replace(&mut progress.status, self.status);
        if was != progress.status {
            task.updated_at = tx.now;
            tx.store.update_task(&task)?;
            let by = actor_profile(tx)?;
            tx.record_event(&task.room, Event::TaskStatusChanged { task: task.clone(), was, by })?;
        }
        Ok(task)
    }
}
