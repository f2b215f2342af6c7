//! Trips, and the paths about connections.

use domain::event::EphemeralEvent;
use http::Method;
use serde_json::json;
use server::auth::sign::NewTokenClaims;

use crate::support::{Client, SECONDS, Server, THEN};

/// A trip of alice with bob as a member, from which carol was removed.
async fn trip(server: &Server) -> String {
    let alice = server.client("alice");
    let made = alice.post("/api/v1/trips", json!({ "name": "Rome" })).await.expect(201);
    let id = made["data"]["id"].as_str().unwrap().to_owned();
    for sub in ["bob", "carol"] {
        alice.post(&format!("/api/v1/trips/{id}/members"), json!({ "userId": sub })).await.expect(201);
    }
    alice.delete(&format!("/api/v1/trips/{id}/members/carol")).await.expect(200);
    server.event_names().await;
    id
}

fn admin(server: &Server) -> Client<'_> {
    server.client_with(NewTokenClaims { sub: "root".into(), role: Some("admin".into()), iat: SECONDS, ..NewTokenClaims::default() })
}

#[tokio::test]
async fn changes_are_published_as_events() {
    let server = Server::start();
    let id = trip(&server).await;
    let (alice, path) = (server.client("alice"), format!("/api/v1/trips/{id}"));
    alice.put(&path, json!({ "startDate": "2026-07-01T10:00:00Z", "endDate": "2026-07-01" })).await.expect(200);
    assert_eq!(server.event_names().await, [format!("trip:{id} trip_updated")]);
    alice.post(&format!("{path}/members"), json!({ "userId": "bob", "role": "admin" })).await.expect(201);
    assert_eq!(server.event_names().await, [format!("trip:{id} role_changed")]);
    alice.delete(&format!("{path}/members/alice")).await.expect(200);
    assert_eq!(
        server.event_names().await,
        [format!("trip:{id} member_left"), "user:alice removed".to_owned(), "user:alice notification_created".to_owned()]
    );
    server.client("bob").delete(&path).await.expect(200);
    assert_eq!(server.event_names().await, [format!("trip:{id} space_deleted")]);
    server.client("bob").get(&path).await.expect(404);
}

#[tokio::test]
async fn an_announcement_is_sent_once_and_stored_for_no_user() {
    let server = Server::start();
    let root = admin(&server);
    let body = json!({ "title": "Pause", "message": "" });
    for _ in 0..2 {
        let headers = [("idempotency-key", "once")];
        let response = root.json(Method::POST, "/api/v1/socket/broadcast", &headers, body.clone()).await.expect(200);
        let body = json!({ "type": "info", "title": "Pause", "message": "", "data": null, "timestamp": THEN });
        assert_eq!(response, json!({ "success": true, "data": body }));
    }
    let ephemeral_events = server.ephemeral_events();
    assert!(
        matches!(&ephemeral_events[..], [EphemeralEvent::Announced { announcement }] if announcement.title == "Pause"),
        "{ephemeral_events:?}"
    );
    assert!(server.event_names().await.is_empty());
}

#[tokio::test]
async fn a_test_request_needs_no_body() {
    let server = Server::start();
    let id = trip(&server).await;
    for client in [server.client("alice"), server.client("bob")] {
        let body = client.send(Method::POST, "/api/v1/socket/test-notification", &[], axum::body::Body::empty()).await.expect(200);
        assert_eq!((&body["data"]["title"], &body["data"]["type"]), (&json!("Test notification"), &json!("info")));
        let body = client.send(Method::POST, "/api/v1/socket/test-trip-update", &[], axum::body::Body::empty()).await.expect(200);
        assert_eq!(body["data"], json!({ "tripId": id, "changes": { "test": true } }));
    }
    let newer = server.client("bob").post("/api/v1/trips", json!({ "name": "Oslo" })).await.expect(201);
    let body = server.client("bob").post("/api/v1/socket/test-trip-update", json!({})).await.expect(200);
    assert_eq!(body["data"]["tripId"], newer["data"]["id"]);
    let nowhere = server.client("carol").post("/api/v1/socket/test-trip-update", json!({})).await;
    assert_eq!(nowhere.status, 400);
    assert_eq!(nowhere.body["error"], "tripId: is required: the caller is in no trip");
}
