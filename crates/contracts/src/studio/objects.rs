//! The objects of the studio contract, in REST responses.

use client_json::ids::IdOutput;
use client_json::timestamps::Milliseconds;
use domain::calls::{self, CallStatus};
use domain::chat;
use domain::spaces::{self, Role, Space};
use domain::users::User;
use serde::Serialize;
use utoipa::ToSchema;

use crate::schemas::{call_status, role};

/// The type of a message whose client chose none.
const DEFAULT_MESSAGE_TYPE: &str = "TEXT";

/// A user with the fields that a chat shows.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = studio::Named)]
pub(super) struct UserName<'a> {
    id: IdOutput<'a>,
    name: &'a str,
}

impl<'a> UserName<'a> {
    pub(super) fn of(user: &'a User) -> Self {
        Self { id: IdOutput(user.id.as_str()), name: &user.name }
    }
}

/// A member of a room.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::Member)]
pub struct Member<'a> {
    #[serde(flatten)]
    user: UserName<'a>,
    #[schema(schema_with = role)]
    role: Role,
    joined_at: Milliseconds,
}

impl<'a> Member<'a> {
    /// The object of a member.
    pub fn of(member: &'a spaces::Member) -> Self {
        Self { user: UserName::of(&member.user), role: member.role, joined_at: Milliseconds(member.joined_at) }
    }
}

/// A chat room with its first members.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::Room)]
pub struct Room<'a> {
    id: IdOutput<'a>,
    name: &'a str,
    created_by: IdOutput<'a>,
    created_at: Milliseconds,
    updated_at: Milliseconds,
    /// The number of members.
    member_count: u64,
    /// The first members in the order of joining, at most 100.
    members: Vec<Member<'a>>,
}

impl<'a> Room<'a> {
    /// The object of a chat room.
    pub fn of(space: &'a Space) -> Self {
        Self {
            id: IdOutput(space.room.id()),
            name: &space.name,
            created_by: IdOutput(space.created_by.as_str()),
            created_at: Milliseconds(space.created_at),
            updated_at: Milliseconds(space.updated_at),
            member_count: space.member_count(),
            members: space.members.iter().map(Member::of).collect(),
        }
    }
}

/// A current or former participant of a call.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::Participant)]
struct Participant<'a> {
    user_id: IdOutput<'a>,
    name: &'a str,
    joined_at: Milliseconds,
    #[schema(required)]
    left_at: Option<Milliseconds>,
}

impl<'a> Participant<'a> {
    fn of(participant: &'a calls::Participant) -> Self {
        Self {
            user_id: IdOutput(participant.user.id.as_str()),
            name: &participant.user.name,
            joined_at: Milliseconds(participant.joined_at),
            left_at: participant.left_at.map(Milliseconds),
        }
    }
}

/// The record of a call.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::Call)]
pub struct Call<'a> {
    id: i64,
    room_id: IdOutput<'a>,
    call_type: &'a str,
    #[schema(schema_with = call_status)]
    status: CallStatus,
    initiated_by: IdOutput<'a>,
    started_at: Milliseconds,
    #[schema(required)]
    answered_at: Option<Milliseconds>,
    #[schema(required)]
    ended_at: Option<Milliseconds>,
    #[schema(required)]
    ended_by: Option<IdOutput<'a>>,
    participants: Vec<Participant<'a>>,
}

impl<'a> Call<'a> {
    /// The object of a call.
    pub fn of(call: &'a calls::Call) -> Self {
        Self {
            id: call.id,
            room_id: IdOutput(call.room.id()),
            call_type: &call.sort,
            status: call.status,
            initiated_by: IdOutput(call.initiated_by.id.as_str()),
            started_at: Milliseconds(call.started_at),
            answered_at: call.answered_at.map(Milliseconds),
            ended_at: call.ended_at.map(Milliseconds),
            ended_by: call.ended_by.as_ref().map(|by| IdOutput(by.as_str())),
            participants: call.participants.iter().map(Participant::of).collect(),
        }
    }
}

/// A new message.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::NewMessage)]
pub(super) struct NewMessage<'a> {
    id: i64,
    room_id: IdOutput<'a>,
    sender_id: IdOutput<'a>,
    content: &'a str,
    r#type: &'a str,
    #[schema(required)]
    file_url: Option<&'a str>,
    created_at: Milliseconds,
    sender: UserName<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client_id: Option<&'a str>,
}

impl<'a> NewMessage<'a> {
    pub(super) fn of(message: &'a chat::Message) -> Self {
        Self {
            id: message.id,
            room_id: IdOutput(message.room.id()),
            sender_id: IdOutput(message.sender.id.as_str()),
            content: &message.content,
            r#type: message.sort.as_deref().unwrap_or(DEFAULT_MESSAGE_TYPE),
            file_url: message.file_url.as_deref(),
            created_at: Milliseconds(message.created_at),
            sender: UserName::of(&message.sender),
            client_id: message.client_id.as_deref(),
        }
    }
}

/// A message with its edits.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = studio::Message)]
pub struct Message<'a> {
    #[serde(flatten)]
    message: NewMessage<'a>,
    is_edited: bool,
    updated_at: Milliseconds,
}

impl<'a> Message<'a> {
    /// The object of a message.
    pub fn of(message: &'a chat::Message) -> Self {
        Self { message: NewMessage::of(message), is_edited: message.edited_at.is_some(), updated_at: Milliseconds(message.updated_at()) }
    }
}
