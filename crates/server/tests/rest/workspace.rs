//! Projects and their channels.

use auth::sign::NewTokenClaims;
use http::Method;
use serde_json::json;

use crate::support::{SECONDS, Server};

const THEN: &str = "2025-11-13T12:00:00.000000Z";

#[tokio::test]
async fn projects_and_channels_have_numeric_ids() {
    let server = Server::start();
    let token = NewTokenClaims {
        sub: "7".into(),
        name: Some("Alice".into()),
        username: Some("alice".into()),
        iat: SECONDS,
        ..NewTokenClaims::default()
    };
    let alice = server.client_with(token);
    let project = alice.post("/api/v1/projects", json!({ "name": "Apollo", "memberIds": [8, "bob", 7] })).await.expect(201);
    let member = |id, username, name, role| json!({ "user_id": id, "username": username, "name": name, "role": role, "joined_at": THEN });
    assert!(project["id"].as_i64().unwrap() > 1_000_000_000_000_000);
    assert_eq!(
        project,
        json!({ "id": project["id"], "name": "Apollo", "created_by": 7, "created_at": THEN, "updated_at": THEN, "archived_at": null, "member_count": 3, "members": [
            member(json!(7), "alice", "Alice", "admin"), member(json!(8), "8", "", "member"), member(json!("bob"), "bob", "", "member")] })
    );

    let path = format!("/api/v1/projects/{}/channels", project["id"]);
    let channel = server.client("8").post(&path, json!({ "name": "general" })).await.expect(201);
    assert_eq!(
        channel,
        json!({ "id": channel["id"], "project_id": project["id"], "name": "general", "created_by": 8, "created_at": THEN, "updated_at": THEN })
    );
    assert!(channel["id"].as_i64().unwrap() > project["id"].as_i64().unwrap());
    let second = alice.post(&path, json!({ "name": "random" })).await.expect(201);
    assert_eq!(alice.get(&path).await.expect(200), json!([second, channel]));
    assert_eq!(alice.get(&format!("{path}?limit=1&before={}", second["id"])).await.expect(200), json!([channel]));
    let listed = server.client("bob").get("/api/v1/projects").await.expect(200);
    assert_eq!(listed[0]["id"], project["id"]);
}

#[tokio::test]
async fn fields_may_have_either_spelling() {
    let server = Server::start();
    let alice = server.client("alice");
    for name in ["memberIds", "member_ids"] {
        let project = alice.post("/api/v1/projects", json!({ "name": "Apollo", name: ["bob"] })).await.expect(201);
        assert_eq!(project["members"].as_array().unwrap().len(), 2, "{name}");
        let path = format!("/api/v1/projects/{}/members", project["id"]);
        for (name, user) in [("userId", "carol"), ("user_id", "dave")] {
            alice.post(&path, json!({ name: user })).await.expect(201);
        }
        alice.post(&path, json!({ "user_id": [] })).await.expect_invalid("user_id", "must be an id of 1 to 200 bytes, as text or number");
        alice.post(&path, json!({})).await.expect_invalid("userId", "is required");
        alice.post(&path, json!({ "userId": "x", "user_id": "y" })).await.expect_invalid("user_id", "is not a field of this request");
    }
}

#[tokio::test]
async fn a_whole_task_may_be_posted() {
    let server = Server::start();
    let alice = server.client("alice");
    let project = alice.post("/api/v1/projects", json!({ "name": "Apollo" })).await.expect(201);
    let path = format!("/api/v1/projects/{}/tasks", project["id"]);
    let task = alice.post(&path, json!({ "title": "Build", "status": "doing", "assignee": "alice" })).await.expect(201);
    let mut copy = task.clone();
    copy["priorty"] = json!("high");
    let response = alice.post(&path, copy).await;
    assert_eq!(response.header("warning"), "299 roomcast \"priorty is not a field of this request; was priority meant?\"");
    let made = response.expect(201);
    assert_eq!((&made["status"], &made["assignee"], &made["priority"]), (&json!("doing"), &task["assignee"], &json!("medium")));
}

#[tokio::test]
async fn a_project_is_visible_to_its_members_only() {
    let server = Server::start();
    let project = server.client("alice").post("/api/v1/projects", json!({ "name": "Apollo" })).await.expect(201);
    let path = format!("/api/v1/projects/{}/channels", project["id"]);
    server.client("dave").post(&path, json!({ "name": "x" })).await.expect_error(404, "not_found", "Project not found");
    server.client("dave").get(&path).await.expect_error(404, "not_found", "Project not found");
    server.anonymous().get("/api/v1/projects").await.expect_error(401, "token_missing", "No token was given");
    server.client("alice").post(&path, json!({ "title": "x" })).await.expect_invalid("name", "is required");
    server.client("alice").get(&format!("/households/{}", project["id"])).await.expect_error(404, "not_found", "Household not found");
}

#[tokio::test]
async fn objects_of_another_contract_are_not_found() {
    let server = Server::start();
    let alice = server.client("alice");
    let home = alice.post("/households", json!({ "name": "Home" })).await.expect(201);
    let tasks = format!("/households/{}/tasks", home["id"].as_str().unwrap());
    let task = alice.post(&tasks, json!({ "title": "Dishes", "assignedTo": ["alice"] })).await.expect(201);
    let path = format!("/api/v1/tasks/{}", task["id"].as_str().unwrap());
    for response in [
        alice.get(&path).await,
        alice.put(&path, json!({ "title": "x" })).await,
        alice.json(Method::PATCH, &format!("{path}/status"), &[], json!({ "status": "done" })).await,
        alice.post(&format!("{path}/assign"), json!({ "assignee": null })).await,
        alice.delete(&path).await,
    ] {
        response.expect_error(404, "not_found", "Task not found");
    }
    let household = format!("/api/v1/projects/{}", home["id"].as_str().unwrap());
    alice.get(&household).await.expect_error(404, "not_found", "Project not found");
    let stored = alice.get(&format!("/tasks/{}", task["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(stored, task, "nothing of it remains");
}

#[tokio::test]
async fn a_client_id_that_is_too_long_is_named_by_its_field() {
    let server = Server::start();
    let alice = server.client("alice");
    let project = alice.post("/api/v1/projects", json!({ "name": "Apollo" })).await.expect(201);
    let channel = alice.post(&format!("/api/v1/projects/{}/channels", project["id"]), json!({ "name": "general" })).await.expect(201);
    let room = alice.post("/shared/chat/rooms", json!({ "name": "Kitchen" })).await.expect(201);
    for (path, field) in [
        (format!("/api/v1/channels/{}/messages", channel["id"]), "client_id"),
        (format!("/shared/chat/rooms/{}/messages", room["id"]), "clientId"),
    ] {
        let message = |length| json!({ "content": "Hello", field: "x".repeat(length) });
        alice.post(&path, message(201)).await.expect_invalid(field, "must have at most 200 characters");
        alice.post(&path, message(200)).await.expect(201);
    }
}
