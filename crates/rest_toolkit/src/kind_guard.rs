//! Restricts a task's operation to the spaces of one contract: another contract's task is not found.

use domain::command::{Actor, Command, CommandContext, Query};
use domain::error::DomainError;
use domain::ids::{EntityId, RoomKind};
use domain::ports::Store;
use domain::tasks::Task;

/// The kind of space that a task must belong to, the task's id, and the operation on it. The kind is checked first, so that the response does
/// not reveal the state of another contract's task.
#[derive(Clone)]
pub struct InRoomKind<O>(pub RoomKind, pub EntityId, pub O);

impl<C: Command<Output = Task>> Command for InRoomKind<C> {
    type Output = Task;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Task, DomainError> {
        require_kind(context.store, self.0, self.1)?;
        self.2.execute(context)
    }
}

impl<Q: Query<Output = Task>> Query for InRoomKind<Q> {
    type Output = Task;

    fn execute(self, store: &mut dyn Store, actor: &Actor) -> Result<Task, DomainError> {
        require_kind(store, self.0, self.1)?;
        self.2.execute(store, actor)
    }
}

fn require_kind(store: &mut dyn Store, kind: RoomKind, task: EntityId) -> Result<(), DomainError> {
    match store.task(task)? {
        Some(task) if task.room.kind() == kind => Ok(()),
        _ => Err(DomainError::NotFound(RoomKind::Task.display_name())),
    }
}
