//! A task's operation, for tasks of one contract's spaces only: another contract's task is there in that one, and not here.

use domain::names::{Id, Kind};
use domain::operation::{Actor, Command, Query, Tx};
use domain::refusal::Refusal;
use domain::seam::Store;
use domain::tasks::Task;

/// The kind of space that a task must belong to, the task's id, and the operation on it. The kind is checked first, so that the answer does
/// not reveal the state of another contract's task.
pub(super) struct OfKind<O>(pub Kind, pub Id, pub O);

impl<C: Command<Answer = Task>> Command for OfKind<C> {
    type Answer = Task;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Task, Refusal> {
        require_kind(tx.store, self.0, self.1)?;
        self.2.decide(tx)
    }
}

impl<Q: Query<Answer = Task>> Query for OfKind<Q> {
    type Answer = Task;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Task, Refusal> {
        require_kind(store, self.0, self.1)?;
        self.2.answer(store, actor)
    }
}

fn require_kind(store: &mut dyn Store, kind: Kind, task: Id) -> Result<(), Refusal> {
    match store.task(task)? {
        Some(task) if task.room.kind() == kind => Ok(()),
        _ => Err(Refusal::NotFound(Kind::Task.noun())),
    }
}
