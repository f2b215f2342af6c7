//! The objects of the trip contract, in socket events and in REST responses.

use client_json::timestamps::Milliseconds;
use domain::notifications;
use domain::spaces::{Member, Role, Space};
use domain::trips::{self, TripDetails};
use serde::{Serialize, Serializer};
use serde_json::Value;
use utoipa::ToSchema;

use crate::schemas::role;

/// A trip.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = trip::Trip)]
pub struct Trip<'a> {
    id: &'a str,
    name: &'a str,
    #[schema(required)]
    description: Option<&'a str>,
    #[schema(required)]
    start_date: Option<&'a str>,
    #[schema(required)]
    end_date: Option<&'a str>,
    created_by: &'a str,
    created_at: Milliseconds,
    updated_at: Milliseconds,
    /// The number of members.
    member_count: u64,
    /// The first members in the order of joining, at most 100.
    #[schema(value_type = Vec<MemberObject<'a>>)]
    members: Members<'a>,
}

impl<'a> Trip<'a> {
    /// The object of a trip.
    pub fn of(trip: &'a trips::Trip) -> Self {
        Self::with(&trip.space, &trip.details)
    }

    /// The object of a trip. The inputs are its space and its details.
    pub(super) fn with(space: &'a Space, details: &'a TripDetails) -> Self {
        Self {
            id: space.room.id(),
            name: &space.name,
            description: details.description.as_deref(),
            start_date: details.start_date.as_deref(),
            end_date: details.end_date.as_deref(),
            created_by: space.created_by.as_str(),
            created_at: Milliseconds(space.created_at),
            updated_at: Milliseconds(space.updated_at),
            member_count: space.member_count(),
            members: Members(space),
        }
    }
}

/// A trip's first members, in the order of joining.
#[derive(Clone, Debug)]
pub(super) struct Members<'a>(pub &'a Space);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.members.iter().map(MemberObject::of))
    }
}

/// A member of a trip.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = trip::Member)]
pub struct MemberObject<'a> {
    user_id: &'a str,
    name: &'a str,
    #[schema(required)]
    avatar_url: Option<&'a str>,
    #[schema(schema_with = role)]
    role: Role,
    joined_at: Milliseconds,
}

impl<'a> MemberObject<'a> {
    /// The object of a member.
    pub fn of(member: &'a Member) -> Self {
        Self {
            user_id: member.user.id.as_str(),
            name: &member.user.name,
            avatar_url: member.user.avatar_url.as_deref(),
            role: member.role,
            joined_at: Milliseconds(member.joined_at),
        }
    }
}

/// A notification.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = trip::Notification)]
pub struct Notification<'a> {
    id: String,
    r#type: &'a str,
    title: &'a str,
    message: &'a str,
    #[schema(required)]
    link: Option<&'a str>,
    #[schema(required, value_type = Option<Object>)]
    data: Option<&'a Value>,
    timestamp: Milliseconds,
}

impl<'a> Notification<'a> {
    /// The object of a notification.
    pub fn of(notification: &'a notifications::Notification) -> Self {
        Self {
            id: notification.id.to_string(),
            r#type: &notification.kind,
            title: &notification.title,
            message: &notification.message,
            link: notification.link.as_deref(),
            data: notification.data.as_ref(),
            timestamp: Milliseconds(notification.created_at),
        }
    }
}
