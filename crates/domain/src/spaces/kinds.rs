//! What each kind of space can be used for. A new contract's kind gets its say here, and the operations need no change.

use crate::names::Kind;

impl Kind {
    /// Whether people are members of it directly, and whether somebody may make one.
    pub fn has_own_members(self) -> bool {
        match self {
            Kind::Household | Kind::Trip | Kind::ChatRoom | Kind::Conversation | Kind::Project => true,
            Kind::User | Kind::Channel | Kind::Task | Kind::Everyone => false,
        }
    }

    /// What its clients call its name, and those who are in it from the start.
    pub(super) fn fields(self) -> (&'static str, &'static str) {
        match self {
            Kind::Conversation => ("title", "participantIds"),
            _ => ("name", "memberIds"),
        }
    }

    /// Whether it may be without a name.
    pub(super) fn may_be_nameless(self) -> bool {
        matches!(self, Kind::Conversation)
    }

    /// Whether an invite code opens it.
    pub fn opens_by_invite(self) -> bool {
        matches!(self, Kind::Household)
    }

    /// Whether it has channels.
    pub fn has_channels(self) -> bool {
        matches!(self, Kind::Project)
    }

    /// Whether tasks belong to it.
    pub fn has_tasks(self) -> bool {
        matches!(self, Kind::Household | Kind::Project)
    }

    /// Whether people call each other in it.
    pub fn has_calls(self) -> bool {
        matches!(self, Kind::ChatRoom)
    }

    /// Whether its messages mention people, who are told.
    pub fn has_mentions(self) -> bool {
        matches!(self, Kind::Channel)
    }

    /// Whether its tasks have a status and a priority, and one assignee.
    pub fn has_progress(self) -> bool {
        matches!(self, Kind::Project)
    }

    /// Whether it can be put away, by itself or with the space that it is part of.
    pub fn may_be_archived(self) -> bool {
        matches!(self, Kind::Project | Kind::Channel)
    }

    /// Whether messages are sent to it.
    pub fn has_messages(self) -> bool {
        matches!(self, Kind::Channel | Kind::ChatRoom | Kind::Conversation)
    }
}
