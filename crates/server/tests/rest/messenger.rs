//! Who may do what, for every path of the messenger contract and of a team's own back end.

use http::Method;
use serde_json::{Value, json};
use server::auth::mint::NewToken;

use crate::support::{Client, SECONDS, Server, id};

/// What each gets: nobody, a token that has expired, a stranger, a removed member, a member, the conversation's admin, a back end's token.
type Statuses = [u16; 7];

const MEMBERS: Statuses = [401, 401, 404, 404, 200, 200, 404];
const MEMBERS_CREATE: Statuses = [401, 401, 404, 404, 201, 201, 404];
const ANYBODY: Statuses = [401, 401, 200, 200, 200, 200, 200];
const BACK_ENDS: Statuses = [401, 401, 403, 403, 403, 403, 200];

fn caller(server: &Server, who: usize) -> Client<'_> {
    let token = |sub: &str, role: Option<&str>, exp| {
        server.client_with(NewToken { sub: sub.into(), role: role.map(Into::into), iat: SECONDS - 60, exp, ..NewToken::default() })
    };
    match who {
        0 => server.nobody(),
        1 => token("bob", None, Some(SECONDS - 1)),
        2 => server.client("dave"),
        3 => server.client("carol"),
        4 => server.client("bob"),
        5 => server.client("alice"),
        _ => token("shop", Some("service"), None),
    }
}

/// A conversation of alice, with bob; `carol` was in it and was removed. Bob has said something, and has a notification.
async fn talk(server: &Server) -> (String, String, String) {
    let alice = server.client("alice");
    let made = alice.post("/api/conversations", json!({ "participantIds": ["bob", "carol"] })).await.expect(201);
    let room = format!("/api/conversations/{}", id(&made));
    alice.delete(&format!("{room}/participants/carol")).await.expect(200);
    let said = server.client("bob").post(&format!("{room}/messages"), json!({ "content": "Hi" })).await.expect(201);
    let notice = json!({ "userId": "bob", "type": "info", "title": "x", "message": "" });
    let told = caller(server, 6).post("/api/notifications", notice).await.expect(201);
    (id(&made).to_owned(), id(&said).to_owned(), id(&told).to_owned())
}

#[tokio::test]
async fn every_path_is_open_to_its_people_alone() {
    // Each request stands alone: with a server of its own.
    let table: &[(&str, &str, Value, Statuses)] = &[
        ("GET", "/api/conversations", Value::Null, ANYBODY),
        ("POST", "/api/conversations", json!({ "participantIds": [] }), [401, 401, 201, 201, 201, 201, 201]),
        ("GET", "/api/conversations/{talk}", Value::Null, MEMBERS),
        ("POST", "/api/conversations/{talk}/participants", json!({ "userId": "erin" }), MEMBERS_CREATE),
        ("DELETE", "/api/conversations/{talk}/participants/bob", Value::Null, MEMBERS),
        ("DELETE", "/api/conversations/{talk}/participants/alice", Value::Null, [401, 401, 404, 404, 403, 200, 404]),
        ("GET", "/api/conversations/{talk}/messages", Value::Null, MEMBERS),
        ("POST", "/api/conversations/{talk}/messages", json!({ "content": "x" }), MEMBERS_CREATE),
        ("POST", "/api/conversations/{talk}/read", json!({ "upTo": "{message}" }), MEMBERS),
        ("DELETE", "/api/messages/{message}", Value::Null, [401, 401, 404, 404, 200, 403, 404]),
        ("GET", "/api/messages/unread-count", Value::Null, ANYBODY),
        ("GET", "/api/notifications", Value::Null, ANYBODY),
        ("POST", "/api/notifications/{notification}/read", Value::Null, [401, 401, 404, 404, 200, 404, 404]),
        ("POST", "/api/notifications/read-all", Value::Null, ANYBODY),
        (
            "POST",
            "/api/notifications",
            json!({ "userId": "bob", "type": "info", "title": "x", "message": "" }),
            [401, 401, 403, 403, 403, 403, 201],
        ),
        ("POST", "/api/v1/emit", json!({ "to": { "everyone": true }, "event": "x" }), BACK_ENDS),
        ("POST", "/api/v1/emit", json!({ "to": { "everyone": true }, "event": "x", "volatile": true }), BACK_ENDS),
        ("GET", "/api/v1/presence?users=bob", Value::Null, BACK_ENDS),
        ("GET", "/api/v1/presence/count", Value::Null, BACK_ENDS),
        ("POST", "/api/v1/disconnect", json!({ "users": ["bob"] }), BACK_ENDS),
    ];
    for (method, path, body, statuses) in table {
        for (who, status) in statuses.iter().enumerate() {
            let server = Server::start();
            let (talk, message, notification) = talk(&server).await;
            let filled = |text: &str| text.replace("{talk}", &talk).replace("{message}", &message).replace("{notification}", &notification);
            let body = serde_json::from_str(&filled(&body.to_string())).unwrap();
            let answered = caller(&server, who).json(method.parse::<Method>().unwrap(), &filled(path), &[], body).await;
            assert_eq!(answered.status.as_u16(), *status, "caller {who}: {method} {path} {}", answered.text);
            assert_eq!(answered.header("content-type"), "application/json");
        }
    }
}

#[tokio::test]
async fn a_path_of_conversations_has_no_other_rooms_and_no_other_rooms_messages() {
    let server = Server::start();
    let alice = server.client("alice");
    let project = alice.post("/api/v1/projects", json!({ "name": "P" })).await.expect(201);
    let channel = alice.post(&format!("/api/v1/projects/{}/channels", project["id"]), json!({ "name": "C" })).await.expect(201);
    for other in [&project["id"], &channel["id"]] {
        alice.get(&format!("/api/conversations/{other}")).await.refused(404, "not_found", "Conversation not found");
        let said = alice.post(&format!("/api/conversations/{other}/messages"), json!({ "content": "x" })).await;
        said.refused(404, "not_found", "Conversation not found");
    }
}

#[tokio::test]
async fn a_deleted_person_has_no_notifications_and_no_marks_when_they_come_back() {
    let server = Server::start();
    let (talk, message, _) = talk(&server).await;
    let alice = server.client("alice");
    alice.post(&format!("/api/conversations/{talk}/read"), json!({ "upTo": message })).await.expect(200);
    let bob = server.client("bob");
    bob.delete("/users/bob").await.expect(200);
    let history = alice.get(&format!("/api/conversations/{talk}/messages")).await.expect(200);
    assert_eq!(history[0]["sender"], json!({ "id": "bob", "name": "", "avatarUrl": null }), "what was said stays");
    assert_eq!(bob.get("/api/notifications").await.expect(200), json!([]));
    bob.get(&format!("/api/conversations/{talk}")).await.refused(404, "not_found", "Conversation not found");
}
