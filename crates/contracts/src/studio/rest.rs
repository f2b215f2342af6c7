//! The REST paths of the studio contract. Responses are the bare object or array, with numbers for ids.

use std::sync::Arc;

use client_json::ids::IdInput;
use client_json::json;
use domain::calls::ListCalls;
use domain::chat::{DeleteMessage, EditMessage, ListMessages, Message, SendMessage};
use domain::error::DomainError;
use domain::ids::{EntityId, RoomKind, parse_id};
use domain::spaces::{AddMember, CreateSpace, GetSpace, ListMembers, ListSpaces, RemoveMember, Space};
use domain::validation;
use http::StatusCode;
use rest_toolkit::RestState;
use rest_toolkit::api::RestApi;
use rest_toolkit::body;
use rest_toolkit::body_schema::TextBounds;
use rest_toolkit::ids::{MemberPageQuery, PageQuery, SpacePageQuery, UserIdInput, UserIdInputs};
use rest_toolkit::list::{list, member_list};
use rest_toolkit::request_context::AuthedRequest;
use rest_toolkit::response::RestResult;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::rate_limits::MESSAGES;
use crate::studio::objects;
use crate::studio::payloads::MessageDeleted;

/// The contract's paths.
pub(super) fn api() -> RestApi {
    RestApi { name: "studio", about: "Chat rooms, messages and calls.", routes: routes(), error_format: None, health_checks: &[] }
}

fn routes() -> OpenApiRouter<Arc<RestState>> {
    OpenApiRouter::new()
        .routes(routes!(list_rooms, create_room))
        .routes(routes!(read_room))
        .routes(routes!(list_members, add_member))
        .routes(routes!(remove_member))
        .routes(routes!(list_messages, send_message))
        .routes(routes!(list_calls))
        .routes(routes!(edit_message, delete_message))
}

/// Lists the chat rooms of the caller, the newest first.
#[utoipa::path(get, path = "/shared/chat/rooms", params(SpacePageQuery), responses((status = 200, body = Vec<objects::Room>)))]
async fn list_rooms(call: AuthedRequest) -> RestResult {
    let page = call.page_of(RoomKind::ChatRoom)?;
    let query = ListSpaces { kind: RoomKind::ChatRoom, page };
    call.query(query, |spaces| list(spaces, objects::Room::of)).await
}

/// Creates a chat room. The caller becomes a member and its admin.
#[utoipa::path(post, path = "/shared/chat/rooms", request_body = NewRoom, responses((status = 201, body = objects::Room), (status = 403)))]
async fn create_room(call: AuthedRequest) -> RestResult {
    let NewRoom { name, members } = call.body()?;
    let command = CreateSpace { kind: RoomKind::ChatRoom, name, members: members.unwrap_or_default().0 };
    call.command(StatusCode::CREATED, command, room).await
}

/// Reads a chat room.
#[utoipa::path(get, path = "/shared/chat/rooms/{id}", responses((status = 200, body = objects::Room)))]
async fn read_room(call: AuthedRequest) -> RestResult {
    let query = GetSpace { room: call.room(RoomKind::ChatRoom)? };
    call.query(query, room).await
}

/// Lists the members of a chat room, in the order of joining.
#[utoipa::path(get, path = "/shared/chat/rooms/{id}/members", params(MemberPageQuery), responses((status = 200, body = Vec<objects::Member>)))]
async fn list_members(call: AuthedRequest) -> RestResult {
    let query = ListMembers { room: call.room(RoomKind::ChatRoom)?, page: call.member_page()? };
    call.query(query, |members| member_list(members, objects::Member::of)).await
}

/// Adds a user to a chat room.
#[utoipa::path(post, path = "/shared/chat/rooms/{id}/members", request_body = NewMember, responses((status = 201, body = objects::Room), (status = 403)))]
async fn add_member(call: AuthedRequest) -> RestResult {
    let place = call.room(RoomKind::ChatRoom)?;
    let NewMember { user } = call.body()?;
    call.command(StatusCode::CREATED, AddMember { room: place, user: user.0 }, room).await
}

/// Removes a member from a chat room; a member may remove itself.
#[utoipa::path(delete, path = "/shared/chat/rooms/{id}/members/{userId}", responses((status = 200, body = objects::Room), (status = 403)))]
async fn remove_member(call: AuthedRequest) -> RestResult {
    let command = RemoveMember { room: call.room(RoomKind::ChatRoom)?, user: call.user("userId", "Member")? };
    call.command(StatusCode::OK, command, room).await
}

