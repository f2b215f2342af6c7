//! The studio contract's paths. Answers are the bare object or array, with numbers for ids.

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post, put};
use domain::calls::ListCalls;
use domain::chat::{DeleteMessage, EditMessage, ListMessages, Message, SendMessage};
use domain::names::{Id, Kind, parse_id};
use domain::refusal::Refusal;
use domain::spaces::{AddMember, CreateSpace, ListSpaces, ReadSpace, RemoveMember, Space};
use http::StatusCode;

use super::Desk;
use super::answer::{Answer, Failure};
use super::body;
use super::call::Call;
use super::ids::GivenPeople;
use crate::dialects::ids::GivenId;
use crate::dialects::json;
use crate::dialects::studio::objects;
use crate::dialects::studio::payloads::MessageDeleted;

type Answered = Result<Answer, Failure>;

/// The paths.
pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/shared/chat/rooms", get(list_rooms).post(create_room))
        .route("/shared/chat/rooms/{id}", get(read_room))
        .route("/shared/chat/rooms/{id}/members", post(add_member))
        .route("/shared/chat/rooms/{id}/members/{user_id}", delete(remove_member))
        .route("/shared/chat/rooms/{id}/messages", get(list_messages).post(send_message))
        .route("/shared/chat/rooms/{id}/calls", get(list_calls))
        .route("/shared/chat/messages/{id}", put(edit_message).delete(delete_message))
}

async fn list_rooms(call: Call) -> Answered {
    let page = call.page_of(Kind::ChatRoom)?;
    let query = ListSpaces { kind: Kind::ChatRoom, page };
    call.query(query, |spaces| json(&spaces.iter().map(objects::Room::of).collect::<Vec<_>>())).await
}

async fn create_room(call: Call) -> Answered {
    let mut fields = call.fields()?;
    let command = CreateSpace {
        kind: Kind::ChatRoom,
        name: fields.required("name")?,
        members: fields.optional::<GivenPeople>("memberIds")?.map_or_else(Vec::new, |people| people.0),
    };
    fields.end()?;
    call.command(StatusCode::CREATED, command, room).await
}

async fn read_room(call: Call) -> Answered {
    let query = ReadSpace { room: call.room(Kind::ChatRoom)? };
    call.query(query, room).await
}

async fn add_member(call: Call) -> Answered {
    let place = call.room(Kind::ChatRoom)?;
    let mut fields = call.fields()?;
    let person = body::person("userId", &fields.required("userId")?)?;
    fields.end()?;
    call.command(StatusCode::CREATED, AddMember { room: place, person }, room).await
}

async fn remove_member(call: Call) -> Answered {
    let command = RemoveMember { room: call.room(Kind::ChatRoom)?, person: call.person("user_id", "Member")? };
    call.command(StatusCode::OK, command, room).await
}

async fn list_messages(call: Call) -> Answered {
    let query = ListMessages { room: call.room(Kind::ChatRoom)?, page: call.page()? };
    call.query(query, |messages| json(&messages.iter().map(objects::Message::of).collect::<Vec<_>>())).await
}

async fn send_message(call: Call) -> Answered {
    let room = call.room(Kind::ChatRoom)?;
    let mut fields = call.fields()?;
    let command = SendMessage {
        room,
        content: fields.optional("content")?.unwrap_or_default(),
        sort: fields.optional("type")?,
        file_url: fields.optional("fileUrl")?,
        metadata: None,
        client_id: fields.optional::<GivenId>("clientId")?.map(|id| id.0),
    };
    fields.pass_over(&["roomId", "senderId", "userId"]);
    fields.end()?;
    call.command(StatusCode::CREATED, command, |sent| message(&sent.message)).await
}

async fn list_calls(call: Call) -> Answered {
    let query = ListCalls { room: call.room(Kind::ChatRoom)?, page: call.page()? };
    call.query(query, |calls| json(&calls.iter().map(objects::Call::of).collect::<Vec<_>>())).await
}

async fn edit_message(call: Call) -> Answered {
    let id = message_id(&call)?;
    let mut fields = call.fields()?;
    let command = EditMessage { of: Kind::ChatRoom, message: id, content: fields.required("content")? };
    fields.pass_over(&[
        "id",
        "messageId",
        "roomId",
        "senderId",
        "type",
        "fileUrl",
        "clientId",
        "isEdited",
        "createdAt",
        "updatedAt",
        "sender",
    ]);
    fields.end()?;
    call.command(StatusCode::OK, command, message).await
}

async fn delete_message(call: Call) -> Answered {
    let command = DeleteMessage { of: Kind::ChatRoom, message: message_id(&call)? };
    call.command(StatusCode::OK, command, |message| json(&MessageDeleted::of(message.id, &message.room))).await
}

/// The message that the path names.
fn message_id(call: &Call) -> Result<Id, Refusal> {
    parse_id(call.param("id")).ok_or(Refusal::NotFound("Message"))
}

fn room(space: &Space) -> String {
    json(&objects::Room::of(space))
}

fn message(message: &Message) -> String {
    json(&objects::Message::of(message))
}
