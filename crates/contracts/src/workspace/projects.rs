//! Messages about events of a project, in its room; and about a membership, in the inbox of its user.

use client_json::ids::IdOutput;
use domain::event::{Event, PersistedEvent};
use domain::ids::{RoomKind, Timestamp, UserId};
use domain::spaces::{Member, Space};
use domain::users::User;
use engine::OutboundMessage;
use serde::Serialize;
use utoipa::ToSchema;

use super::envelope_event::By;
use super::{events, objects};

/// `data` of `project.updated` and `project.archived`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::ProjectData)]
pub(super) struct ProjectData<'a> {
    project_id: IdOutput<'a>,
    name: &'a str,
    archived: bool,
    /// The number of members.
    member_count: u64,
    /// The usernames of the first members in the order of joining, at most 100.
    members: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    updated_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    archived_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    member_joined: Option<IdOutput<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    member_left: Option<IdOutput<'a>>,
}

impl<'a> ProjectData<'a> {
    fn of(space: &'a Space) -> Self {
        Self {
            project_id: IdOutput(space.room.id()),
            name: &space.name,
            archived: space.archived_at.is_some(),
            member_count: space.member_count(),
            members: space.members.iter().map(|Member { user, .. }| user.handle()).collect(),
            updated_by: None,
            archived_by: None,
            member_joined: None,
            member_left: None,
        }
    }
}

/// The message about an event of a project itself; `None` for any other event.
pub(super) fn persisted(persisted: &PersistedEvent) -> Option<OutboundMessage> {
    if let Event::SpaceCreated { space, .. } = &persisted.event {
        return Some(added(space, actor(space, Some(&space.created_by), None), persisted.at));
    }
    let (event, data, by) = match &persisted.event {
        Event::SpaceUpdated { space, by } => {
            (&events::PROJECT_UPDATED, ProjectData { updated_by: by.as_ref().map(User::handle), ..ProjectData::of(space) }, by.as_ref())
        }
        Event::SpaceArchived { space, by } => {
            (&events::PROJECT_ARCHIVED, ProjectData { archived_by: by.as_ref().map(User::handle), ..ProjectData::of(space) }, by.as_ref())
        }
        Event::MemberJoined { space, user, by, by_whom } => {
            let (joined, by) = (Some(IdOutput(user.id.as_str())), actor(space, by.as_ref(), by_whom.as_ref()));
            (
                &events::PROJECT_UPDATED,
                ProjectData { updated_by: by.map(User::handle), member_joined: joined, ..ProjectData::of(space) },
                by,
            )
        }
        Event::MemberLeft { space, user, by, by_whom } => {
            // A user who leaves is not a member afterwards, so `updated_by` does not name that user.
            let by = actor(space, by.as_ref(), by_whom.as_ref()).filter(|by| by.id != *user);
            let left = Some(IdOutput(user.as_str()));
            (&events::PROJECT_UPDATED, ProjectData { updated_by: by.map(User::handle), member_left: left, ..ProjectData::of(space) }, by)
        }
        _ => return None,
    };
    Some(event.render(&By(&persisted.room, by), &data, persisted.at))
}

/// `data` of `project.removed`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::RemovedData)]
pub(super) struct Removed<'a> {
    project_id: IdOutput<'a>,
}

/// The event in a user's inbox about a membership of that user.
pub(super) fn in_inbox(persisted: &PersistedEvent) -> Option<OutboundMessage> {
    match &persisted.event {
        Event::Added { space, by, .. } if space.room.kind() == RoomKind::Project => Some(added(space, by.as_ref(), persisted.at)),
        Event::Removed { space, by } if space.kind() == RoomKind::Project => {
            let data = Removed { project_id: IdOutput(space.id()) };
            Some(events::PROJECT_REMOVED.render(&By(space, by.as_ref()), &data, persisted.at))
        }
        _ => None,
    }
}

fn added(space: &Space, by: Option<&User>, at: Timestamp) -> OutboundMessage {
    events::PROJECT_ADDED.render(&By(&space.room, by), &objects::Project::of(space), at)
}

/// The user who made the change. An event of an older version has only the user's id, and all members.
fn actor<'a>(space: &'a Space, by: Option<&UserId>, by_whom: Option<&'a User>) -> Option<&'a User> {
    by_whom.or_else(|| space.members.iter().map(|Member { user, .. }| user).find(|member| Some(&member.id) == by))
}
