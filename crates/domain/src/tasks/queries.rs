//! Queries of tasks.

use crate::access::require_member;
use crate::command::Query;
use crate::error::DomainError;
use crate::model::{Actor, EntityId, RoomId, Task};
use crate::ports::{Page, Store};
use crate::tasks::open_task;

/// Reads a task, for the members of its space.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetTask {
    /// The task's id.
    pub task: EntityId,
}

impl Query for GetTask {
    type Output = Task;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Task, DomainError> {
        open_task(store, actor, self.task)
    }
}

/// Lists a space's tasks, newest first, for its members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListTasks {
    /// The space.
    pub room: RoomId,
    /// The page of the list.
    pub page: Page,
}

impl Query for ListTasks {
    type Output = Vec<Task>;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Vec<Task>, DomainError> {
        require_member(store, actor, &self.room)?;
        Ok(store.tasks_in(&self.room, &self.page)?)
    }
}
