//! A request that comes twice is done once and answered twice.

use std::sync::atomic::Ordering;

use http::Method;
use serde_json::{Value, json};
use server::auth::mint::NewToken;

use crate::support::{Answered, Client, NOW, SECONDS, Server, household, id};

async fn keyed(client: &Client<'_>, method: Method, path: &str, key: &str, body: Value) -> Answered {
    client.json(method, path, &[("idempotency-key", key)], body).await
}

#[tokio::test]
async fn a_repeated_post_creates_once_and_is_answered_with_the_same_bytes() {
    let server = Server::start();
    let alice = server.client("alice");
    let first = keyed(&alice, Method::POST, "/households", "k-1", json!({ "name": "Home" })).await;
    let again = keyed(&alice, Method::POST, "/households", "k-1", json!({ "name": "Home" })).await;
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!(first.text, again.text);
    assert_eq!(first.expect(201), again.expect(201));
    assert_eq!(server.told().await.len(), 1);
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
async fn a_key_belongs_to_its_person_route_and_body() {
    let server = Server::start();
    let (alice, bob) = (server.client("alice"), server.client("bob"));
    let home = keyed(&alice, Method::POST, "/households", "k", json!({ "name": "Home" })).await.expect(201);
    let used = "This Idempotency-Key was used for another request; use a new one for each request";
    keyed(&alice, Method::POST, "/households", "k", json!({ "name": "Other" })).await.refused(409, "conflict", used);
    keyed(&bob, Method::POST, "/households", "k", json!({ "name": "Other" })).await.expect(201);
    let tasks = format!("/households/{}/tasks", id(&home));
    keyed(&alice, Method::POST, &tasks, "k", json!({ "title": "x" })).await.expect(201);
}

#[tokio::test]
async fn a_refused_request_is_not_remembered() {
    let server = Server::start();
    let (alice, bob) = (server.client("alice"), server.client("bob"));
    let home = alice.post("/households", json!({ "name": "Home" })).await.expect(201);
    let tasks = format!("/households/{}/tasks", id(&home));
    keyed(&bob, Method::POST, &tasks, "k", json!({ "title": "x" })).await.refused(404, "not_found", "Household not found");
    bob.post(&format!("/households/{}/join", id(&home)), json!({ "inviteCode": home["inviteCode"] })).await.expect(200);
    keyed(&bob, Method::POST, &tasks, "k", json!({ "title": "x" })).await.expect(201);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
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
async fn a_key_that_cannot_be_one_is_refused_and_where_none_is_needed_it_is_not_looked_at() {
    let server = Server::start();
    let alice = server.client("alice");
    let long = "k".repeat(256);
    for bad in ["", &long] {
        let answered = keyed(&alice, Method::POST, "/households", bad, json!({ "name": "Home" })).await;
        answered.invalid("Idempotency-Key", "must have 1 to 255 characters");
    }
    let two = [("idempotency-key", "a"), ("idempotency-key", "b")];
    let answered = alice.json(Method::POST, "/households", &two, json!({ "name": "Home" })).await;
    answered.invalid("Idempotency-Key", "must be one text of ASCII characters");
    for name in ["A", "B"] {
        let put = keyed(&alice, Method::PUT, "/users/alice", "k", json!({ "name": name })).await.expect(200);
        assert_eq!(put["name"], json!(name));
    }
}

#[tokio::test]
async fn what_leaves_nothing_in_the_store_is_done_once_too() {
    let server = Server::start();
    let service = NewToken { sub: "shop".into(), role: Some("service".into()), iat: SECONDS, ..NewToken::default() };
    let shop = server.client_with(service);
    let blink = json!({ "to": { "everyone": true }, "event": "blink", "volatile": true });
    for (path, body) in [("/api/v1/emit", blink), ("/api/v1/disconnect", json!({ "users": ["bob"] }))] {
        let first = keyed(&shop, Method::POST, path, "k", body.clone()).await;
        let again = keyed(&shop, Method::POST, path, "k", body.clone()).await;
        assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"), "{path}");
        assert_eq!(first.expect(200), again.expect(200));
        assert_eq!(server.signals().len(), 1, "{path}");
        shop.post(path, body.clone()).await.expect(200);
        shop.post(path, body).await.expect(200);
        assert_eq!(server.signals().len(), 2, "{path}: without a key it is done again");
    }
}