/// Lists the messages of a chat room, the newest first.
#[utoipa::path(get, path = "/shared/chat/rooms/{id}/messages", params(PageQuery), responses((status = 200, body = Vec<objects::Message>)))]
async fn list_messages(call: AuthedRequest) -> RestResult {
    let query = ListMessages { room: call.room(RoomKind::ChatRoom)?, page: call.page()? };
    call.query(query, |messages| list(messages, objects::Message::of)).await
}

/// Sends a message. The connections in the room receive `message:new`.
#[utoipa::path(
    post,
    path = "/shared/chat/rooms/{id}/messages",
    request_body = Draft,
    responses((status = 201, body = objects::Message))
)]
async fn send_message(call: AuthedRequest) -> RestResult {
    let room = call.room(RoomKind::ChatRoom)?;
    let Draft { content, sort, file_url, client_id } = call.body()?;
    call.check_rate_limit(MESSAGES)?;
    let (content, client_id) = (content.unwrap_or_default(), client_id.map(|id| id.0));
    let command = SendMessage { room, content, sort, file_url, metadata: None, client_id };
    call.command(StatusCode::CREATED, command, |sent| message(&sent.message)).await
}

/// Lists the calls of a chat room, the newest first.
#[utoipa::path(get, path = "/shared/chat/rooms/{id}/calls", params(PageQuery), responses((status = 200, body = Vec<objects::Call>)))]
async fn list_calls(call: AuthedRequest) -> RestResult {
    let query = ListCalls { room: call.room(RoomKind::ChatRoom)?, page: call.page()? };
    call.query(query, |calls| list(calls, objects::Call::of)).await
}

/// Edits a message of the caller. The connections in the room receive `message:edited`.
#[utoipa::path(
    put,
    path = "/shared/chat/messages/{id}",
    request_body = MessageChanges,
    responses((status = 200, body = objects::Message), (status = 403))
)]
async fn edit_message(call: AuthedRequest) -> RestResult {
    let id = message_id(&call)?;
    let MessageChanges { content } = call.body()?;
    call.command(StatusCode::OK, EditMessage { of: RoomKind::ChatRoom, message: id, content }, message).await
}

/// Deletes a message of the caller. The connections in the room receive `message:deleted`.
#[utoipa::path(delete, path = "/shared/chat/messages/{id}", responses((status = 200, body = MessageDeleted), (status = 403)))]
async fn delete_message(call: AuthedRequest) -> RestResult {
    let command = DeleteMessage { of: RoomKind::ChatRoom, message: message_id(&call)? };
    call.command(StatusCode::OK, command, |message| json(&MessageDeleted::of(message.id, &message.room))).await
}

body! {
    /// A new chat room.
    NewRoom as "studio.NewRoom" {
        /// The name; not blank.
        name: required String[1..=validation::MAX_NAME],
        /// The members besides the caller: ids, or objects that contain an id.
        members = "memberIds": optional UserIdInputs[0..=validation::MAX_USERS],
    }

    /// A new member of a chat room.
    NewMember as "studio.NewMember" {
        /// The user.
        user = "userId": required UserIdInput,
    }

    /// A new message: a text, a file, or both.
    Draft as "studio.Draft" {
        /// The text; not blank, unless the message has a file.
        content: optional String[0..=validation::MAX_CONTENT],
        /// The type of the message, an identifier that the client chooses; `TEXT` if absent.
        sort = "type": optional String[TextBounds::Word],
        /// A link to the file.
        file_url = "fileUrl": optional String[TextBounds::Link],
        /// The sender's own id of the message. A repeated request with the same id returns the existing message.
        client_id = "clientId": optional IdInput[0..=validation::MAX_CLIENT_ID],
    }
    ignores ["roomId", "senderId", "userId"]

    /// The new text of a message.
    MessageChanges as "studio.MessageChanges" {
        /// The text; not blank, unless the message has a file.
        content: required String[0..=validation::MAX_CONTENT],
    }
    ignores [
        "id", "messageId", "roomId", "senderId", "type", "fileUrl", "clientId", "isEdited", "createdAt", "updatedAt", "sender",
    ]
}

/// The id of the message that the path names.
fn message_id(call: &AuthedRequest) -> Result<EntityId, DomainError> {
    parse_id(call.param("id")).ok_or(DomainError::NotFound("Message"))
}

fn room(space: &Space) -> String {
    json(&objects::Room::of(space))
}

fn message(message: &Message) -> String {
    json(&objects::Message::of(message))
}
