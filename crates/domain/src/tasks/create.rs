//! Creates a task.

use crate::access::require_writable;
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::event::Event;
use crate::field::Field;
use crate::model::{RoomId, RoomKind, Task, TaskStatus, UserId};
use crate::tasks::{assignee_lookup, assignees};
use crate::validation;

/// Creates a task in a space, for its members. The one event of the creation carries the assignees, too.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateTask {
    /// The space.
    pub room: RoomId,
    /// The title, 1 to 500 characters.
    pub title: String,
    /// The description, up to 10,000 characters.
    pub description: Option<String>,
    /// The category, up to 100 characters.
    pub category: Option<String>,
    /// An RFC 3339 date, or date and time.
    pub due_date: Option<String>,
    /// The assignees, in order.
    pub assigned_to: Vec<UserId>,
    /// The one assignee's username or id, as projects have it; replaces `assigned_to`.
    pub assignee: Option<String>,
    /// The status, in a project; `todo` by default.
    pub status: Option<String>,
    /// The priority, in a project; `medium` by default.
    pub priority: Option<String>,
}

impl CreateTask {
    /// A task with a title and no other field.
    pub fn new(room: RoomId, title: String) -> Self {
        Self {
            room,
            title,
            description: None,
            category: None,
            due_date: None,
            assigned_to: Vec::new(),
            assignee: None,
            status: None,
            priority: None,
        }
    }
}

impl Command for CreateTask {
    type Output = Task;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Task, DomainError> {
        require_writable(context.store, context.actor, &self.room)?;
        if !self.room.kind().has_tasks() {
            return Err(DomainError::NotFound(self.room.kind().display_name()));
        }
        validation::required(Field::Title, &self.title, validation::MAX_TITLE)?;
        validation::optional(Field::Description, self.description.as_deref(), validation::MAX_DESCRIPTION)?;
        validation::optional(Field::Category, self.category.as_deref(), validation::MAX_CATEGORY)?;
        validation::date(Field::DueDate, self.due_date.as_deref())?;
        let mut assigned_to = assignees(context.store, &self.room, Field::AssignedTo, self.assigned_to)?;
        let progress = self.room.kind().has_task_status().then(|| TaskStatus::new(self.status, self.priority)).transpose()?;
        if let Some(name) = self.assignee {
            assigned_to = vec![assignee_lookup::find_assignee(context, &self.room, &name)?];
        }
        let created_by = context.store.user(&context.actor.user)?.ok_or(DomainError::NotFound(RoomKind::User.display_name()))?;
        let task = Task {
            id: context.new_id(),
            room: self.room,
            title: self.title,
            description: self.description,
            category: self.category,
            due_date: self.due_date,
            completed: false,
            completed_at: None,
            assigned_to,
            progress,
            created_by,
            created_at: context.now,
            updated_at: context.now,
        };
        context.store.insert_task(&task)?;
        for user in &task.assigned_to {
            context.store.assign(task.id, &user.id, context.now)?;
        }
        context.record_event(&task.room, Event::TaskCreated { task: task.clone() })?;
        for user in &task.assigned_to {
            assignee_lookup::notify_assignee(context, &task, user, Some(&task.created_by))?;
        }
        Ok(task)
    }
}
