//! Client events of the messenger contract, with an id alone, or an object that contains it.

use domain::ids::{EntityId, RoomKind, UserId, RoomId, parse_id};
use domain::notifications::{MarkAllNotificationsRead, MarkNotificationRead};
use domain::command::{Command, CommandContext};
use domain::error::DomainError;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use wire::socketio::Args;

use super::payloads::{AllRead, NotificationRead};
use crate::dialects::answers::Always;
use crate::dialects::ids::GivenId;
use crate::dialects::vocabulary::{named, object, wrong};
use crate::dialects::{Ask, json};

/// The most users that one request may name.
const MOST_STATUSES: usize = 200;

/// What names a conversation.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::ConversationNamed)]
pub(super) struct ConversationNamed {
    conversation_id: GivenId,
}

/// What names a person.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::UserNamed)]
pub(super) struct UserNamed {
    user_id: GivenId,
}

/// What names people, at most 200.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::UsersNamed)]
pub(super) struct UsersNamed {
    user_ids: Vec<GivenId>,
}

/// What names a notification.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::NotificationNamed)]
pub(super) struct NotificationNamed {
    notification_id: GivenId,
}

impl From<ConversationNamed> for GivenId {
    fn from(named: ConversationNamed) -> Self {
        named.conversation_id
    }
}

impl From<UserNamed> for GivenId {
    fn from(named: UserNamed) -> Self {
        named.user_id
    }
}

impl From<NotificationNamed> for GivenId {
    fn from(named: NotificationNamed) -> Self {
        named.notification_id
    }
}

pub(super) fn conversation_of(args: &Args<'_>) -> Result<RoomId, DomainError> {
    let room = named::<ConversationNamed>(args).and_then(|id| RoomKind::Conversation.room_from_external_id(&id.0));
    room.ok_or_else(|| wrong(args, "conversationId", "must be the id of a conversation, as text or number"))
}

pub(super) fn person_of(args: &Args<'_>) -> Result<UserId, DomainError> {
    let person = named::<UserNamed>(args).and_then(|id| UserId::parse(&id.0));
    person.ok_or_else(|| wrong(args, "userId", "must be the id of a user, as text or number"))
}

pub(super) fn people_of(args: &Args<'_>) -> Result<Vec<UserId>, DomainError> {
    let wanted = || wrong(args, "userIds", format!("must be a list of at most {MOST_STATUSES} ids, each as text or number"));
    let ids = match object::<UsersNamed>(args) {
        Some(named) => Some(named.user_ids),
        None => args.get(0).and_then(|arg| serde_json::from_str::<Vec<GivenId>>(arg).ok()),
    };
    let ids = ids.ok_or_else(wanted)?;
    if ids.len() > MOST_STATUSES {
        return Err(wanted());
    }
    ids.iter().map(|id| UserId::parse(&id.0).ok_or_else(wanted)).collect()
}

pub(super) fn notification_of(args: &Args<'_>) -> Result<EntityId, DomainError> {
    let wanted = || wrong(args, "notificationId", "must be the id of a notification, as text or number");
    let id = named::<NotificationNamed>(args).ok_or_else(wanted)?;
    // A malformed id is not found.
    parse_id(&id.0).ok_or(DomainError::NotFound("Notification"))
}

pub(super) fn read(notification: EntityId) -> Ask {
    Ask::Change(Box::new(move |tx: &mut CommandContext<'_>| {
        MarkNotificationRead { notification }.execute(tx)?;
        Ok(Value::String(json(&NotificationRead { ok: Always, notification_id: notification.to_string() })))
    }))
}

pub(super) fn read_all() -> Ask {
    Ask::Change(Box::new(|tx: &mut CommandContext<'_>| {
        let count = MarkAllNotificationsRead.execute(tx)?;
        Ok(Value::String(json(&AllRead { ok: Always, count })))
    }))
}
