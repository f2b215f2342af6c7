//! The client events of the messenger contract. Their argument is an id, or an object that contains it.

use client_json::ids::IdInput;
use client_json::json;
use domain::command::{Command, CommandContext};
use domain::error::DomainError;
use domain::ids::{EntityId, RoomId, RoomKind, UserId, parse_id};
use domain::notifications::{MarkAllNotificationsRead, MarkNotificationRead};
use serde::Deserialize;
use utoipa::ToSchema;
use wire::socketio::Args;

use super::payloads::{AllRead, NotificationRead};
use crate::acknowledgements::ConstBool;
use crate::event_schema::{id_argument, invalid_field, object};
use crate::{ClientAction, Reply, SocketCommand};

/// The most users that one request may name.
const MAX_STATUSES: usize = 200;

/// The id of a conversation.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::ConversationNamed)]
pub(super) struct ConversationRef {
    conversation_id: IdInput,
}

/// The id of a user.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::UserNamed)]
pub(super) struct UserRef {
    user_id: IdInput,
}

/// The ids of users, at most 200.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::UsersNamed)]
pub(super) struct UserRefs {
    user_ids: Vec<IdInput>,
}

/// The id of a notification.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::NotificationNamed)]
pub(super) struct NotificationRef {
    notification_id: IdInput,
}

impl From<ConversationRef> for IdInput {
    fn from(named: ConversationRef) -> Self {
        named.conversation_id
    }
}

impl From<UserRef> for IdInput {
    fn from(named: UserRef) -> Self {
        named.user_id
    }
}

impl From<NotificationRef> for IdInput {
    fn from(named: NotificationRef) -> Self {
        named.notification_id
    }
}

pub(super) fn conversation_of(args: &Args<'_>) -> Result<RoomId, DomainError> {
    let room = id_argument::<ConversationRef>(args).and_then(|id| RoomKind::Conversation.room_from_external_id(&id.0));
    room.ok_or_else(|| invalid_field(args, "conversationId", "must be the id of a conversation, as text or number"))
}

pub(super) fn user_of(args: &Args<'_>) -> Result<UserId, DomainError> {
    let user = id_argument::<UserRef>(args).and_then(|id| UserId::parse(&id.0));
    user.ok_or_else(|| invalid_field(args, "userId", "must be the id of a user, as text or number"))
}

pub(super) fn users_of(args: &Args<'_>) -> Result<Vec<UserId>, DomainError> {
    let wanted = || invalid_field(args, "userIds", format!("must be a list of at most {MAX_STATUSES} ids, each as text or number"));
    let ids = match object::<UserRefs>(args) {
        Some(named) => Some(named.user_ids),
        None => args.get(0).and_then(|arg| serde_json::from_str::<Vec<IdInput>>(arg).ok()),
    };
    let ids = ids.ok_or_else(wanted)?;
    if ids.len() > MAX_STATUSES {
        return Err(wanted());
    }
    ids.iter().map(|id| UserId::parse(&id.0).ok_or_else(wanted)).collect()
}

pub(super) fn notification_of(args: &Args<'_>) -> Result<EntityId, DomainError> {
    let wanted = || invalid_field(args, "notificationId", "must be the id of a notification, as text or number");
    let id = id_argument::<NotificationRef>(args).ok_or_else(wanted)?;
    // A malformed id is not found.
    parse_id(&id.0).ok_or(DomainError::NotFound("Notification"))
}

/// Marks a notification as read. Its output is the id, which the acknowledgement repeats.
#[derive(Clone)]
struct ReadNotification(EntityId);

impl Command for ReadNotification {
    type Output = EntityId;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<EntityId, DomainError> {
        MarkNotificationRead { notification: self.0 }.execute(context)?;
        Ok(self.0)
    }
}

pub(super) fn read(notification: EntityId) -> ClientAction {
    ClientAction::Execute(SocketCommand::new(ReadNotification(notification), |notification, request| {
        Reply::ack_if(request.acked, || json(&NotificationRead { ok: ConstBool, notification_id: notification.to_string() }))
    }))
}

pub(super) fn read_all() -> ClientAction {
    ClientAction::Execute(SocketCommand::new(MarkAllNotificationsRead, |&count, request| {
        Reply::ack_if(request.acked, || json(&AllRead { ok: ConstBool, count }))
    }))
}
