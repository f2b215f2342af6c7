//! A repeated request with an idempotency key runs once and gets the same response.

use std::sync::atomic::Ordering;

use auth::sign::NewTokenClaims;
use http::Method;
use serde_json::{Value, json};

use crate::support::{Client, NOW, SECONDS, Server, TestResponse, household, id};

pub async fn keyed(client: &Client<'_>, method: Method, path: &str, key: &str, body: Value) -> TestResponse {
    client.json(method, path, &[("idempotency-key", key)], body).await
}

#[tokio::test]
async fn a_repeated_post_creates_once_with_the_same_response() {
    let server = Server::start();
    let alice = server.client("alice");
    let first = keyed(&alice, Method::POST, "/households", "k-1", json!({ "name": "Home" })).await;
    let repeated = keyed(&alice, Method::POST, "/households", "k-1", json!({ "name": "Home" })).await;
    assert_eq!((first.header("idempotency-replayed"), repeated.header("idempotency-replayed")), ("", "true"));
    assert_eq!(first.text, repeated.text);
    assert_eq!(first.expect(201), repeated.expect(201));
    assert_eq!(server.event_names().await.len(), 1);
    let other = keyed(&alice, Method::POST, "/households", "k-2", json!({ "name": "Home" })).await.expect(201);
    let listed = alice.get("/households").await.expect(200);
    assert_eq!((listed.as_array().unwrap().len(), id(&listed[0])), (2, id(&other)));
}

#[tokio::test]
async fn a_repeated_toggle_toggles_once() {
    let server = Server::start();
    let home = household(&server).await;
    let alice = server.client("alice");
    let task = alice.post(&format!("/households/{}/tasks", id(&home)), json!({ "title": "x" })).await.expect(201);
    let path = format!("/tasks/{}/toggle", id(&task));
    for _ in 0..3 {
        let toggled = keyed(&alice, Method::PATCH, &path, "k", Value::Null).await.expect(200);
        assert_eq!(toggled["completed"], json!(true));
    }
    assert_eq!(keyed(&alice, Method::PATCH, &path, "another", Value::Null).await.expect(200)["completed"], json!(false));
}

#[tokio::test]
async fn a_key_belongs_to_its_user_route_and_body() {
    let server = Server::start();
    let (alice, bob) = (server.client("alice"), server.client("bob"));
    let home = keyed(&alice, Method::POST, "/households", "k", json!({ "name": "Home" })).await.expect(201);
    let used = "This Idempotency-Key was used for another request; use a new one for each request";
    keyed(&alice, Method::POST, "/households", "k", json!({ "name": "Other" })).await.expect_error(409, "conflict", used);
    keyed(&bob, Method::POST, "/households", "k", json!({ "name": "Other" })).await.expect(201);
    let tasks = format!("/households/{}/tasks", id(&home));
    keyed(&alice, Method::POST, &tasks, "k", json!({ "title": "x" })).await.expect(201);
}

#[tokio::test]
async fn a_failed_request_is_not_stored() {
    let server = Server::start();
    let (alice, bob) = (server.client("alice"), server.client("bob"));
    let home = alice.post("/households", json!({ "name": "Home" })).await.expect(201);
    let tasks = format!("/households/{}/tasks", id(&home));
    keyed(&bob, Method::POST, &tasks, "k", json!({ "title": "x" })).await.expect_error(404, "not_found", "Household not found");
    bob.post(&format!("/households/{}/join", id(&home)), json!({ "inviteCode": home["inviteCode"] })).await.expect(200);
    keyed(&bob, Method::POST, &tasks, "k", json!({ "title": "x" })).await.expect(201);
}

#[tokio::test]
async fn a_key_expires_after_a_day() {
    let server = Server::start();
    let alice = server.client("alice");
    let post = async || keyed(&alice, Method::POST, "/households", "k", json!({ "name": "Home" })).await;
    let first = post().await.expect(201);
    server.clock.store(NOW.0 + 86_399_000_000, Ordering::SeqCst);
    assert_eq!(post().await.expect(201), first);
    server.clock.store(NOW.0 + 86_401_000_000, Ordering::SeqCst);
    let second = post().await;
    assert_eq!(second.header("idempotency-replayed"), "");
    assert_ne!(second.expect(201), first);
}

