//! Changes the status of a task.

use crate::event::Event;
use crate::fields;
use crate::names::{Id, Kind};
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::tasks::{Task, doer, writable_task};

/// Changes the status of a project's task. The same status again records no event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetStatus {
    /// The task's id.
    pub task: Id,
    /// The new status, an identifier that the team chooses.
    pub status: String,
}

impl Command for SetStatus {
    type Answer = Task;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Task, Refusal> {
        let mut task = writable_task(tx, self.task)?;
        fields::word("status", Some(&self.status))?;
        let progress = task.progress.as_mut().ok_or(Refusal::NotFound(Kind::Task.noun()))?;
        let was = std::mem::replace(&mut progress.status, self.status);
        if was != progress.status {
            task.updated_at = tx.now;
            tx.store.update_task(&task)?;
            let by = doer(tx)?;
            tx.record(&task.room, Event::TaskStatusChanged { task: task.clone(), was, by })?;
        }
        Ok(task)
    }
}
