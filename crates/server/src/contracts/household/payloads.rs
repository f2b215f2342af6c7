//! What stands in the events, and in those REST answers that say the same as an event.

use domain::ids::UserId;
use domain::spaces::Space;
use domain::tasks;
use serde::Serialize;
use utoipa::ToSchema;

use super::objects::{Household, Task, User};

/// Of `task:created` and `task:updated`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::TaskChanged)]
pub(super) struct TaskChanged<'a> {
    pub(super) task: Task<'a>,
    pub(super) household_id: &'a str,
}

/// Of `task:completed`, also when a task is taken up again.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::TaskCompleted)]
pub(super) struct TaskCompleted<'a> {
    pub(super) task: Task<'a>,
    pub(super) household_id: &'a str,
    pub(super) completed_by: User<'a>,
}

/// Of `task:assigned`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::TaskAssigned)]
pub(super) struct TaskAssigned<'a> {
    pub(super) task: Task<'a>,
    pub(super) household_id: &'a str,
    pub(super) assigned_to: User<'a>,
}

/// Of `task:unassigned`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::TaskUnassigned)]
pub(super) struct TaskUnassigned<'a> {
    pub(super) task: Task<'a>,
    pub(super) household_id: &'a str,
    pub(super) unassigned_from: User<'a>,
}

/// Of `task:deleted`, and the answer to a task's DELETE.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::TaskDeleted)]
pub struct TaskDeleted<'a> {
    pub(super) task_id: String,
    pub(super) household_id: &'a str,
}

impl<'a> TaskDeleted<'a> {
    /// Says that this task is gone.
    pub fn of(task: &'a tasks::Task) -> Self {
        Self { task_id: task.id.to_string(), household_id: task.room.id() }
    }
}

/// Of `household:updated`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = household::HouseholdUpdated)]
pub(super) struct HouseholdUpdated<'a> {
    pub(super) household: Household<'a>,
}

/// Of `household:member_joined`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = household::MemberJoined)]
pub(super) struct MemberJoined<'a> {
    pub(super) user: User<'a>,
    pub(super) household: Household<'a>,
}

/// Of `household:member_left`, and the answer to a member's DELETE.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::MemberLeft)]
pub struct MemberLeft<'a> {
    pub(super) user_id: &'a str,
    pub(super) household: Household<'a>,
}

impl<'a> MemberLeft<'a> {
    /// Says that a person is no longer in this space.
    pub fn of(space: &'a Space, user: &'a UserId) -> Self {
        Self { user_id: user.as_str(), household: Household::of(space) }
    }
}

/// Of `household:invite_code_refreshed`, and the answer to the refresh.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::InviteCodeRefreshed)]
pub struct InviteCodeRefreshed<'a> {
    #[schema(required)]
    pub(super) invite_code: Option<&'a str>,
    pub(super) household: Household<'a>,
}

impl<'a> InviteCodeRefreshed<'a> {
    /// Says that this space has a new code.
    pub fn of(space: &'a Space) -> Self {
        Self { invite_code: space.invite_code.as_deref(), household: Household::of(space) }
    }
}

/// Of `user:updated`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::UserUpdated)]
pub(super) struct UserUpdated<'a> {
    pub(super) user: User<'a>,
    pub(super) household_id: &'a str,
}
