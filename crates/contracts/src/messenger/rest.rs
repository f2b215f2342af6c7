//! The REST paths of the messenger contract. Responses are the bare object or array.

use std::sync::Arc;

use axum::middleware;
use client_json::ids::IdInput;
use client_json::json;
use domain::chat::{
    ConversationSummary, CountUnread, DeleteMessage, GetConversationSummary, ListConversationSummaries, ListMessagesWithReadState,
    MarkRead, Message, MessageWithReadState, ReadUpdate, SendMessage, SendMessageResult,
};
use domain::command::{Command, CommandContext};
use domain::error::DomainError;
use domain::field::Field;
use domain::ids::{RoomId, RoomKind, UserId, parse_id};
use domain::notifications::{
    CreateNotification, ListNotifications, MarkAllNotificationsRead, MarkNotificationRead, NewNotification, Notification,
};
use domain::spaces::{AddMember, CreateSpace, ListMembers, RemoveMember};
use domain::validation;
use http::StatusCode;
use rest_toolkit::RestState;
use rest_toolkit::api::RestApi;
use rest_toolkit::body;
use rest_toolkit::body_schema::TextBounds;
use rest_toolkit::fields::shortened;
use rest_toolkit::ids::{IdInputs, MemberPageQuery, PageQuery, SpacePageQuery, UserIdInput, UserIdInputs};
use rest_toolkit::list::{list, member_list};
use rest_toolkit::request_context::{AuthedRequest, BackendRequest};
use rest_toolkit::response::{RestError, RestResult, with_field_names};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::messenger::{field_name, objects, payloads};

/// The contract's paths.
pub(super) fn api() -> RestApi {
    RestApi {
        name: "messenger",
        about: "Conversations, messages and notifications.",
        routes: routes(),
        error_format: None,
        health_checks: &[],
    }
}

fn routes() -> OpenApiRouter<Arc<RestState>> {
    OpenApiRouter::new()
        .routes(routes!(list_conversations, create_conversation))
        .routes(routes!(read_conversation))
        .routes(routes!(list_participants, add_participant))
        .routes(routes!(remove_participant))
        .routes(routes!(list_messages, send_message))
        .routes(routes!(read_messages))
        .routes(routes!(delete_message))
        .routes(routes!(count_unread))
        .routes(routes!(list_notifications, create_notification))
        .routes(routes!(read_notification))
        .routes(routes!(read_all_notifications))
        .route_layer(middleware::map_response(|response| with_field_names(field_name, response)))
}

/// Lists the conversations of the caller, the newest first.
#[utoipa::path(get, path = "/api/conversations", params(SpacePageQuery), responses((status = 200, body = Vec<objects::Conversation>)))]
async fn list_conversations(call: AuthedRequest) -> RestResult {
    let page = call.page_of(RoomKind::Conversation)?;
    let query = ListConversationSummaries { kind: RoomKind::Conversation, page };
    call.query(query, |all| list(all, objects::Conversation::of)).await
}

/// Creates a conversation. The caller becomes a participant and its admin.
#[utoipa::path(post, path = "/api/conversations", request_body = NewConversation, responses((status = 201, body = objects::Conversation), (status = 403)))]
async fn create_conversation(call: AuthedRequest) -> RestResult {
    let NewConversation { participants, title } = call.body()?;
    let command = CreateSpace { kind: RoomKind::Conversation, members: participants.0, name: title.unwrap_or_default() };
    let work = |context: &mut CommandContext<'_>| command.execute(context).map(ConversationSummary::empty);
    call.change(StatusCode::CREATED, work, conversation).await
}

/// Reads a conversation.
#[utoipa::path(get, path = "/api/conversations/{id}", responses((status = 200, body = objects::Conversation)))]
async fn read_conversation(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Conversation)?;
    call.query(GetConversationSummary { room }, conversation).await
}

/// Lists the participants of a conversation, in the order of joining.
#[utoipa::path(
    get,
    path = "/api/conversations/{id}/participants",
    params(MemberPageQuery),
    responses((status = 200, body = Vec<objects::Participant>))
)]
async fn list_participants(call: AuthedRequest) -> RestResult {
    let query = ListMembers { room: call.room(RoomKind::Conversation)?, page: call.member_page()? };
    call.query(query, |members| member_list(members, objects::Participant::of)).await
}

