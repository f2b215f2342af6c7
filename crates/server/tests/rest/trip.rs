//! Trips, and the paths about the connections themselves.

use domain::event::Signal;
use http::Method;
use serde_json::{Value, json};
use server::auth::mint::NewToken;

use crate::support::{Client, SECONDS, Server, THEN};

/// A trip of alice, with bob as a member; `carol` was one and was removed.
async fn trip(server: &Server) -> String {
    let alice = server.client("alice");
    let made = alice.post("/api/v1/trips", json!({ "name": "Rome" })).await.expect(201);
    let id = made["data"]["id"].as_str().unwrap().to_owned();
    for sub in ["bob", "carol"] {
        alice.post(&format!("/api/v1/trips/{id}/members"), json!({ "userId": sub })).await.expect(201);
    }
    alice.delete(&format!("/api/v1/trips/{id}/members/carol")).await.expect(200);
    server.told().await;
    id
}

fn admin(server: &Server) -> Client<'_> {
    server.client_with(NewToken { sub: "root".into(), role: Some("admin".into()), iat: SECONDS, ..NewToken::default() })
}

#[tokio::test]
async fn every_path_is_open_to_its_people_alone() {
    // What each gets: nobody, a stranger, a removed member, a member, an admin of the trip, an admin of the server.
    let members = [401, 404, 404, 200, 200, 404];
    let everyone = [401, 200, 200, 200, 200, 200];
    let root = [401, 403, 403, 403, 403, 200];
    let table: &[(&str, &str, Value, [u16; 6])] = &[
        ("GET", "/api/v1/trips", Value::Null, everyone),
        ("POST", "/api/v1/trips", json!({ "name": "Mine" }), [401, 201, 201, 201, 201, 201]),
        ("GET", "/api/v1/trips/{trip}", Value::Null, members),
        ("PUT", "/api/v1/trips/{trip}", json!({ "name": "Roma" }), members),
        ("DELETE", "/api/v1/trips/{trip}", Value::Null, [401, 404, 404, 403, 200, 200]),
        ("POST", "/api/v1/trips/{trip}/members", json!({ "userId": "eve" }), [401, 404, 404, 201, 201, 404]),
        ("POST", "/api/v1/trips/{trip}/members", json!({ "userId": "eve", "role": "admin" }), [401, 404, 404, 403, 201, 404]),
        ("DELETE", "/api/v1/trips/{trip}/members/bob", Value::Null, [401, 404, 404, 200, 200, 200]),
        ("DELETE", "/api/v1/trips/{trip}/members/alice", Value::Null, [401, 404, 404, 403, 200, 200]),
        ("GET", "/api/v1/socket/health", Value::Null, [200; 6]),
        ("GET", "/api/v1/socket/stats", Value::Null, root),
        ("GET", "/api/v1/socket/rooms", Value::Null, root),
        ("GET", "/api/v1/socket/my-connections", Value::Null, everyone),
        ("POST", "/api/v1/socket/test-notification", json!({ "title": "x", "message": "x" }), everyone),
        ("POST", "/api/v1/socket/test-trip-update", json!({ "tripId": "{trip}", "changes": {} }), members),
        ("POST", "/api/v1/socket/broadcast", json!({ "title": "x", "message": "x" }), root),
    ];
    for (method, path, body, statuses) in table {
        for (who, status) in statuses.iter().enumerate() {
            let server = Server::start();
            let id = trip(&server).await;
            let body: Value = serde_json::from_str(&body.to_string().replace("{trip}", &id)).unwrap();
            let client = match who {
                0 => server.nobody(),
                5 => admin(&server),
                person => server.client(["dave", "carol", "bob", "alice"][person - 1]),
            };
            let answered = client.json(method.parse::<Method>().unwrap(), &path.replace("{trip}", &id), &[], body).await;
            assert_eq!(answered.status.as_u16(), *status, "caller {who}: {method} {path} {}", answered.text);
            assert_eq!(answered.body["success"], json!(*status < 300), "{}", answered.text);
        }
    }
}

#[tokio::test]
async fn what_happens_is_told_as_facts() {
    let server = Server::start();
    let id = trip(&server).await;
    let (alice, path) = (server.client("alice"), format!("/api/v1/trips/{id}"));
    alice.put(&path, json!({ "startDate": "2026-07-01T10:00:00Z", "endDate": "2026-07-01" })).await.expect(200);
    assert_eq!(server.told().await, [format!("trip:{id} trip_updated")]);
    alice.post(&format!("{path}/members"), json!({ "userId": "bob", "role": "admin" })).await.expect(201);
    assert_eq!(server.told().await, [format!("trip:{id} role_changed")]);
    alice.delete(&format!("{path}/members/alice")).await.expect(200);
    assert_eq!(server.told().await, [format!("trip:{id} member_left"), "user:alice notification_created".to_owned()]);
    server.client("bob").delete(&path).await.expect(200);
    assert_eq!(server.told().await, [format!("trip:{id} space_deleted")]);
    server.client("bob").get(&path).await.expect(404);
}

#[tokio::test]
async fn an_announcement_is_told_once_and_stored_for_nobody() {
    let server = Server::start();
    let root = admin(&server);
    let body = json!({ "title": "Pause", "message": "" });
    for _ in 0..2 {
        let headers = [("idempotency-key", "once")];
        let answered = root.json(Method::POST, "/api/v1/socket/broadcast", &headers, body.clone()).await.expect(200);
        let told = json!({ "type": "info", "title": "Pause", "message": "", "data": null, "timestamp": THEN });
        assert_eq!(answered, json!({ "success": true, "data": told }));
    }
    let signals = server.signals();
    assert!(matches!(&signals[..], [Signal::Announced { announcement }] if announcement.title == "Pause"), "{signals:?}");
    assert!(server.told().await.is_empty());
}
