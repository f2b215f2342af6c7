//! The workspace contract's objects, as REST answers them.

use domain::spaces::{Member, Role, Space};
use serde::Serialize;

use crate::dialects::ids::NumberOrText;
use crate::dialects::times::Microseconds;

/// A person in a project.
#[derive(Clone, Debug, Serialize)]
struct ProjectMember<'a> {
    user_id: NumberOrText<'a>,
    username: &'a str,
    name: &'a str,
    role: Role,
    joined_at: Microseconds,
}

impl<'a> ProjectMember<'a> {
    fn of(member: &'a Member) -> Self {
        Self {
            user_id: NumberOrText(member.person.id.as_str()),
            username: member.person.handle(),
            name: &member.person.name,
            role: member.role,
            joined_at: Microseconds(member.joined_at),
        }
    }
}

/// A project with its members.
#[derive(Clone, Debug, Serialize)]
pub struct Project<'a> {
    id: NumberOrText<'a>,
    name: &'a str,
    created_by: NumberOrText<'a>,
    created_at: Microseconds,
    updated_at: Microseconds,
    members: Vec<ProjectMember<'a>>,
}

impl<'a> Project<'a> {
    /// The object of a project.
    pub fn of(space: &'a Space) -> Self {
        Self {
            id: NumberOrText(space.room.id()),
            name: &space.name,
            created_by: NumberOrText(space.created_by.as_str()),
            created_at: Microseconds(space.created_at),
            updated_at: Microseconds(space.updated_at),
            members: space.members.iter().map(ProjectMember::of).collect(),
        }
    }
}

/// A channel of a project.
#[derive(Clone, Debug, Serialize)]
pub struct Channel<'a> {
    id: NumberOrText<'a>,
    project_id: Option<NumberOrText<'a>>,
    name: &'a str,
    created_by: NumberOrText<'a>,
    created_at: Microseconds,
    updated_at: Microseconds,
}

impl<'a> Channel<'a> {
    /// The object of a channel.
    pub fn of(space: &'a Space) -> Self {
        Self {
            id: NumberOrText(space.room.id()),
            project_id: space.parent.as_ref().map(|project| NumberOrText(project.id())),
            name: &space.name,
            created_by: NumberOrText(space.created_by.as_str()),
            created_at: Microseconds(space.created_at),
            updated_at: Microseconds(space.updated_at),
        }
    }
}
