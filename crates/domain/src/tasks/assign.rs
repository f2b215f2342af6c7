//! Assigns and unassigns tasks.

use crate::event::Event;
use crate::names::{Id, PersonId, Room};
use crate::operation::{Command, Tx};
use crate::people::Person;
use crate::refusal::Refusal;
use crate::tasks::{Task, assignee, assignees, doer, writable_task};

/// Assigns a task to a member of its space, besides its other assignees. If the member is an assignee already, no event is recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssignTask {
    /// The task's id.
    pub task: Id,
    /// The new assignee.
    pub person: PersonId,
}

impl Command for AssignTask {
    type Answer = Task;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Task, Refusal> {
        let mut task = writable_task(tx, self.task)?;
        for to in assignees(tx.store, &task.room, "userId", vec![self.person])? {
            if tx.store.assign(task.id, &to.id, tx.now)? {
                task.assigned_to.push(to.clone());
                touch(tx, &mut task)?;
                let by = doer(tx)?;
                tx.record(&task.room, Event::TaskAssigned { task: task.clone(), to, by })?;
            }
        }
        Ok(task)
    }
}

/// Replaces the assignees of a project's task by one member, or by none. If the member is an assignee already, nothing changes and no event is
/// recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HandOverTask {
    /// The task's id.
    pub task: Id,
    /// The new assignee's username or id; `None` unassigns the task.
    pub to: Option<String>,
}

impl Command for HandOverTask {
    type Answer = Task;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Task, Refusal> {
        let mut task = writable_task(tx, self.task)?;
        let to = self.to.map(|name| assignee::named(tx, &task.room, &name)).transpose()?;
        let Some(to) = to else {
            for from in task.assigned_to.clone() {
                task = take_back(tx, task, from)?;
            }
            return Ok(task);
        };
        if task.assigned_to.iter().any(|person| person.id == to.id) {
            return Ok(task);
        }
        for from in std::mem::replace(&mut task.assigned_to, vec![to.clone()]) {
            tx.store.unassign(task.id, &from.id)?;
        }
        tx.store.assign(task.id, &to.id, tx.now)?;
        touch(tx, &mut task)?;
        let by = doer(tx)?;
        tx.record(&task.room, Event::TaskAssigned { task: task.clone(), to: to.clone(), by: by.clone() })?;
        assignee::tell(tx, &task, &to, by.as_ref())?;
        Ok(task)
    }
}

/// Unassigns a task from a user. If the user is not an assignee, nothing changes and no event is recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnassignTask {
    /// The task's id.
    pub task: Id,
    /// The assignee to remove.
    pub person: PersonId,
}

impl Command for UnassignTask {
    type Answer = Task;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Task, Refusal> {
        let task = writable_task(tx, self.task)?;
        match task.assigned_to.iter().find(|person| person.id == self.person).cloned() {
            Some(from) => take_back(tx, task, from),
            None => Ok(task),
        }
    }
}

/// Unassigns tasks from a user who leaves a space (`None`: all spaces), the oldest `most` tasks, and records an event for each. The answer is the
/// number of these tasks.
pub(crate) fn take_back_some(tx: &mut Tx<'_>, room: Option<&Room>, person: &Person, most: u32) -> Result<u32, Refusal> {
    if room.is_some_and(|room| !room.kind().has_tasks()) {
        return Ok(0);
    }
    let tasks = tx.store.tasks_of(&person.id, room, most)?;
    let count = tasks.len() as u32;
    for task in tasks {
        take_back(tx, task, person.clone())?;
    }
    Ok(count)
}

fn take_back(tx: &mut Tx<'_>, mut task: Task, from: Person) -> Result<Task, Refusal> {
    let by = doer(tx)?;
    tx.store.unassign(task.id, &from.id)?;
    task.assigned_to.retain(|person| person.id != from.id);
    touch(tx, &mut task)?;
    tx.record(&task.room, Event::TaskUnassigned { task: task.clone(), from, by })?;
    Ok(task)
}

fn touch(tx: &mut Tx<'_>, task: &mut Task) -> Result<(), Refusal> {
    task.updated_at = tx.now;
    Ok(tx.store.update_task(task)?)
}
