//! Calls and their participants.

use serde::{Deserialize, Serialize};

use super::{EntityId, RoomId, Timestamp, User, UserId};

/// The status of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CallStatus {
    /// The call rings, and no member has answered.
    Ringing,
    /// A member has answered.
    Ongoing,
    /// The call has ended.
    Ended,
    /// The call has ended, and no member has answered in time.
    Missed,
}

impl CallStatus {
    /// All statuses.
    pub const ALL: [Self; 4] = [Self::Ringing, Self::Ongoing, Self::Ended, Self::Missed];
}

/// A present or former participant of a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Participant {
    /// The participant's profile.
    #[serde(rename = "person")]
    pub user: User,
    /// The time of the last join.
    pub joined_at: Timestamp,
    /// The time of leaving; `None` for a present participant.
    pub left_at: Option<Timestamp>,
}

/// A call. A room has at most one call that has not ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Call {
    /// The call's id.
    pub id: EntityId,
    /// The call's room.
    pub room: RoomId,
    /// The call type that the client chose, such as `AUDIO` or `VIDEO`.
    pub sort: String,
    /// The caller, a participant from the start.
    pub initiated_by: User,
    /// The status of the call.
    pub status: CallStatus,
    /// The time at which it began to ring.
    pub started_at: Timestamp,
    /// The time of the first answer, if there was one.
    pub answered_at: Option<Timestamp>,
    /// The time at which it ended, if it has ended.
    pub ended_at: Option<Timestamp>,
    /// The user who ended it; `None` if it was missed or interrupted.
    pub ended_by: Option<UserId>,
    /// All present and former participants, in the order of the first join.
    pub participants: Vec<Participant>,
}

impl Call {
    /// Whether the call rings or is ongoing.
    pub fn is_open(&self) -> bool {
        matches!(self.status, CallStatus::Ringing | CallStatus::Ongoing)
    }

    /// Whether a user is a present participant.
    pub fn has(&self, user: &UserId) -> bool {
        self.participants.iter().any(|participant| participant.user.id == *user && participant.left_at.is_none())
    }

    /// Whether all participants have left.
    pub(crate) fn all_have_left(&self) -> bool {
        self.participants.iter().all(|participant| participant.left_at.is_some())
    }
}
