//! Deletes a task.

use crate::event::Event;
use crate::names::Id;
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::tasks::{Task, doer, writable_task};

/// Deletes a task, for the members of its space. The answer is the task before the deletion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeleteTask {
    /// The task's id.
    pub task: Id,
}

impl Command for DeleteTask {
    type Answer = Task;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Task, Refusal> {
        let task = writable_task(tx, self.task)?;
        let by = doer(tx)?;
        tx.store.delete_task(task.id)?;
        tx.record(&task.room, Event::TaskDeleted { task: task.id, by })?;
        Ok(task)
    }
}
