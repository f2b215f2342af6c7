//! The messenger contract's paths. Answers are the bare object or array.

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post};
use domain::chat::{
    CountUnread, DeleteMessage, ListOverviews, ListSeenMessages, Message, Overview, Read, ReadMessages, ReadOverview, Seen, SendMessage,
    Sent,
};
use domain::names::{Kind, parse_id};
use domain::notifications::{ListNotifications, NewNotification, Notification, Notify, ReadAllNotifications, ReadNotification};
use domain::operation::{Command, Tx};
use domain::refusal::Refusal;
use domain::spaces::{AddMember, CreateSpace, RemoveMember};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Desk;
use super::answer::{Answer, Failure};
use super::body;
use super::call::{BackEnd, Call};
use super::ids::{GivenIds, GivenPeople};
use crate::dialects::ids::GivenId;
use crate::dialects::json;
use crate::dialects::messenger::{objects, payloads};

type Answered = Result<Answer, Failure>;

/// The paths.
pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/api/conversations", get(list_conversations).post(create_conversation))
        .route("/api/conversations/{id}", get(read_conversation))
        .route("/api/conversations/{id}/participants", post(add_participant))
        .route("/api/conversations/{id}/participants/{user_id}", delete(remove_participant))
        .route("/api/conversations/{id}/messages", get(list_messages).post(send_message))
        .route("/api/conversations/{id}/read", post(read_messages))
        .route("/api/messages/{id}", delete(delete_message))
        .route("/api/messages/unread-count", get(count_unread))
        .route("/api/notifications", get(list_notifications).post(create_notification))
        .route("/api/notifications/{id}/read", post(read_notification))
        .route("/api/notifications/read-all", post(read_all_notifications))
}

async fn list_conversations(call: Call) -> Answered {
    let page = call.page_of(Kind::Conversation)?;
    let query = ListOverviews { kind: Kind::Conversation, page };
    call.query(query, |all| json(&all.iter().map(objects::Conversation::of).collect::<Vec<_>>())).await
}

async fn create_conversation(call: Call) -> Answered {
    let mut fields = call.fields()?;
    let command = CreateSpace {
        kind: Kind::Conversation,
        members: fields.required::<GivenPeople>("participantIds")?.0,
        name: fields.optional("title")?.unwrap_or_default(),
    };
    fields.end()?;
    let work = |tx: &mut Tx<'_>| command.decide(tx).map(Overview::empty);
    call.change(StatusCode::CREATED, work, conversation).await
}

async fn read_conversation(call: Call) -> Answered {
    let room = call.room(Kind::Conversation)?;
    call.query(ReadOverview { room }, conversation).await
}

async fn add_participant(call: Call) -> Answered {
    let room = call.room(Kind::Conversation)?;
    let mut fields = call.fields()?;
    let command = AddMember { room, person: body::person("userId", &fields.required("userId")?)? };
    fields.end()?;
    let work = |tx: &mut Tx<'_>| {
        let space = command.decide(tx)?;
        Overview::of(tx.store, space, &tx.actor.person)
    };
    call.change(StatusCode::CREATED, work, conversation).await
}

async fn remove_participant(call: Call) -> Answered {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Removed<'a> {
        conversation_id: &'a str,
        user_id: &'a str,
    }
    let room = call.room(Kind::Conversation)?;
    let person = call.person("user_id", "Member")?;
    let command = RemoveMember { room: room.clone(), person: person.clone() };
    let work = move |tx: &mut Tx<'_>| command.decide(tx).map(|_| (room, person));
    call.change(StatusCode::OK, work, |(room, person)| json(&Removed { conversation_id: room.id(), user_id: person.as_str() })).await
}

async fn list_messages(call: Call) -> Answered {
    let (room, page) = (call.room(Kind::Conversation)?, call.page()?);
    call.query(ListSeenMessages { room, page }, |all| json(&all.iter().map(objects::Message::seen).collect::<Vec<_>>())).await
}

async fn send_message(call: Call) -> Answered {
    let room = call.room(Kind::Conversation)?;
    let mut fields = call.fields()?;
    let command = SendMessage {
        room,
        content: fields.required("content")?,
        sort: None,
        file_url: None,
        metadata: None,
        client_id: fields.optional("clientId")?,
    };
    fields.end()?;
    // A message that was sent before may have been read meanwhile.
    let work = |tx: &mut Tx<'_>| {
        let Sent { message, .. } = command.decide(tx)?;
        Seen::of(tx.store, message, &tx.actor.person)
    };
    call.change(StatusCode::CREATED, work, |seen| json(&objects::Message::seen(seen))).await
}

async fn read_messages(call: Call) -> Answered {
    let room = call.room(Kind::Conversation)?;
    let mut fields = call.fields()?;
    let messages = fields.optional::<GivenIds>("messageIds")?.map_or_else(Vec::new, |ids| ids.0);
    let up_to: Option<GivenId> = fields.optional("upTo")?;
    fields.end()?;
    // An id that no message can have names none.
    let up_to = up_to.map(|id| parse_id(&id.0).ok_or(Refusal::invalid("upTo", "must be the id of a message"))).transpose()?;
    let command = ReadMessages { room, messages, up_to };
    call.command(StatusCode::OK, command, |read: &Read| json(&payloads::Read::of(read))).await
}

async fn delete_message(call: Call) -> Answered {
    let command = DeleteMessage { of: Kind::Conversation, message: call.number("Message")? };
    call.command(StatusCode::OK, command, |message: &Message| json(&payloads::MessageDeleted::of(&message.room, message.id))).await
}

async fn count_unread(call: Call) -> Answered {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Unread {
        unread_count: u64,
    }
    call.query(CountUnread { kind: Kind::Conversation }, |count| json(&Unread { unread_count: *count })).await
}

async fn list_notifications(call: Call) -> Answered {
    let page = call.page()?;
    call.query(ListNotifications { page }, |all| json(&all.iter().map(objects::Notification::of).collect::<Vec<_>>())).await
}

async fn create_notification(BackEnd(call): BackEnd) -> Answered {
    let mut fields = call.fields()?;
    let command = Notify(NewNotification {
        person: body::person("userId", &fields.required("userId")?)?,
        kind: fields.required("type")?,
        title: fields.required("title")?,
        message: fields.required("message")?,
        link: fields.optional("link")?,
        data: fields.optional::<Map<String, Value>>("data")?.map(Value::Object),
    });
    fields.end()?;
    call.command(StatusCode::CREATED, command, notification).await
}

async fn read_notification(call: Call) -> Answered {
    let command = ReadNotification { notification: call.number("Notification")? };
    call.command(StatusCode::OK, command, notification).await
}

async fn read_all_notifications(call: Call) -> Answered {
    #[derive(Serialize)]
    struct Read {
        count: u64,
    }
    call.command(StatusCode::OK, ReadAllNotifications, |count| json(&Read { count: *count })).await
}

fn conversation(overview: &Overview) -> String {
    json(&objects::Conversation::of(overview))
}

fn notification(notification: &Notification) -> String {
    json(&objects::Notification::of(notification))
}