#[tokio::test]
async fn an_invalid_key_is_rejected_only_where_keys_are_used() {
    let server = Server::start();
    let alice = server.client("alice");
    let long = "k".repeat(256);
    for bad in ["", &long] {
        let response = keyed(&alice, Method::POST, "/households", bad, json!({ "name": "Home" })).await;
        response.expect_invalid("Idempotency-Key", "must have 1 to 255 characters");
    }
    let two = [("idempotency-key", "a"), ("idempotency-key", "b")];
    let response = alice.json(Method::POST, "/households", &two, json!({ "name": "Home" })).await;
    response.expect_invalid("Idempotency-Key", "must be one text of ASCII characters");
    for name in ["A", "B"] {
        let put = keyed(&alice, Method::PUT, "/users/alice", "k", json!({ "name": name })).await.expect(200);
        assert_eq!(put["name"], json!(name));
    }
}

#[tokio::test]
async fn a_request_that_stores_nothing_runs_once() {
    let server = Server::start();
    let service = NewTokenClaims { sub: "shop".into(), role: Some("service".into()), iat: SECONDS, ..NewTokenClaims::default() };
    let shop = server.client_with(service);
    let blink = json!({ "to": { "everyone": true }, "event": "blink", "volatile": true });
    for (path, body) in [("/api/v1/emit", blink), ("/api/v1/disconnect", json!({ "users": ["bob"] }))] {
        let first = keyed(&shop, Method::POST, path, "k", body.clone()).await;
        let repeated = keyed(&shop, Method::POST, path, "k", body.clone()).await;
        assert_eq!((first.header("idempotency-replayed"), repeated.header("idempotency-replayed")), ("", "true"), "{path}");
        assert_eq!(first.expect(200), repeated.expect(200));
        assert_eq!(server.ephemeral_events().len(), 1, "{path}");
        shop.post(path, body.clone()).await.expect(200);
        shop.post(path, body).await.expect(200);
        assert_eq!(server.ephemeral_events().len(), 2, "{path}: without a key it is done again");
    }
}

pub const GONE: &str = "This request was executed already, and its result is no longer available; do not repeat it";

/// A text whose JSON is longer than the largest stored response.
pub fn long(mark: &str) -> String {
    format!("{mark}{}", "\u{1F3E0}".repeat(5000))
}