/// Adds a user to a conversation.
#[utoipa::path(
    post,
    path = "/api/conversations/{id}/participants",
    request_body = NewParticipant,
    responses((status = 201, body = objects::Conversation), (status = 403))
)]
async fn add_participant(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Conversation)?;
    let NewParticipant { user } = call.body()?;
    let command = AddMember { room, user: user.0 };
    let work = |context: &mut CommandContext<'_>| {
        let space = command.execute(context)?;
        ConversationSummary::of(context.store, space, &context.actor.user)
    };
    call.change(StatusCode::CREATED, work, conversation).await
}

/// Removes a participant from a conversation; a participant may remove itself.
#[utoipa::path(
    delete,
    path = "/api/conversations/{id}/participants/{userId}",
    responses((status = 200, body = RemovedParticipant), (status = 403))
)]
async fn remove_participant(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Conversation)?;
    let user = call.user("userId", "Member")?;
    let command = RemoveMember { room: room.clone(), user: user.clone() };
    let work = move |context: &mut CommandContext<'_>| command.execute(context).map(|_| (room, user));
    let removed = |(room, user): &(RoomId, UserId)| json(&RemovedParticipant { conversation_id: room.id(), user_id: user.as_str() });
    call.change(StatusCode::OK, work, removed).await
}

/// Lists the messages of a conversation, the newest first.
#[utoipa::path(get, path = "/api/conversations/{id}/messages", params(PageQuery), responses((status = 200, body = Vec<objects::Message>)))]
async fn list_messages(call: AuthedRequest) -> RestResult {
    let (room, page) = (call.room(RoomKind::Conversation)?, call.page()?);
    call.query(ListMessagesWithReadState { room, page }, |all| list(all, objects::Message::seen)).await
}

/// Sends a message. The connections that have joined the conversation receive `message:new`.
#[utoipa::path(
    post,
    path = "/api/conversations/{id}/messages",
    request_body = NewMessage,
    responses((status = 201, body = objects::Message))
)]
async fn send_message(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Conversation)?;
    let NewMessage { content, client_id } = call.body()?;
    let client_id = client_id.map(|id| id.0);
    let command = SendMessage { room, content, sort: None, file_url: None, metadata: None, client_id };
    // A client may send a message a second time, and other users may have read it in between.
    let work = |context: &mut CommandContext<'_>| {
        let SendMessageResult { message, .. } = command.execute(context)?;
        MessageWithReadState::of(context.store, message, &context.actor.user)
    };
    call.change(StatusCode::CREATED, work, |seen| json(&objects::Message::seen(seen))).await
}

/// Marks messages and all earlier ones as read. The connections that have joined, and all connections of the reader, receive `messages:read`.
#[utoipa::path(post, path = "/api/conversations/{id}/read", request_body = ReadMark, responses((status = 200, body = payloads::Read)))]
async fn read_messages(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::Conversation)?;
    let ReadMark { messages, up_to } = call.body()?;
    let IdInputs { ids: messages, malformed } = messages.unwrap_or_default();
    // A client may name messages that it has not sent yet beside others. A request that names only such messages is rejected.
    if let Some(id) = malformed.filter(|_| messages.is_empty() && up_to.is_none()) {
        return Err(RestError::field("messageIds", &format!("must name a message; {:?} is not the id of one", shortened(id))));
    }
    let up_to = up_to.map(|id| parse_id(&id.0).ok_or(DomainError::invalid(Field::ReadUpTo, "must be the id of a message"))).transpose()?;
    let command = MarkRead { room, messages, up_to };
    call.command(StatusCode::OK, command, |read: &ReadUpdate| json(&payloads::Read::of(read))).await
}

/// Deletes a message of the caller. The connections that have joined the conversation receive `message:deleted`.
#[utoipa::path(delete, path = "/api/messages/{id}", responses((status = 200, body = payloads::MessageDeleted), (status = 403)))]
async fn delete_message(call: AuthedRequest) -> RestResult {
    let command = DeleteMessage { of: RoomKind::Conversation, message: call.number("Message")? };
    call.command(StatusCode::OK, command, |message: &Message| json(&payloads::MessageDeleted::of(&message.room, message.id))).await
}

