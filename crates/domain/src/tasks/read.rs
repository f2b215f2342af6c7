//! Queries of tasks.

use crate::names::{Id, Room};
use crate::operation::{Actor, Query};
use crate::refusal::Refusal;
use crate::seam::{Page, Store};
use crate::spaces::require_member;
use crate::tasks::{Task, open_task};

/// Reads a task, for the members of its space.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadTask {
    /// The task's id.
    pub task: Id,
}

impl Query for ReadTask {
    type Answer = Task;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Task, Refusal> {
        open_task(store, actor, self.task)
    }
}

/// Lists a space's tasks, newest first, for its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListTasks {
    /// The space.
    pub room: Room,
    /// The page of the list.
    pub page: Page,
}

impl Query for ListTasks {
    type Answer = Vec<Task>;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Task>, Refusal> {
        require_member(store, actor, &self.room)?;
        Ok(store.tasks_in(&self.room, &self.page)?)
    }
}
