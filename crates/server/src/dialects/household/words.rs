//! The words of the household contract.

use domain::ids::{RoomKind, RoomId};
use domain::error::DomainError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wire::socketio::Args;

use super::payloads::{
    HouseholdUpdated, InviteCodeRefreshed, MemberJoined, MemberLeft, TaskAssigned, TaskChanged, TaskCompleted, TaskDeleted, TaskUnassigned,
    UserUpdated,
};
use crate::dialects::Ask;
use crate::dialects::answers::Always;
use crate::dialects::ids::GivenId;
use crate::dialects::tokens;
use crate::dialects::vocabulary::{ClientWord, Word, named, words, wrong};

words! {
    /// A task was created.
    TASK_CREATED: Word<TaskChanged<'_>> = "task:created";
    /// A task was edited; behind it stands whatever else the edit was.
    TASK_UPDATED: Word<TaskChanged<'_>> = "task:updated";
    /// A task was completed, or taken up again: see `task.completed`.
    TASK_COMPLETED: Word<TaskCompleted<'_>> = "task:completed";
    /// A task was given to somebody.
    TASK_ASSIGNED: Word<TaskAssigned<'_>> = "task:assigned";
    /// A task was taken from somebody.
    TASK_UNASSIGNED: Word<TaskUnassigned<'_>> = "task:unassigned";
    /// A task is gone.
    TASK_DELETED: Word<TaskDeleted<'_>> = "task:deleted";
    /// The household's own details changed.
    HOUSEHOLD_UPDATED: Word<HouseholdUpdated<'_>> = "household:updated";
    /// Somebody has become a member.
    MEMBER_JOINED: Word<MemberJoined<'_>> = "household:member_joined";
    /// Somebody is no longer a member.
    MEMBER_LEFT: Word<MemberLeft<'_>> = "household:member_left";
    /// The household has a new invite code; the old one is void.
    INVITE_CODE_REFRESHED: Word<InviteCodeRefreshed<'_>> = "household:invite_code_refreshed";
    /// A member's profile changed.
    USER_UPDATED: Word<UserUpdated<'_>> = "user:updated";
}

/// What clients of this contract may say.
pub(super) const UNDERSTOOD: &[ClientWord] = &[
    ClientWord::new("join:household", "Hears a household, which members do without asking, too.", |args| {
        household_of(args).map(Ask::Enter)
    })
    .names::<HouseholdNamed>()
    .answers::<Confirmed<'_>>(),
    ClientWord::new("leave:household", "Hears a household no longer on this connection.", |args| household_of(args).map(Ask::Leave))
        .names::<HouseholdNamed>()
        .answers::<Confirmed<'_>>(),
    tokens::REFRESH,
];

/// What names a household.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::HouseholdNamed)]
struct HouseholdNamed {
    household_id: GivenId,
}

impl From<HouseholdNamed> for GivenId {
    fn from(named: HouseholdNamed) -> Self {
        named.household_id
    }
}

/// The acknowledgement of a household entered or left.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::Confirmed)]
pub(super) struct Confirmed<'a> {
    #[schema(schema_with = Always::<true>::schema)]
    pub(super) ok: Always<true>,
    pub(super) household_id: &'a str,
}

/// The household that a client names.
fn household_of(args: &Args<'_>) -> Result<RoomId, DomainError> {
    let room = named::<HouseholdNamed>(args).and_then(|id| RoomKind::Household.room_from_external_id(&id.0));
    room.ok_or_else(|| wrong(args, "householdId", "must be the id of a household, as text or number"))
}
