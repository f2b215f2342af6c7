//! Trips, and the paths about connections.

use std::sync::atomic::Ordering;

use auth::sign::NewTokenClaims;
use domain::command::Actor;
use domain::event::EphemeralEvent;
use domain::users::PurgeUnseenUsers;
use http::Method;
use serde_json::json;

use crate::idempotency::{GONE, keyed, long, most_data};
use crate::support::{Client, NOW, SECONDS, Server, THEN};

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

#[tokio::test]
async fn unknown_path_of_the_contract_has_its_error_format() {
    let server = Server::start();
    for path in ["/api/v1/trips/1/2", "/api/v1/socket", "/api/v1/socket/nothing"] {
        let response = server.anonymous().get(path).await.expect(404);
        assert_eq!(response, json!({ "success": false, "error": "Not found", "code": "not_found" }), "{path}");
    }
    server.anonymous().get("/api/v1/tripsters").await.expect_error(404, "not_found", "Not found");
}

#[tokio::test]
async fn repeated_creation_with_a_large_response_runs_once() {
    let server = Server::of_large_bodies();
    let alice = server.client("alice");
    let body = json!({ "name": "Rome", "description": long("a") });
    let first = keyed(&alice, Method::POST, "/api/v1/trips", "k", body.clone()).await;
    assert!(first.text.len() > 16 * 1024);
    let events = server.event_names().await;
    let again = keyed(&alice, Method::POST, "/api/v1/trips", "k", body).await;
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!(first.expect(201), again.expect(201));
    assert!(!events.is_empty() && server.event_names().await.is_empty());
}

#[tokio::test]
async fn unseen_users_without_a_space_are_removed_after_a_day() {
    let server = Server::start();
    let alice = server.client("alice");
    let root =
        server.client_with(NewTokenClaims { sub: "root".into(), role: Some("admin".into()), iat: SECONDS, ..NewTokenClaims::default() });
    let trip = alice.post("/api/v1/trips", json!({ "name": "Rome" })).await.expect(201)["data"]["id"].clone();
    let members = format!("/api/v1/trips/{}/members", trip.as_str().unwrap());
    for user in ["removed", "here", "signed", "changed"] {
        alice.post(&members, json!({ "userId": user })).await.expect(201);
    }
    server.client("signed").get("/users/signed").await.expect(200);
    server.clock.store(NOW.0 + 1, Ordering::SeqCst);
    root.put("/users/changed", json!({ "name": "Changed" })).await.expect(200);
    let other = alice.post("/api/v1/trips", json!({ "name": "Oslo" })).await.expect(201)["data"]["id"].clone();
    let other = format!("/api/v1/trips/{}", other.as_str().unwrap());
    alice.post(&format!("{other}/members"), json!({ "userId": "of-deleted" })).await.expect(201);
    alice.delete(&other).await.expect(200);
    for user in ["removed", "signed", "changed"] {
        alice.delete(&format!("{members}/{user}")).await.expect(200);
    }
    let forget = async || server.run(Actor::server(), PurgeUnseenUsers).await;
    let status = async |user: &str| root.get(&format!("/users/{user}")).await.status.as_u16();
    server.clock.store(NOW.0 + 86_400_000_000, Ordering::SeqCst);
    assert!(!forget().await);
    assert_eq!(status("removed").await, 200, "for a day the user is kept");
    server.clock.store(NOW.0 + 86_401_000_000, Ordering::SeqCst);
    server.event_names().await;
    assert!(!forget().await);
    assert!(server.event_names().await.is_empty());
    for (user, expected) in [("removed", 404), ("of-deleted", 404), ("here", 200), ("signed", 200), ("changed", 200), ("alice", 200)] {
        assert_eq!(status(user).await, expected, "{user}");
    }
    // A user who signs in later finds the earlier notifications.
    let removed = server.client("removed");
    let notices = removed.get("/api/notifications").await.expect(200);
    assert_eq!(notices.as_array().unwrap().len(), 2, "{notices}");
    alice.post(&members, json!({ "userId": "removed" })).await.expect(201);
}

#[tokio::test]
async fn large_response_that_is_not_stored_is_not_repeated() {
    let server = Server::of_large_bodies();
    let root =
        server.client_with(NewTokenClaims { sub: "root".into(), role: Some("admin".into()), iat: SECONDS, ..NewTokenClaims::default() });
    let body = json!({ "title": "Pause", "message": "", "data": most_data() });
    keyed(&root, Method::POST, "/api/v1/socket/broadcast", "k", body.clone()).await.expect(200);
    let again = keyed(&root, Method::POST, "/api/v1/socket/broadcast", "k", body).await;
    assert_eq!((again.status.as_u16(), &again.body["error"]), (409, &json!(GONE)));
    assert_eq!(server.ephemeral_events().len(), 1);
}

#[tokio::test]
async fn health_check_fails_if_the_database_cannot_be_written() {
    let server = Server::start();
    server.writer.close();
    server.anonymous().get("/api/v1/socket/health").await.expect(503);
}
