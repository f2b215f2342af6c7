//! To whom a task is given.

use crate::event::Event;
use crate::names::{Id, PersonId, Room};
use crate::operation::{Command, Tx};
use crate::people::Person;
use crate::refusal::Refusal;
use crate::tasks::{Task, assignees, open_task};

/// Gives a task to a member of its space. Whoever has it already keeps it, and nobody hears of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssignTask {
    /// Which.
    pub task: Id,
    /// To whom.
    pub person: PersonId,
}

impl Command for AssignTask {
    type Answer = Task;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Task, Refusal> {
        let mut task = open_task(tx.store, tx.actor, self.task)?;
        for to in assignees(tx.store, &task.room, "userId", vec![self.person])? {
            if tx.store.assign(task.id, &to.id, tx.now)? {
                task.assigned_to.push(to.clone());
                touch(tx, &mut task)?;
                tx.record(&task.room, Event::TaskAssigned { task: task.clone(), to })?;
            }
        }
        Ok(task)
    }
}

/// Takes a task from a person. From somebody who does not have it nothing is taken, and nobody hears of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnassignTask {
    /// Which.
    pub task: Id,
    /// From whom.
    pub person: PersonId,
}

impl Command for UnassignTask {
    type Answer = Task;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Task, Refusal> {
        let task = open_task(tx.store, tx.actor, self.task)?;
        match task.assigned_to.iter().find(|person| person.id == self.person).cloned() {
            Some(from) => take_back(tx, task, from),
            None => Ok(task),
        }
    }
}

/// Takes all of a space's tasks from a person who leaves it, and tells of each.
pub(crate) fn take_back_all(tx: &mut Tx<'_>, room: &Room, person: &Person) -> Result<(), Refusal> {
    if room.kind().has_tasks() {
        for task in tx.store.tasks_of(room, &person.id)? {
            take_back(tx, task, person.clone())?;
        }
    }
    Ok(())
}

fn take_back(tx: &mut Tx<'_>, mut task: Task, from: Person) -> Result<Task, Refusal> {
    tx.store.unassign(task.id, &from.id)?;
    task.assigned_to.retain(|person| person.id != from.id);
    touch(tx, &mut task)?;
    tx.record(&task.room, Event::TaskUnassigned { task: task.clone(), from })?;
    Ok(task)
}

fn touch(tx: &mut Tx<'_>, task: &mut Task) -> Result<(), Refusal> {
    task.updated_at = tx.now;
    Ok(tx.store.put_task(task)?)
}