/// As much data as a notification may have. Its response is longer than the largest stored one.
pub fn most_data() -> Value {
    json!({ "long": "x".repeat(16 * 1024 - r#"{"long":""}"#.len()) })
}

#[tokio::test]
async fn a_large_response_is_reread_and_not_repeated() {
    let server = Server::of_large_bodies();
    let alice = server.client("alice");
    let home = household(&server).await;
    let project = alice.post("/api/v1/projects", json!({ "name": "Site" })).await.expect(201);
    let channel = alice.post(&format!("/api/v1/projects/{}/channels", project["id"]), json!({ "name": "general" })).await.expect(201);
    let room = alice.post("/shared/chat/rooms", json!({ "name": "Kitchen" })).await.expect(201);
    let talk = alice.post("/api/conversations", json!({ "participantIds": ["bob"] })).await.expect(201);
    // Path, and the field that is long.
    let creating = [
        (format!("/households/{}/tasks", id(&home)), json!({ "title": "x", "description": long("a") })),
        (format!("/api/v1/projects/{}/tasks", project["id"]), json!({ "title": "x", "description": long("a") })),
        (format!("/api/v1/channels/{}/messages", channel["id"]), json!({ "content": long("a") })),
        (format!("/shared/chat/rooms/{}/messages", room["id"]), json!({ "content": long("a") })),
        (format!("/api/conversations/{}/messages", id(&talk)), json!({ "content": long("a") })),
    ];
    for (path, body) in creating {
        server.event_names().await;
        let first = keyed(&alice, Method::POST, &path, "k", body.clone()).await;
        assert!(first.text.len() > 16 * 1024, "{path}");
        let names = server.event_names().await;
        let repeated = keyed(&alice, Method::POST, &path, "k", body).await;
        assert_eq!((first.header("idempotency-replayed"), repeated.header("idempotency-replayed")), ("", "true"), "{path}");
        assert_eq!(first.expect(201), repeated.expect(201), "{path}");
        assert!(!names.is_empty() && server.event_names().await.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_large_space_is_reread() {
    let server = Server::of_large_bodies();
    let alice = server.client("alice");
    let names: Vec<String> = (0..99).map(|n| format!("{}{n}", "x".repeat(150))).collect();
    let body = json!({ "participantIds": names });
    let first = keyed(&alice, Method::POST, "/api/conversations", "k", body.clone()).await;
    let repeated = keyed(&alice, Method::POST, "/api/conversations", "k", body).await;
    assert!(first.text.len() > 16 * 1024);
    assert!(first.expect(201) == repeated.expect(201));
    assert_eq!(alice.get("/api/conversations").await.expect(200).as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_large_backend_notification_is_reread() {
    let server = Server::of_large_bodies();
    let service = NewTokenClaims { sub: "shop".into(), role: Some("service".into()), iat: SECONDS, ..NewTokenClaims::default() };
    let shop = server.client_with(service);
    let body = json!({ "userId": "bob", "type": "info", "title": "x", "message": "y", "data": most_data() });
    let first = keyed(&shop, Method::POST, "/api/notifications", "k", body.clone()).await;
    let repeated = keyed(&shop, Method::POST, "/api/notifications", "k", body).await;
    assert!(first.text.len() > 16 * 1024);
    assert_eq!(first.expect(201), repeated.expect(201));
    assert_eq!(server.client("bob").get("/api/notifications").await.expect(200).as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_reread_object_is_current_and_needs_permission() {
    let server = Server::of_large_bodies();
    let home = household(&server).await;
    let (alice, bob) = (server.client("alice"), server.client("bob"));
    let (path, body) = (format!("/households/{}/tasks", id(&home)), json!({ "title": "x", "description": long("a") }));
    let repeat = async || keyed(&bob, Method::POST, &path, "k", body.clone()).await;
    let task = repeat().await.expect(201);
    alice.put(&format!("/tasks/{}", id(&task)), json!({ "title": "changed" })).await.expect(200);
    assert_eq!(repeat().await.expect(201)["title"], json!("changed"));

    let other = json!({ "title": "x", "description": long("b") });
    let used = "This Idempotency-Key was used for another request; use a new one for each request";
    keyed(&bob, Method::POST, &path, "k", other).await.expect_error(409, "conflict", used);

    alice.delete(&format!("/households/{}/members/bob", id(&home))).await.expect(200);
    server.event_names().await;
    repeat().await.expect_error(409, "conflict", GONE);
    let join = json!({ "inviteCode": home["inviteCode"] });
    bob.post(&format!("/households/{}/join", id(&home)), join).await.expect(200);
    assert_eq!(id(&repeat().await.expect(201)), id(&task));

    alice.delete(&format!("/tasks/{}", id(&task))).await.expect(200);
    server.event_names().await;
    repeat().await.expect_error(409, "conflict", GONE);
    assert!(server.event_names().await.is_empty(), "it is not executed again");
    server.clock.store(NOW.0 + 86_401_000_000, Ordering::SeqCst);
    assert_ne!(id(&repeat().await.expect(201)), id(&task), "after a day the key is a new one");
}

#[tokio::test]
async fn concurrent_repeats_run_once() {
    let server = Server::of_large_bodies();
    let home = household(&server).await;
    let alice = server.client("alice");
    let path = format!("/households/{}/tasks", id(&home));
    for (key, description) in [("k", "short".to_owned()), ("l", long("a"))] {
        server.event_names().await;
        let repeat = || keyed(&alice, Method::POST, &path, key, json!({ "title": "x", "description": description }));
        let (a, b, c, d) = tokio::join!(repeat(), repeat(), repeat(), repeat());
        let responses = [a, b, c, d];
        assert_eq!(responses.iter().filter(|response| response.header("idempotency-replayed") != "true").count(), 1);
        let first = responses[0].body.clone();
        assert!(responses.into_iter().all(|response| response.expect(201) == first));
        assert_eq!(server.event_names().await.len(), 1);
    }
}
