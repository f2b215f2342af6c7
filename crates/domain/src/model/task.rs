//! Tasks of a space.

use serde::{Deserialize, Deserializer, Serialize};

use super::{EntityId, RoomId, Timestamp, User, UserId};

/// A task.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Task {
    /// The task's id.
    pub id: EntityId,
    /// The task's space.
    pub room: RoomId,
    /// The title, 1 to 500 characters.
    pub title: String,
    /// The description, up to 10,000 characters.
    pub description: Option<String>,
    /// The category, up to 100 characters.
    pub category: Option<String>,
    /// The due date as the client sent it: an RFC 3339 date, or date and time.
    pub due_date: Option<String>,
    /// Whether the task is completed.
    pub completed: bool,
    /// The time at which the task was completed; `None` for an open task.
    pub completed_at: Option<Timestamp>,
    /// The assignees, in order.
    pub assigned_to: Vec<User>,
    /// The status and priority; only a project's tasks have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<TaskStatus>,
    /// The creator's profile; of a task in an older row of the event log only the id.
    #[serde(deserialize_with = "whole_or_id")]
    pub created_by: User,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
}

/// The status and priority of a task: identifiers that the team chooses.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TaskStatus {
    /// The status, such as `in_progress`: 1 to 50 letters, digits, hyphens or underscores.
    pub status: String,
    /// The priority, such as `high`, with the same rules.
    pub priority: String,
}

/// Reads a user's profile or, from older rows of the event log, the user's id alone.
fn whole_or_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<User, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum StoredUser {
        Whole(User),
        Id(UserId),
    }
    Ok(match StoredUser::deserialize(deserializer)? {
        StoredUser::Whole(user) => user,
        StoredUser::Id(id) => User::unseen(id, Timestamp::default()),
    })
}
