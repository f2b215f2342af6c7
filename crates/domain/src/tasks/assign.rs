//! Assigns and unassigns tasks.

use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::event::Event;
use crate::field::Field;
use crate::model::{CHANGES_PER_STEP, EntityId, Removal, RemovalTarget, RoomId, Task, User, UserId};
use crate::tasks::{actor_profile, assignee_lookup, assignees, writable_task};

/// Assigns a task to a member of its space, besides its other assignees. If the member is an assignee already, no event is recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssignTask {
    /// The task's id.
    pub task: EntityId,
    /// The new assignee.
    pub user: UserId,
}

impl Command for AssignTask {
    type Output = Task;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Task, DomainError> {
        let mut task = writable_task(context, self.task)?;
        for to in assignees(context.store, &task.room, Field::NewAssignee, vec![self.user])? {
            if context.store.assign(task.id, &to.id, context.now)? {
                task.assigned_to.push(to.clone());
                touch(context, &mut task)?;
                let by = actor_profile(context)?;
                context.record_event(&task.room, Event::TaskAssigned { task: task.clone(), to, by })?;
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

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Task, DomainError> {
        let mut task = writable_task(context, self.task)?;
        let to = self.to.map(|name| assignee_lookup::find_assignee(context, &task.room, &name)).transpose()?;
        let Some(to) = to else {
            for from in task.assigned_to.clone() {
                task = unassign(context, task, from)?;
            }
            return Ok(task);
        };
        if task.assigned_to.iter().any(|user| user.id == to.id) {
            return Ok(task);
        }
        for from in std::mem::replace(&mut task.assigned_to, vec![to.clone()]) {
            context.store.unassign(task.id, &from.id)?;
        }
        context.store.assign(task.id, &to.id, context.now)?;
        touch(context, &mut task)?;
        let by = actor_profile(context)?;
        context.record_event(&task.room, Event::TaskAssigned { task: task.clone(), to: to.clone(), by: by.clone() })?;
        assignee_lookup::notify_assignee(context, &task, &to, by.as_ref())?;
        Ok(task)
    }
}

/// Unassigns a task from a user. If the user is not an assignee, nothing changes and no event is recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnassignTask {
    /// The task's id.
    pub task: EntityId,
    /// The assignee to remove.
    pub user: UserId,
}

impl Command for UnassignTask {
    type Output = Task;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Task, DomainError> {
        let task = writable_task(context, self.task)?;
        match task.assigned_to.iter().find(|user| user.id == self.user).cloned() {
            Some(from) => unassign(context, task, from),
            None => Ok(task),
        }
    }
}

/// Unassigns tasks from a user who leaves a space (`None`: all spaces), the oldest `most` tasks, and records an event for each. The output is the
/// number of these tasks.
pub(crate) fn unassign_some(context: &mut CommandContext<'_>, room: Option<&RoomId>, user: &User, most: u32) -> Result<u32, DomainError> {
    if room.is_some_and(|room| !room.kind().has_tasks()) {
        return Ok(0);
    }
    let tasks = context.store.tasks_of(&user.id, room, most)?;
    let count = tasks.len() as u32;
    for task in tasks {
        unassign(context, task, user.clone())?;
    }
    Ok(count)
}

/// Unassigns further tasks from a former member of a space, and stores the removal of the rest if more tasks may follow.
pub(crate) fn unassign_rest(context: &mut CommandContext<'_>, room: &RoomId, user: &User) -> Result<(), DomainError> {
    if unassign_some(context, Some(room), user, CHANGES_PER_STEP)? < CHANGES_PER_STEP {
        return Ok(());
    }
    let target = RemovalTarget::Tasks { room: room.clone(), user: user.clone() };
    let removal = Removal { id: context.new_id(), target, by: context.actor.clone() };
    Ok(context.store.begin_removal(&removal)?)
}

fn unassign(context: &mut CommandContext<'_>, mut task: Task, from: User) -> Result<Task, DomainError> {
    let by = actor_profile(context)?;
    context.store.unassign(task.id, &from.id)?;
    task.assigned_to.retain(|user| user.id != from.id);
    touch(context, &mut task)?;
    context.record_event(&task.room, Event::TaskUnassigned { task: task.clone(), from, by })?;
    Ok(task)
}

fn touch(context: &mut CommandContext<'_>, task: &mut Task) -> Result<(), DomainError> {
    task.updated_at = context.now;
    Ok(context.store.update_task(task)?)
}
