//! The objects of the household contract, in socket events and in REST responses.

use client_json::timestamps::Milliseconds;
use domain::spaces::{self, Role, Space};
use domain::tasks;
use domain::users;
use serde::Serialize;
use utoipa::ToSchema;

use crate::schemas::role;

/// A user.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::User)]
pub struct User<'a> {
    id: &'a str,
    name: &'a str,
    /// Null, except in the responses of `/users/{id}` to the user and to admins.
    #[schema(required)]
    email: Option<&'a str>,
    #[schema(required)]
    avatar_url: Option<&'a str>,
    created_at: Milliseconds,
    updated_at: Milliseconds,
}

impl<'a> User<'a> {
    /// The object of a user for other members of a space: without the e-mail address.
    pub fn of(user: &'a users::User) -> Self {
        Self { email: None, ..Self::with_email(user) }
    }

    /// The object of a user for that user, and for admins.
    pub fn with_email(user: &'a users::User) -> Self {
        Self {
            id: user.id.as_str(),
            name: &user.name,
            email: user.email.as_deref(),
            avatar_url: user.avatar_url.as_deref(),
            created_at: Milliseconds(user.created_at),
            updated_at: Milliseconds(user.updated_at),
        }
    }
}

/// A member of a household: a user object with two more fields.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::Member)]
pub struct Member<'a> {
    #[serde(flatten)]
    user: User<'a>,
    #[schema(schema_with = role)]
    role: Role,
    joined_at: Milliseconds,
}

impl<'a> Member<'a> {
    /// The object of a member.
    pub fn of(member: &'a spaces::Member) -> Self {
        Self { user: User::of(&member.user), role: member.role, joined_at: Milliseconds(member.joined_at) }
    }
}

/// A household with its first members.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::Household)]
pub struct Household<'a> {
    id: &'a str,
    name: &'a str,
    #[schema(required)]
    invite_code: Option<&'a str>,
    created_by: &'a str,
    created_at: Milliseconds,
    updated_at: Milliseconds,
    /// The number of members.
    member_count: u64,
    /// The first members in the order of joining, at most 100.
    members: Vec<Member<'a>>,
}

impl<'a> Household<'a> {
    /// The object of a household.
    pub fn of(space: &'a Space) -> Self {
        Self {
            id: space.room.id(),
            name: &space.name,
            invite_code: space.invite_code.as_deref(),
            created_by: space.created_by.as_str(),
            created_at: Milliseconds(space.created_at),
            updated_at: Milliseconds(space.updated_at),
            member_count: space.member_count(),
            members: space.members.iter().map(Member::of).collect(),
        }
    }
}

/// A task with its assignees.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = household::Task)]
pub struct Task<'a> {
    id: String,
    household_id: &'a str,
    title: &'a str,
    #[schema(required)]
    description: Option<&'a str>,
    #[schema(required)]
    category: Option<&'a str>,
    #[schema(required)]
    due_date: Option<&'a str>,
    completed: bool,
    #[schema(required)]
    completed_at: Option<Milliseconds>,
    assigned_to: Vec<User<'a>>,
    created_by: &'a str,
    created_at: Milliseconds,
    updated_at: Milliseconds,
}

impl<'a> Task<'a> {
    /// The object of a household's task.
    pub fn of(task: &'a tasks::Task) -> Self {
        Self {
            id: task.id.to_string(),
            household_id: task.room.id(),
            title: &task.title,
            description: task.description.as_deref(),
            category: task.category.as_deref(),
            due_date: task.due_date.as_deref(),
            completed: task.completed,
            completed_at: task.completed_at.map(Milliseconds),
            assigned_to: task.assigned_to.iter().map(User::of).collect(),
            created_by: task.created_by.id.as_str(),
            created_at: Milliseconds(task.created_at),
            updated_at: Milliseconds(task.updated_at),
        }
    }
}
