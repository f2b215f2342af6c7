//! New tasks.

use crate::event::Event;
use crate::fields;
use crate::names::{PersonId, Room};
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::spaces::require_member;
use crate::tasks::{Task, assignees};

/// Makes a task in a space, for its members. The created task carries its assignees: the one event says both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreateTask {
    /// Where.
    pub room: Room,
    /// What is to be done.
    pub title: String,
    /// More words about it.
    pub description: Option<String>,
    /// What the space sorts it under.
    pub category: Option<String>,
    /// An RFC 3339 date, or date and time.
    pub due_date: Option<String>,
    /// To whom it is given, in that order.
    pub assigned_to: Vec<PersonId>,
}

impl Command for CreateTask {
    type Answer = Task;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Task, Refusal> {
        require_member(tx.store, tx.actor, &self.room)?;
        if !self.room.kind().has_tasks() {
            return Err(Refusal::NotFound(self.room.kind().noun()));
        }
        fields::required("title", &self.title, fields::TITLE)?;
        fields::optional("description", self.description.as_deref(), fields::DESCRIPTION)?;
        fields::optional("category", self.category.as_deref(), fields::CATEGORY)?;
        fields::date("dueDate", self.due_date.as_deref())?;
        let assigned_to = assignees(tx.store, &self.room, "assignedTo", self.assigned_to)?;
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
            created_by: tx.actor.person.clone(),
            created_at: tx.now,
            updated_at: tx.now,
        };
        tx.store.put_task(&task)?;
        for person in &task.assigned_to {
            tx.store.assign(task.id, &person.id, tx.now)?;
        }
        tx.record(&task.room, Event::TaskCreated { task: task.clone() })?;
        Ok(task)
    }
}
