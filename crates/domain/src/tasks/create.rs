//! Creates a task.

use crate::event::Event;
use crate::validation;
use crate::ids::{RoomKind, UserId, RoomId};
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::spaces::require_writable;
use crate::tasks::{TaskStatus, Task, assignee_lookup, assignees};

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

    fn execute(self, tx: &mut CommandContext<'_>) -> Result<Task, DomainError> {
        require_writable(tx.store, tx.actor, &self.room)?;
        if !self.room.kind().has_tasks() {
            return Err(DomainError::NotFound(self.room.kind().display_name()));
        }
        validation::required("title", &self.title, validation::MAX_TITLE)?;
        validation::optional("description", self.description.as_deref(), validation::MAX_DESCRIPTION)?;
        validation::optional("category", self.category.as_deref(), validation::MAX_CATEGORY)?;
        validation::date("dueDate", self.due_date.as_deref())?;
        let mut assigned_to = assignees(tx.store, &self.room, "assignedTo", self.assigned_to)?;
        let progress = self.room.kind().has_task_status().then(|| TaskStatus::new(self.status, self.priority)).transpose()?;
        if let Some(name) = self.assignee {
            assigned_to = vec![assignee_lookup::find_assignee(tx, &self.room, &name)?];
        }
        let created_by = tx.store.user(&tx.actor.person)?.ok_or(DomainError::NotFound(RoomKind::User.display_name()))?;
        let task = Task {
            id: tx.new_id(),
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
            created_at: tx.now,
            updated_at: tx.now,
        };
        tx.store.insert_task(&task)?;
        for person in &task.assigned_to {
            tx.store.assign(task.id, &person.id, tx.now)?;
        }
        tx.record_event(&task.room, Event::TaskCreated { task: task.clone() })?;
        for person in &task.assigned_to {
            assignee_lookup::notify_assignee(tx, &task, person, Some(&task.created_by))?;
        }
        Ok(task)
    }
}
