//! The backend API.

use std::sync::Arc;

use api::backend_service::BackendService;
use auth::sign::NewTokenClaims;
use contracts::backend_api::BackendApi;
use contracts::messenger::MessengerBackendApi;
use domain::error::DomainError;
use domain::event::Event;
use domain::field::Field;
use domain::ids::UserId;
use domain::notifications::NewNotification;
use realtime::presence::{ConnectionId, OnlineUsers, Transport};
use roomcast::app::InProcessBus;
use serde_json::{Value, json};

use crate::support::{SECONDS, Server};

fn utilities(server: &Server, users: &Arc<OnlineUsers>) -> BackendService {
    BackendService::new(server.writer.clone(), Arc::new(InProcessBus::new(drop)), Arc::clone(users))
}

#[tokio::test]
async fn a_backend_event_is_stored_as_an_event_of_its_room() {
    let (server, anna) = (Server::start(), UserId::new("anna"));
    let backend = utilities(&server, &Arc::default());
    let first = backend.send_to_user(&anna, "custom:event", json!({ "a": 1 })).await.unwrap();
    let second = backend.broadcast_to_all("announcement", Value::Null).await.unwrap();
    assert!(second > first, "positions grow");
    backend.emit_new_message("5", json!({ "id": "1" })).await.unwrap();
    backend.emit_message_read("5", &anna, &[1, 2], 2).await.unwrap();
    backend.emit_message_deleted("5", 1).await.unwrap();
    backend.emit_order_update(&anna, json!({ "order": 7 })).await.unwrap();
    let emitted = server.persisted_events().await.into_iter().map(|persisted| match persisted.event {
        Event::Emitted { custom_event } => (persisted.room.to_string(), custom_event.name, custom_event.data.unwrap()),
        event => panic!("{event:?} was not emitted"),
    });
    let expected = [
        ("user:anna", "custom:event", json!({ "a": 1 })),
        ("everyone:all", "announcement", Value::Null),
        ("conversation:5", "message:new", json!({ "id": "1" })),
        ("conversation:5", "messages:read", json!({ "conversationId": "5", "messageIds": ["1", "2"], "userId": "anna", "upTo": "2" })),
        ("conversation:5", "message:deleted", json!({ "conversationId": "5", "messageId": "1" })),
        ("user:anna", "order:update", json!({ "order": 7 })),
    ];
    assert_eq!(emitted.collect::<Vec<_>>(), expected.map(|(room, name, data)| (room.to_owned(), name.to_owned(), data)));
}

#[tokio::test]
async fn a_valid_backend_notification_is_stored() {
    let server = Server::start();
    let backend = utilities(&server, &Arc::default());
    let new = |title: &str| NewNotification {
        user: UserId::new("anna"),
        kind: "info".into(),
        title: title.into(),
        message: String::new(),
        link: None,
        data: None,
    };
    let notification = backend.emit_notification_to_user(new("Hello")).await.unwrap();
    let listed = server.client("anna").get("/api/notifications").await.expect(200);
    assert_eq!(listed[0]["id"], notification.id.to_string());
    let result = backend.emit_notification_to_user(new(" ")).await;
    assert!(matches!(result, Err(DomainError::Invalid { field: Field::Title, .. })), "{result:?}");
    assert!(matches!(
        backend.send_to_user(&UserId::new("anna"), "connect", Value::Null).await,
        Err(DomainError::Invalid { field: Field::EventName, .. })
    ));
}

#[tokio::test]
async fn a_backend_reads_presence() {
    let (server, users, anna) = (Server::start(), Arc::new(OnlineUsers::default()), UserId::new("anna"));
    let backend = utilities(&server, &users);
    assert!(!backend.is_user_online(&anna));
    users.connect(&anna, ConnectionId::new(1, Transport::SocketIo), None, None, || ()).unwrap();
    assert!(backend.is_user_online(&anna));
    assert_eq!(backend.online_users_count(), 1);
}

#[tokio::test]
async fn a_reserved_event_name_is_rejected_with_its_field() {
    let server = Server::start();
    let shop =
        server.client_with(NewTokenClaims { sub: "shop".into(), role: Some("service".into()), iat: SECONDS, ..NewTokenClaims::default() });
    for name in ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"] {
        for volatile in [false, true] {
            let response = shop.post("/api/v1/emit", json!({ "to": { "everyone": true }, "event": name, "volatile": volatile })).await;
            response.expect_invalid("event", &format!("must not be {name}: clients keep that name for themselves"));
        }
    }
    assert!(server.ephemeral_events().is_empty() && server.persisted_events().await.is_empty());
}
