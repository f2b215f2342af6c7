//! The payloads of the events. Some REST responses have the same shape.

use domain::ids::UserId;
use domain::spaces::Space;
use domain::tasks;
use serde::Serialize;
use utoipa::ToSchema;

use super::objects::{Household, Task, User};

/// The payload of `task:created` and `task:updated`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::TaskChanged)]
pub(super) struct TaskChanged<'a> {
    pub(super) task: Task<'a>,
    pub(super) household_id: &'a str,
}

/// The payload of `task:completed`, which is also sent when a task is reopened.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::TaskCompleted)]
pub(super) struct TaskCompleted<'a> {
    pub(super) task: Task<'a>,
    pub(super) household_id: &'a str,
    pub(super) completed_by: User<'a>,
}

/// The payload of `task:assigned`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::TaskAssigned)]
pub(super) struct TaskAssigned<'a> {
    pub(super) task: Task<'a>,
    pub(super) household_id: &'a str,
    pub(super) assigned_to: User<'a>,
}

/// The payload of `task:unassigned`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::TaskUnassigned)]
pub(super) struct TaskUnassigned<'a> {
    pub(super) task: Task<'a>,
    pub(super) household_id: &'a str,
    pub(super) unassigned_from: User<'a>,
}

/// The payload of `task:deleted`, and the response to the DELETE of a task.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::TaskDeleted)]
pub struct TaskDeleted<'a> {
    pub(super) task_id: String,
    pub(super) household_id: &'a str,
}

impl<'a> TaskDeleted<'a> {
    /// The payload for a deleted task.
    pub fn of(task: &'a tasks::Task) -> Self {
        Self { task_id: task.id.to_string(), household_id: task.room.id() }
    }
}

/// The payload of `household:updated`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = household::HouseholdUpdated)]
pub(super) struct HouseholdUpdated<'a> {
    pub(super) household: Household<'a>,
}

/// The payload of `household:member_joined`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = household::MemberJoined)]
pub(super) struct MemberJoined<'a> {
    pub(super) user: User<'a>,
    pub(super) household: Household<'a>,
}

/// The payload of `household:member_left`, and the response to the DELETE of a member.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::MemberLeft)]
pub struct MemberLeft<'a> {
    pub(super) user_id: &'a str,
    pub(super) household: Household<'a>,
}

impl<'a> MemberLeft<'a> {
    /// The payload for a user who has left a household.
    pub fn of(space: &'a Space, user: &'a UserId) -> Self {
        Self { user_id: user.as_str(), household: Household::of(space) }
    }
}

/// The payload of `household:invite_code_refreshed`, and the response to the refresh.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::InviteCodeRefreshed)]
pub struct InviteCodeRefreshed<'a> {
    #[schema(required)]
    pub(super) invite_code: Option<&'a str>,
    pub(super) household: Household<'a>,
}

impl<'a> InviteCodeRefreshed<'a> {
    /// The payload for a household with a new invite code.
    pub fn of(space: &'a Space) -> Self {
        Self { invite_code: space.invite_code.as_deref(), household: Household::of(space) }
    }
}

/// The payload of `user:updated`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::UserUpdated)]
pub(super) struct UserUpdated<'a> {
    pub(super) user: User<'a>,
    pub(super) household_id: &'a str,
}
