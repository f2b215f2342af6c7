//! The messenger contract's paths. Answers are the bare object or array.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use domain::notifications::{ListNotifications, NewNotification, Notification, Notify, ReadAllNotifications, ReadNotification};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Desk;
use super::answer::{Answer, Failure};
use super::body;
use super::call::{BackEnd, Call};
use crate::dialects::json;
use crate::dialects::messenger::objects;

type Answered = Result<Answer, Failure>;

/// The paths.
pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/api/notifications", get(list_notifications).post(create_notification))
        .route("/api/notifications/{id}/read", post(read_notification))
        .route("/api/notifications/read-all", post(read_all_notifications))
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

fn notification(notification: &Notification) -> String {
    json(&objects::Notification::of(notification))
}
