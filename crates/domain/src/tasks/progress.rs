//! How far a task is.

use crate::event::Event;
use crate::fields;
use crate::names::{Id, Kind};
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::tasks::{Task, doer, writable_task};

/// Gives a project's task another status. The same again is not told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetStatus {
    /// Which.
    pub task: Id,
    /// The new status, in the team's own word.
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