/// Counts the messages that the caller has not read, in all conversations.
#[utoipa::path(get, path = "/api/messages/unread-count", responses((status = 200, body = Unread)))]
async fn count_unread(call: AuthedRequest) -> RestResult {
    call.query(CountUnread { kind: RoomKind::Conversation }, |count| json(&Unread { unread_count: *count })).await
}

/// Lists the notifications of the caller, the newest first.
#[utoipa::path(get, path = "/api/notifications", params(PageQuery), responses((status = 200, body = Vec<objects::Notification>)))]
async fn list_notifications(call: AuthedRequest) -> RestResult {
    let page = call.page()?;
    call.query(ListNotifications { page }, |all| list(all, objects::Notification::of)).await
}

/// Notifies a user on all connections. For backends.
#[utoipa::path(
    post,
    path = "/api/notifications",
    request_body = NewNotice,
    security(("backEnd" = [])),
    responses((status = 201, body = objects::Notification))
)]
async fn create_notification(BackendRequest(call): BackendRequest) -> RestResult {
    let NewNotice { user, kind, title, message, link, data } = call.body()?;
    let new = NewNotification { user: user.0, kind, title, message, link, data: data.map(Value::Object) };
    call.command(StatusCode::CREATED, CreateNotification(new), notification).await
}

/// Marks a notification as read. All connections of the user receive `notification:read`.
#[utoipa::path(post, path = "/api/notifications/{id}/read", responses((status = 200, body = objects::Notification)))]
async fn read_notification(call: AuthedRequest) -> RestResult {
    let command = MarkNotificationRead { notification: call.number("Notification")? };
    call.command(StatusCode::OK, command, notification).await
}

/// Marks all notifications as read. All connections of the user receive `notifications:read-all`.
#[utoipa::path(post, path = "/api/notifications/read-all", responses((status = 200, body = ReadNotifications)))]
async fn read_all_notifications(call: AuthedRequest) -> RestResult {
    call.command(StatusCode::OK, MarkAllNotificationsRead, |count| json(&ReadNotifications { count: *count })).await
}

body! {
    /// A new conversation.
    NewConversation as "messenger.NewConversation" {
        /// The members besides the caller: ids, or objects that contain an id.
        participants = "participantIds": required UserIdInputs[0..=validation::MAX_USERS],
        /// The title.
        title: optional String[0..=validation::MAX_NAME],
    }

    /// A new participant of a conversation.
    NewParticipant as "messenger.NewParticipant" {
        /// The user.
        user = "userId": required UserIdInput,
    }

    /// A new message.
    NewMessage as "messenger.NewMessage" {
        /// The text; not blank.
        content: required String[1..=validation::MAX_CONTENT],
        /// The sender's own id of the message. A repeated request with the same id returns the existing message.
        client_id = "clientId": optional IdInput[0..=validation::MAX_CLIENT_ID],
    }

    /// The messages that were read: these, or all up to one. Earlier messages count as read, too.
    ReadMark as "messenger.ReadMark" {
        /// Ids of messages of the conversation.
        messages = "messageIds": optional IdInputs,
        /// The id of the last message that was read.
        up_to = "upTo": optional IdInput,
    }

    /// A new notification.
    NewNotice as "messenger.NewNotice" {
        /// The user to notify.
        user = "userId": required UserIdInput,
        /// The type, an identifier that the backend chooses.
        kind = "type": required String[1..=validation::MAX_NOTIFICATION_KIND],
        /// The title; not blank.
        title: required String[1..=validation::MAX_NAME],
        /// The text.
        message: required String[0..=validation::MAX_NOTIFICATION],
        /// A link, or a path of the front end such as `/orders/7`.
        link: optional String[TextBounds::LinkOrPath],
        /// Further data for the front end, such as `priority`.
        data: optional Map<String, Value>,
    }
}

/// A participant who was removed from a conversation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::RemovedParticipant)]
struct RemovedParticipant<'a> {
    conversation_id: &'a str,
    user_id: &'a str,
}

/// The number of unread messages.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = messenger::Unread)]
struct Unread {
    unread_count: u64,
}

/// The number of notifications that the request marked as read.
#[derive(Serialize, ToSchema)]
#[schema(as = messenger::ReadNotifications)]
struct ReadNotifications {
    count: u64,
}

fn conversation(overview: &ConversationSummary) -> String {
    json(&objects::Conversation::of(overview))
}

fn notification(notification: &Notification) -> String {
    json(&objects::Notification::of(notification))
}
