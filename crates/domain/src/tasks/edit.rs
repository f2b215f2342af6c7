//! Edits a task's fields, and toggles its completion.

use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::event::Event;
use crate::field::Field;
use crate::model::{EntityId, Task, TaskStatus, User, UserId};
use crate::tasks::{actor_profile, assignee_lookup, assignees, writable_task};
use crate::validation;

/// Changes a task's fields. `None` leaves a field as it is, `Some(None)` clears it.
///
/// Every edit records one event, because clients wait for it; an edit that changes nothing does not change the task's `updated_at`. The event also
/// has the effects of the edit: whether it toggled the completion, the added and removed assignees, and the status before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EditTask {
    /// The task's id.
    pub task: EntityId,
    /// The title, 1 to 500 characters.
    pub title: Option<String>,
    /// The description, up to 10,000 characters.
    pub description: Option<Option<String>>,
    /// The category, up to 100 characters.
    pub category: Option<Option<String>>,
    /// An RFC 3339 date, or date and time.
    pub due_date: Option<Option<String>>,
    /// All assignees, in order; they replace the present assignees.
    pub assigned_to: Option<Vec<UserId>>,
    /// Whether the task is completed.
    pub completed: Option<bool>,
    /// The one assignee's username or id, as projects have it; `Some(None)` unassigns the task.
    pub assignee: Option<Option<String>>,
    /// The status, in a project.
    pub status: Option<String>,
    /// The priority, in a project.
    pub priority: Option<String>,
}

impl EditTask {
    /// An edit that leaves everything as it is.
    pub fn of(task: EntityId) -> Self {
        Self {
            task,
            title: None,
            description: None,
            category: None,
            due_date: None,
            assigned_to: None,
            completed: None,
            assignee: None,
            status: None,
            priority: None,
        }
    }
}

impl Command for EditTask {
    type Output = Task;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Task, DomainError> {
        let before = writable_task(context, self.task)?;
        let mut task = before.clone();
        if let Some(title) = self.title {
            validation::required(Field::Title, &title, validation::MAX_TITLE)?;
            task.title = title;
        }
        if let Some(description) = self.description {
            validation::optional(Field::Description, description.as_deref(), validation::MAX_DESCRIPTION)?;
            task.description = description;
        }
        if let Some(category) = self.category {
            validation::optional(Field::Category, category.as_deref(), validation::MAX_CATEGORY)?;
            task.category = category;
        }
        if let Some(due_date) = self.due_date {
            validation::date(Field::DueDate, due_date.as_deref())?;
            task.due_date = due_date;
        }
        if let Some(ids) = self.assigned_to {
            task.assigned_to = assignees(context.store, &task.room, Field::AssignedTo, ids)?;
        }
        if let Some(name) = self.assignee {
            task.assigned_to =
                name.map(|name| assignee_lookup::find_assignee(context, &task.room, &name)).transpose()?.into_iter().collect();
        }
        let was = match &mut task.progress {
            Some(progress) => update_status(progress, self.status, self.priority)?,
            None => None,
        };
        let toggled_by = match self.completed {
            Some(completed) if completed != before.completed => Some(toggle(context, &mut task)?),
            _ => None,
        };
        if task != before {
            task.updated_at = context.now;
            store_with_assignees(context, &before, &task)?;
        }
        let assigned = difference(&task.assigned_to, &before.assigned_to);
        let unassigned = difference(&before.assigned_to, &task.assigned_to);
        let by = actor_profile(context)?;
        let notified = assigned.clone();
        context
            .record_event(&task.room, Event::TaskUpdated { task: task.clone(), by: by.clone(), was, toggled_by, assigned, unassigned })?;
        for user in &notified {
            assignee_lookup::notify_assignee(context, &task, user, by.as_ref())?;
        }
        Ok(task)
    }
}

/// Changes status and priority, if they are given. The output is the status before, if the status changed.
fn update_status(progress: &mut TaskStatus, status: Option<String>, priority: Option<String>) -> Result<Option<String>, DomainError> {
    validation::identifier(Field::Status, status.as_deref())?;
    validation::identifier(Field::Priority, priority.as_deref())?;
    if let Some(priority) = priority {
        progress.priority = priority;
    }
    match status {
        Some(status) if status != progress.status => Ok(Some(std::mem::replace(&mut progress.status, status))),
        _ => Ok(None),
    }
}

/// The users in `users` that are not in `others`.
fn difference(users: &[User], others: &[User]) -> Vec<User> {
    users.iter().filter(|user| others.iter().all(|other| other.id != user.id)).cloned().collect()
}

/// Completes a task, or reopens a completed task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToggleTask {
    /// The task's id.
    pub task: EntityId,
}

impl Command for ToggleTask {
    type Output = Task;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Task, DomainError> {
        let mut task = writable_task(context, self.task)?;
        task.updated_at = context.now;
        let by = toggle(context, &mut task)?;
        context.store.update_task(&task)?;
        context.record_event(&task.room, Event::TaskToggled { task: task.clone(), by })?;
        Ok(task)
    }
}

/// Completes or reopens a task, without storing it. The output is the actor's profile.
fn toggle(context: &mut CommandContext<'_>, task: &mut Task) -> Result<User, DomainError> {
    task.completed = !task.completed;
    task.completed_at = task.completed.then_some(context.now);
    context.store.user(&context.actor.user)?.ok_or(DomainError::NotFound("User"))
}

fn store_with_assignees(context: &mut CommandContext<'_>, before: &Task, task: &Task) -> Result<(), DomainError> {
    context.store.update_task(task)?;
    if before.assigned_to != task.assigned_to {
        // All assignees are removed and added again, because their order may have changed, too.
        for user in &before.assigned_to {
            context.store.unassign(task.id, &user.id)?;
        }
        for user in &task.assigned_to {
            context.store.assign(task.id, &user.id, context.now)?;
        }
    }
    Ok(())
}
