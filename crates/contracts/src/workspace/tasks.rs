//! Messages about events of a project's tasks, in the project's room and in the task's own.

use domain::event::{Event, PersistedEvent};
use domain::ids::{RoomId, Timestamp};
use domain::tasks;
use domain::users::User;
use engine::OutboundMessage;
use serde::Serialize;
use utoipa::ToSchema;

use super::envelope_event::{By, BySystem, From};
use super::events;

/// `data` of `task.created`, `task.updated` and `task.assigned`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::TaskData)]
pub(super) struct TaskData<'a> {
    task_id: i64,
    title: &'a str,
    #[schema(required)]
    description: Option<&'a str>,
    #[schema(required)]
    status: Option<&'a str>,
    #[schema(required)]
    priority: Option<&'a str>,
    #[schema(required)]
    assignee: Option<&'a str>,
    creator: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    updated_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    assigned_by: Option<&'a str>,
}

impl<'a> TaskData<'a> {
    fn of(task: &'a tasks::Task) -> Self {
        Self {
            task_id: task.id,
            title: &task.title,
            description: task.description.as_deref(),
            status: task.progress.as_ref().map(|progress| progress.status.as_str()),
            priority: task.progress.as_ref().map(|progress| progress.priority.as_str()),
            assignee: task.assigned_to.first().map(User::handle),
            creator: task.created_by.handle(),
            updated_by: None,
            assigned_by: None,
        }
    }
}

/// `data` of `task.status_changed`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::TaskStatusData)]
pub(super) struct StatusChanged<'a> {
    task_id: i64,
    old_status: &'a str,
    #[schema(required)]
    new_status: Option<&'a str>,
    #[schema(required)]
    changed_by: Option<&'a str>,
}

/// `data` of `task.deleted`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::TaskDeletedData)]
pub(super) struct Deleted<'a> {
    task_id: i64,
    #[schema(required)]
    deleted_by: Option<&'a str>,
}

/// The messages about an event of a task: the main one first, then any further ones. Empty for any other event.
pub(super) fn persisted(persisted: &PersistedEvent) -> Vec<OutboundMessage> {
    let envelope = TaskEnvelope { room: &persisted.room, at: persisted.at };
    match &persisted.event {
        Event::TaskCreated { task } => {
            let by = Some(&task.created_by);
            [envelope.created(task)].into_iter().chain(task.assigned_to.iter().map(|_| envelope.assigned(task, by))).collect()
        }
        Event::TaskUpdated { task, by, was, assigned, .. } => {
            let by = by.as_ref();
            let status = was.iter().map(|was| envelope.status(task, was, by));
            let assigned = assigned.iter().map(|_| envelope.assigned(task, by));
            [envelope.updated(task, by)].into_iter().chain(status).chain(assigned).collect()
        }
        Event::TaskStatusChanged { task, was, by } => vec![envelope.status(task, was, by.as_ref())],
        Event::TaskAssigned { task, by, .. } => vec![envelope.assigned(task, by.as_ref())],
        // The contract has no event of its own for it.
        Event::TaskUnassigned { task, by, .. } => vec![envelope.updated(task, by.as_ref())],
        Event::TaskDeleted { task, by } => vec![envelope.deleted(*task, by.as_ref())],
        _ => Vec::new(),
    }
}

/// The room and the time of a message.
#[derive(Clone, Copy)]
struct TaskEnvelope<'a> {
    room: &'a RoomId,
    at: Timestamp,
}

impl TaskEnvelope<'_> {
    fn created(self, task: &tasks::Task) -> OutboundMessage {
        events::TASK_CREATED.render(&From(self.room, &task.created_by), &TaskData::of(task), self.at)
    }

    fn updated(self, task: &tasks::Task, by: Option<&User>) -> OutboundMessage {
        let data = TaskData { updated_by: by.map(User::handle), ..TaskData::of(task) };
        events::TASK_UPDATED.render(&By(self.room, by), &data, self.at)
    }

    fn assigned(self, task: &tasks::Task, by: Option<&User>) -> OutboundMessage {
        let data = TaskData { assigned_by: by.map(User::handle), ..TaskData::of(task) };
        events::TASK_ASSIGNED.render(&By(self.room, by), &data, self.at)
    }

    fn status(self, task: &tasks::Task, was: &str, by: Option<&User>) -> OutboundMessage {
        let data = StatusChanged {
            task_id: task.id,
            old_status: was,
            new_status: task.progress.as_ref().map(|progress| progress.status.as_str()),
            changed_by: by.map(User::handle),
        };
        events::TASK_STATUS_CHANGED.render(&BySystem(self.room), &data, self.at)
    }

    fn deleted(self, task_id: i64, by: Option<&User>) -> OutboundMessage {
        let data = Deleted { task_id, deleted_by: by.map(User::handle) };
        events::TASK_DELETED.render(&By(self.room, by), &data, self.at)
    }
}
