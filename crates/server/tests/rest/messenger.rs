//! Conversations and notifications.

use auth::sign::NewTokenClaims;
use serde_json::json;

use crate::support::{SECONDS, Server, id};

/// A conversation of alice with bob, from which carol was removed. Bob has sent a message, and has a notification.
async fn talk(server: &Server) -> (String, String) {
    let alice = server.client("alice");
    let made = alice.post("/api/conversations", json!({ "participantIds": ["bob", "carol"] })).await.expect(201);
    let room = format!("/api/conversations/{}", id(&made));
    alice.delete(&format!("{room}/participants/carol")).await.expect(200);
    let said = server.client("bob").post(&format!("{room}/messages"), json!({ "content": "Hi" })).await.expect(201);
    let notice = json!({ "userId": "bob", "type": "info", "title": "x", "message": "" });
    let service = NewTokenClaims { sub: "shop".into(), role: Some("service".into()), iat: SECONDS, ..NewTokenClaims::default() };
    server.client_with(service).post("/api/notifications", notice).await.expect(201);
    (id(&made).to_owned(), id(&said).to_owned())
}

#[tokio::test]
async fn conversation_paths_have_no_other_rooms_or_messages() {
    let server = Server::start();
    let alice = server.client("alice");
    let project = alice.post("/api/v1/projects", json!({ "name": "P" })).await.expect(201);
    let channel = alice.post(&format!("/api/v1/projects/{}/channels", project["id"]), json!({ "name": "C" })).await.expect(201);
    for other in [&project["id"], &channel["id"]] {
        alice.get(&format!("/api/conversations/{other}")).await.expect_error(404, "not_found", "Conversation not found");
        let said = alice.post(&format!("/api/conversations/{other}/messages"), json!({ "content": "x" })).await;
        said.expect_error(404, "not_found", "Conversation not found");
    }
}

#[tokio::test]
async fn a_returning_deleted_user_has_no_notifications_or_markers() {
    let server = Server::start();
    let (talk, message) = talk(&server).await;
    let alice = server.client("alice");
    alice.post(&format!("/api/conversations/{talk}/read"), json!({ "upTo": message })).await.expect(200);
    let bob = server.client("bob");
    bob.delete("/users/bob").await.expect(200);
    let history = alice.get(&format!("/api/conversations/{talk}/messages")).await.expect(200);
    assert_eq!(history[0]["sender"], json!({ "id": "bob", "name": "", "avatarUrl": null }), "what was said stays");
    let bob = server.client_with(NewTokenClaims { sub: "bob".into(), iat: SECONDS + 1, ..NewTokenClaims::default() });
    assert_eq!(bob.get("/api/notifications").await.expect(200), json!([]));
    bob.get(&format!("/api/conversations/{talk}")).await.expect_error(404, "not_found", "Conversation not found");
}

#[tokio::test]
async fn a_read_without_a_valid_message_names_the_malformed_id() {
    let server = Server::start();
    let (talk, message) = talk(&server).await;
    let (alice, path) = (server.client("alice"), format!("/api/conversations/{talk}/read"));
    let malformed = |id: &str| format!("must name a message; {id:?} is not the id of one");
    alice.post(&path, json!({ "messageIds": ["zzz", "0"] })).await.expect_invalid("messageIds", &malformed("zzz"));
    alice.post(&path, json!({ "messageIds": [-1] })).await.expect_invalid("messageIds", &malformed("-1"));
    let long = format!("{}…", "z".repeat(100));
    alice.post(&path, json!({ "messageIds": ["z".repeat(101)] })).await.expect_invalid("messageIds", &malformed(&long));
    for none in [json!({}), json!({ "messageIds": [] })] {
        alice.post(&path, none).await.expect_invalid("messageIds", "must name at least one message, or upTo be the last that was read");
    }
    let read = alice.post(&path, json!({ "messageIds": ["temporary", message] })).await.expect(200);
    assert_eq!(read["unreadCount"], 0, "a message that is named beside such an id is read");
}

#[tokio::test]
async fn a_user_with_the_longest_id_can_be_added_and_query() {
    let server = Server::start();
    let alice = server.client("alice");
    let longest = "u".repeat(200);
    server.client(&longest).get("/api/conversations").await.expect(200);
    let talk = alice.post("/api/conversations", json!({ "participantIds": [longest.clone()] })).await.expect(201);
    let seen = server.client(&longest).get("/api/conversations").await.expect(200);
    assert_eq!(seen[0]["id"], talk["id"]);
    let (wanted, longer) = ("must be a list of ids of 1 to 200 bytes, each as text or number", "u".repeat(201));
    alice.post("/api/conversations", json!({ "participantIds": [longer] })).await.expect_invalid("participantIds", wanted);
}

#[tokio::test]
async fn a_new_participant_has_read_nothing() {
    let server = Server::start();
    let (talk, _) = talk(&server).await;
    let (alice, bob) = (server.client("alice"), server.client("bob"));
    alice.post(&format!("/api/conversations/{talk}/participants"), json!({ "userId": "dave" })).await.expect(201);
    let path = format!("/api/conversations/{talk}/messages");
    let is_read = |listed: serde_json::Value| listed[0]["isRead"].clone();
    assert_eq!(is_read(bob.get(&path).await.expect(200)), json!(false), "neither by alice nor by dave");
    assert_eq!(is_read(server.client("dave").get(&path).await.expect(200)), json!(true), "dave has nothing to catch up on");
    alice.post(&format!("/api/conversations/{talk}/read"), json!({ "upTo": "9007199254740991" })).await.expect(200);
    assert_eq!(is_read(bob.get(&path).await.expect(200)), json!(true));
}
