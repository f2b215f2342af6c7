//! The user who caused an event.

use crate::event::Event;
use crate::model::{User, UserId};

/// What caused an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cause {
    /// A user.
    User(UserId),
    /// A back end, with the API for back ends.
    BackEnd,
    /// The event does not say.
    Unknown,
}

impl Cause {
    /// The cause of an event, as the event log has it.
    pub fn of(event: &Event) -> Self {
        let id = |user: &Option<User>| user.as_ref().map(|user| user.id.clone());
        let by = match event {
            Event::SpaceCreated { space, .. } => Some(space.created_by.clone()),
            Event::SpaceUpdated { by, .. }
            | Event::SpaceArchived { by, .. }
            | Event::Added { by, .. }
            | Event::Removed { by, .. }
            | Event::TaskUpdated { by, .. }
            | Event::TaskDeleted { by, .. }
            | Event::TaskStatusChanged { by, .. }
            | Event::TaskAssigned { by, .. }
            | Event::TaskUnassigned { by, .. } => id(by),
            Event::SpaceDeleted { by, .. }
            | Event::RoleChanged { by, .. }
            | Event::MessagesRead { by, .. }
            | Event::TripUpdated { by, .. } => Some(by.clone()),
            Event::MemberJoined { by, .. } | Event::MemberLeft { by, .. } => by.clone(),
            Event::MembershipClaimed { user } => Some(user.clone()),
            Event::ProfileUpdated { user, .. } => Some(user.id.clone()),
            Event::TaskCreated { task } => Some(task.created_by.id.clone()),
            Event::TaskToggled { by, .. } | Event::CallAnswered { by, .. } => Some(by.id.clone()),
            Event::MessageSent { message } | Event::MessageEdited { message } => Some(message.sender.id.clone()),
            Event::MessageDeleted { sender, .. } => Some(sender.id.clone()),
            Event::CallInitiated { call, .. } => Some(call.initiated_by.id.clone()),
            Event::CallEnded { call } => call.ended_by.clone(),
            Event::Emitted { .. } | Event::ConnectionsEnded { .. } => return Self::BackEnd,
            Event::InviteRefreshed { .. }
            | Event::NotificationCreated { .. }
            | Event::NotificationRead { .. }
            | Event::NotificationsRead => None,
        };
        by.map_or(Self::Unknown, Self::User)
    }
}
