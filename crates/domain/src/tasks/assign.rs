//! Assigns and unassigns tasks.

use crate::event::Event;
use crate::ids::{EntityId, UserId, RoomId};
use crate::command::{Command, CommandContext};
use crate::users::User;
use crate::error::DomainError;
use crate::tasks::{Task, assignee_lookup, assignees, actor_profile, writable_task};

/// Assigns a task to a member of its space, besides its other assignees. If the member is an assignee already, no event is recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssignTask {
    /// The task's id.
    pub task: EntityId,
    /// The new assignee.
    pub person: UserId,
}

impl Command for AssignTask {
    type Output = Task;

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<Task, DomainError> {
        let mut task = writable_task(tx, self.task)?;
        for to in assignees(tx.store, &task.room, "userId", vec![self.person])? {
            if tx.store.assign(task.id, &to.id, tx.now)? {
                task.assigned_to.push(to.clone());
                touch(tx, &mut task)?;
                let by = actor_profile(tx)?;
                tx.record_event(&task.room, Event::TaskAssigned { task: task.clone(), to, by })?;
            }
        }
        Ok(task)
    }
}

/// Replaces the assignees of a project's task by one member, or by none. If the member is an assignee already, nothing changes and no event is
/// recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReassignTask {
    /// The task's id.
    pub task: EntityId,
    /// The new assignee's username or id; `None` unassigns the task.
    pub to: Option<String>,
}

impl Command for ReassignTask {
    type Output = Task;

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<Task, DomainError> {
        let mut task = writable_task(tx, self.task)?;
        let to = self.to.map(|name| assignee_lookup::find_assignee(tx, &task.room, &name)).transpose()?;
        let Some(to) = to else {
            for from in task.assigned_to.clone() {
                task = unassign(tx, task, from)?;
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
        let by = actor_profile(tx)?;
        tx.record_event(&task.room, Event::TaskAssigned { task: task.clone(), to: to.clone(), by: by.clone() })?;
        assignee_lookup::notify_assignee(tx, &task, &to, by.as_ref())?;
        Ok(task)
    }
}

/// Unassigns a task from a user. If the user is not an assignee, nothing changes and no event is recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnassignTask {
    /// The task's id.
    pub task: EntityId,
    /// The assignee to remove.
    pub person: UserId,
}

impl Command for UnassignTask {
    type Output = Task;

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<Task, DomainError> {
        let task = writable_task(tx, self.task)?;
        match task.assigned_to.iter().find(|person| person.id == self.person).cloned() {
            Some(from) => unassign(tx, task, from),
            None => Ok(task),
        }
    }
}

/// Unassigns tasks from a user who leaves a space (`None`: all spaces), the oldest `most` tasks, and records an event for each. The answer is the
/// number of these tasks.
pub(crate) fn unassign_some(tx: &mut CommandContext<'_>, room: Option<&RoomId>, person: &User, most: u32) -> Result<u32, DomainError> {
    if room.is_some_and(|room| !room.kind().has_tasks()) {
        return Ok(0);
    }
    let tasks = tx.store.tasks_of(&person.id, room, most)?;
    let count = tasks.len() as u32;
    for task in tasks {
        unassign(tx, task, person.clone())?;
    }
    Ok(count)
}

fn unassign(tx: &mut CommandContext<'_>, mut task: Task, from: User) -> Result<Task, DomainError> {
    let by = actor_profile(tx)?;
    tx.store.unassign(task.id, &from.id)?;
    task.assigned_to.retain(|person| person.id != from.id);
    touch(tx, &mut task)?;
    tx.record_event(&task.room, Event::TaskUnassigned { task: task.clone(), from, by })?;
    Ok(task)
}

fn touch(tx: &mut CommandContext<'_>, task: &mut Task) -> Result<(), DomainError> {
    task.updated_at = tx.now;
    Ok(tx.store.update_task(task)?)
}
