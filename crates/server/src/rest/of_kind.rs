//! A task's operation, for tasks of one contract's spaces only: another contract's task is there in that one, and not here.

use domain::names::Kind;
use domain::operation::{Actor, Command, Query, Tx};
use domain::refusal::Refusal;
use domain::seam::Store;
use domain::tasks::Task;

/// The kind of space that the task must be of, and the operation.
pub(super) struct OfKind<O>(pub Kind, pub O);

impl<C: Command<Answer = Task>> Command for OfKind<C> {
    type Answer = Task;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Task, Refusal> {
        // What was done to another contract's task is undone with the refusal.
        of_kind(self.0, self.1.decide(tx)?)
    }
}

impl<Q: Query<Answer = Task>> Query for OfKind<Q> {
    type Answer = Task;

    fn answer(self, store: &mut dyn Store, actor: &Actor) -> Result<Task, Refusal> {
        of_kind(self.0, self.1.answer(store, actor)?)
    }
}

fn of_kind(kind: Kind, task: Task) -> Result<Task, Refusal> {
    if task.room.kind() == kind { Ok(task) } else { Err(Refusal::NotFound(Kind::Task.noun())) }
}
