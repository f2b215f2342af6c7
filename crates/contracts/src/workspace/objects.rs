//! The objects of the workspace contract, in REST responses.

use client_json::ids::IdOutput;
use client_json::timestamps::Microseconds;
use domain::spaces::{Member, Role, Space};
use domain::users::User;
use domain::{chat, tasks};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::schemas::role;

/// A member of a project.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::ProjectMember)]
pub struct ProjectMember<'a> {
    user_id: IdOutput<'a>,
    username: &'a str,
    name: &'a str,
    #[schema(schema_with = role)]
    role: Role,
    joined_at: Microseconds,
}

impl<'a> ProjectMember<'a> {
    /// The object of a member.
    pub fn of(member: &'a Member) -> Self {
        Self {
            user_id: IdOutput(member.user.id.as_str()),
            username: member.user.handle(),
            name: &member.user.name,
            role: member.role,
            joined_at: Microseconds(member.joined_at),
        }
    }
}

/// A project with its first members.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::Project)]
pub struct Project<'a> {
    id: IdOutput<'a>,
    name: &'a str,
    created_by: IdOutput<'a>,
    created_at: Microseconds,
    updated_at: Microseconds,
    #[schema(required)]
    archived_at: Option<Microseconds>,
    /// The number of members.
    member_count: u64,
    /// The first members in the order of joining, at most 100.
    members: Vec<ProjectMember<'a>>,
}

impl<'a> Project<'a> {
    /// The object of a project.
    pub fn of(space: &'a Space) -> Self {
        Self {
            id: IdOutput(space.room.id()),
            name: &space.name,
            created_by: IdOutput(space.created_by.as_str()),
            created_at: Microseconds(space.created_at),
            updated_at: Microseconds(space.updated_at),
            archived_at: space.archived_at.map(Microseconds),
            member_count: space.member_count(),
            members: space.members.iter().map(ProjectMember::of).collect(),
        }
    }
}

/// A channel of a project.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::Channel)]
pub struct Channel<'a> {
    id: IdOutput<'a>,
    #[schema(required)]
    project_id: Option<IdOutput<'a>>,
    name: &'a str,
    created_by: IdOutput<'a>,
    created_at: Microseconds,
    updated_at: Microseconds,
}

impl<'a> Channel<'a> {
    /// The object of a channel.
    pub fn of(space: &'a Space) -> Self {
        Self {
            id: IdOutput(space.room.id()),
            project_id: space.parent.as_ref().map(|project| IdOutput(project.id())),
            name: &space.name,
            created_by: IdOutput(space.created_by.as_str()),
            created_at: Microseconds(space.created_at),
            updated_at: Microseconds(space.updated_at),
        }
    }
}

/// A task of a project. It contains users by username, as events do, and by id.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::Task)]
pub struct Task<'a> {
    id: i64,
    project_id: IdOutput<'a>,
    title: &'a str,
    #[schema(required)]
    description: Option<&'a str>,
    #[schema(required)]
    status: Option<&'a str>,
    #[schema(required)]
    priority: Option<&'a str>,
    #[schema(required)]
    assignee: Option<&'a str>,
    #[schema(required)]
    assignee_id: Option<IdOutput<'a>>,
    creator: &'a str,
    creator_id: IdOutput<'a>,
    created_at: Microseconds,
    updated_at: Microseconds,
}

impl<'a> Task<'a> {
    /// The object of a project's task.
    pub fn of(task: &'a tasks::Task) -> Self {
        let assignee = task.assigned_to.first();
        Self {
            id: task.id,
            project_id: IdOutput(task.room.id()),
            title: &task.title,
            description: task.description.as_deref(),
            status: task.progress.as_ref().map(|progress| progress.status.as_str()),
            priority: task.progress.as_ref().map(|progress| progress.priority.as_str()),
            assignee: assignee.map(User::handle),
            assignee_id: assignee.map(|user| IdOutput(user.id.as_str())),
            creator: task.created_by.handle(),
            creator_id: IdOutput(task.created_by.id.as_str()),
            created_at: Microseconds(task.created_at),
            updated_at: Microseconds(task.updated_at),
        }
    }
}

/// A message in a channel.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = workspace::Message)]
pub struct Message<'a> {
    id: i64,
    channel_id: IdOutput<'a>,
    content: &'a str,
    username: &'a str,
    user_id: IdOutput<'a>,
    #[schema(value_type = Object)]
    metadata: Metadata<'a>,
    #[schema(required)]
    client_id: Option<&'a str>,
    created_at: Microseconds,
    #[schema(required)]
    edited_at: Option<Microseconds>,
}

/// The data that a client stores with its message: always an object, so that clients may read `metadata.reply_to` of any message.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Metadata<'a> {
    Sent(&'a Value),
    None(Map<String, Value>),
}

impl<'a> Metadata<'a> {
    pub(super) fn of(metadata: Option<&'a Value>) -> Self {
        metadata.map_or_else(|| Self::None(Map::new()), Self::Sent)
    }
}

impl<'a> Message<'a> {
    /// The object of a channel's message.
    pub fn of(message: &'a chat::Message) -> Self {
        Self {
            id: message.id,
            channel_id: IdOutput(message.room.id()),
            content: &message.content,
            username: message.sender.handle(),
            user_id: IdOutput(message.sender.id.as_str()),
            metadata: Metadata::of(message.metadata.as_ref()),
            client_id: message.client_id.as_deref(),
            created_at: Microseconds(message.created_at),
            edited_at: message.edited_at.map(Microseconds),
        }
    }
}
