//! The events of the household contract.

use client_json::ids::IdInput;
use domain::error::DomainError;
use domain::ids::{RoomId, RoomKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::socketio::Args;

use super::payloads::{
    HouseholdUpdated, InviteCodeRefreshed, MemberJoined, MemberLeft, TaskAssigned, TaskChanged, TaskCompleted, TaskDeleted, TaskUnassigned,
    UserUpdated,
};
use crate::ClientAction;
use crate::acknowledgements::ConstBool;
use crate::auth_refresh;
use crate::event_schema::{ClientEvent, ServerEvent, id_argument, invalid_field, server_events};

server_events! {
    /// A task was created.
    TASK_CREATED: ServerEvent<TaskChanged<'_>> = "task:created";
    /// A task was edited. Further events follow if the edit completed the task or changed its assignees.
    TASK_UPDATED: ServerEvent<TaskChanged<'_>> = "task:updated";
    /// A task was completed or reopened; see `task.completed`.
    TASK_COMPLETED: ServerEvent<TaskCompleted<'_>> = "task:completed";
    /// A task was assigned to a user.
    TASK_ASSIGNED: ServerEvent<TaskAssigned<'_>> = "task:assigned";
    /// A user was unassigned from a task.
    TASK_UNASSIGNED: ServerEvent<TaskUnassigned<'_>> = "task:unassigned";
    /// A task was deleted.
    TASK_DELETED: ServerEvent<TaskDeleted<'_>> = "task:deleted";
    /// The name of the household changed.
    HOUSEHOLD_UPDATED: ServerEvent<HouseholdUpdated<'_>> = "household:updated";
    /// A user became a member.
    MEMBER_JOINED: ServerEvent<MemberJoined<'_>> = "household:member_joined";
    /// A user is no longer a member.
    MEMBER_LEFT: ServerEvent<MemberLeft<'_>> = "household:member_left";
    /// The household has a new invite code. The old code is no longer valid.
    INVITE_CODE_REFRESHED: ServerEvent<InviteCodeRefreshed<'_>> = "household:invite_code_refreshed";
    /// A member's profile changed.
    USER_UPDATED: ServerEvent<UserUpdated<'_>> = "user:updated";
}

/// The events that clients of this contract may send.
pub(super) const CLIENT_EVENTS: &[ClientEvent] = &[
    ClientEvent::new(
        "join:household",
        "Subscribes this connection to a household. Connections of members are subscribed automatically.",
        |args| household_of(args).map(ClientAction::Enter),
    )
    .names::<HouseholdRef>()
    .answers::<HouseholdAck<'_>>(),
    ClientEvent::new("leave:household", "Unsubscribes this connection from a household.", |args| {
        household_of(args).map(ClientAction::Leave)
    })
    .names::<HouseholdRef>()
    .answers::<HouseholdAck<'_>>(),
    auth_refresh::REFRESH,
];

/// The id of a household.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::HouseholdNamed)]
struct HouseholdRef {
    household_id: IdInput,
}

impl From<HouseholdRef> for IdInput {
    fn from(named: HouseholdRef) -> Self {
        named.household_id
    }
}

/// The acknowledgement of a join or a leave.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::Confirmed)]
pub(super) struct HouseholdAck<'a> {
    #[schema(schema_with = ConstBool::<true>::schema)]
    pub(super) ok: ConstBool<true>,
    pub(super) household_id: &'a str,
}

/// The household that a request names.
fn household_of(args: &Args<'_>) -> Result<RoomId, DomainError> {
    let room = id_argument::<HouseholdRef>(args).and_then(|id| RoomKind::Household.room_from_external_id(&id.0));
    room.ok_or_else(|| invalid_field(args, "householdId", "must be the id of a household, as text or number"))
}
