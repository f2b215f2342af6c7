//! Projects and their channels.

use http::Method;
use serde_json::{Value, json};
use server::auth::mint::NewToken;

use crate::support::{Client, SECONDS, Server};

const THEN: &str = "2025-11-13T12:00:00.000000Z";

#[tokio::test]
async fn a_project_and_its_channels_have_numbers_for_ids() {
    let server = Server::start();
    let token =
        NewToken { sub: "7".into(), name: Some("Alice".into()), username: Some("alice".into()), iat: SECONDS, ..NewToken::default() };
    let alice = server.client_with(token);
    let project = alice.post("/api/v1/projects", json!({ "name": "Apollo", "memberIds": [8, "bob", 7] })).await.expect(201);
    let member = |id, username, name, role| json!({ "user_id": id, "username": username, "name": name, "role": role, "joined_at": THEN });
    assert!(project["id"].as_i64().unwrap() > 1_000_000_000_000_000);
    assert_eq!(
        project,
        json!({ "id": project["id"], "name": "Apollo", "created_by": 7, "created_at": THEN, "updated_at": THEN, "archived_at": null, "members": [
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
async fn a_project_is_its_members_own() {
    let server = Server::start();
    let project = server.client("alice").post("/api/v1/projects", json!({ "name": "Apollo" })).await.expect(201);
    let path = format!("/api/v1/projects/{}/channels", project["id"]);
    server.client("dave").post(&path, json!({ "name": "x" })).await.refused(404, "not_found", "Project not found");
    server.client("dave").get(&path).await.refused(404, "not_found", "Project not found");
    server.nobody().get("/api/v1/projects").await.refused(401, "token_missing", "No token was given");
    server.client("alice").post(&path, json!({ "title": "x" })).await.invalid("name", "is required");
    server.client("alice").get(&format!("/households/{}", project["id"])).await.refused(404, "not_found", "Household not found");
}

/// What each gets: nobody, a token that has expired, a stranger, a removed member, a member, the project's admin.
type Statuses = [u16; 6];

const MEMBERS: Statuses = [401, 401, 404, 404, 200, 200];
const MEMBERS_CREATE: Statuses = [401, 401, 404, 404, 201, 201];
const ADMINS: Statuses = [401, 401, 404, 404, 403, 200];
const ANYBODY: Statuses = [401, 401, 200, 200, 200, 200];

fn caller(server: &Server, who: usize) -> Client<'_> {
    match who {
        0 => server.nobody(),
        1 => server.client_with(NewToken { sub: "bob".into(), iat: SECONDS - 60, exp: Some(SECONDS - 1), ..NewToken::default() }),
        2 => server.client("dave"),
        3 => server.client("carol"),
        4 => server.client("bob"),
        _ => server.client("alice"),
    }
}

/// A project of alice, with bob; `carol` was in it and was removed. It has a channel, a task, and a message of bob's.
async fn project(server: &Server) -> [String; 4] {
    let alice = server.client("alice");
    let project = alice.post("/api/v1/projects", json!({ "name": "Apollo", "memberIds": ["bob", "carol"] })).await.expect(201);
    let path = format!("/api/v1/projects/{}", project["id"]);
    alice.delete(&format!("{path}/members/carol")).await.expect(200);
    let channel = alice.post(&format!("{path}/channels"), json!({ "name": "general" })).await.expect(201);
    let task = alice.post(&format!("{path}/tasks"), json!({ "title": "Launch" })).await.expect(201);
    let messages = format!("/api/v1/channels/{}/messages", channel["id"]);
    let message = server.client("bob").post(&messages, json!({ "content": "Hi" })).await.expect(201);
    [project, channel, task, message].map(|made| made["id"].to_string())
}

#[tokio::test]
async fn every_path_is_open_to_its_people_alone() {
    // Each request stands alone: with a server of its own.
    let table: &[(&str, &str, Value, Statuses)] = &[
        ("GET", "/api/v1/projects", Value::Null, ANYBODY),
        ("POST", "/api/v1/projects", json!({ "name": "Mine" }), [401, 401, 201, 201, 201, 201]),
        ("GET", "/api/v1/projects/{project}", Value::Null, MEMBERS),
        ("PUT", "/api/v1/projects/{project}", json!({ "name": "x" }), MEMBERS),
        ("POST", "/api/v1/projects/{project}/archive", Value::Null, ADMINS),
        ("POST", "/api/v1/projects/{project}/unarchive", Value::Null, ADMINS),
        ("POST", "/api/v1/projects/{project}/members", json!({ "userId": "erin" }), MEMBERS_CREATE),
        ("DELETE", "/api/v1/projects/{project}/members/bob", Value::Null, MEMBERS),
        ("DELETE", "/api/v1/projects/{project}/members/alice", Value::Null, ADMINS),
        ("GET", "/api/v1/projects/{project}/channels", Value::Null, MEMBERS),
        ("POST", "/api/v1/projects/{project}/channels", json!({ "name": "x" }), MEMBERS_CREATE),
        ("GET", "/api/v1/projects/{project}/tasks", Value::Null, MEMBERS),
        ("POST", "/api/v1/projects/{project}/tasks", json!({ "title": "x" }), MEMBERS_CREATE),
        ("GET", "/api/v1/tasks/{task}", Value::Null, MEMBERS),
        ("PUT", "/api/v1/tasks/{task}", json!({ "title": "x" }), MEMBERS),
        ("DELETE", "/api/v1/tasks/{task}", Value::Null, MEMBERS),
        ("PATCH", "/api/v1/tasks/{task}/status", json!({ "status": "done" }), MEMBERS),
        ("POST", "/api/v1/tasks/{task}/assign", json!({ "assignee": "bob" }), MEMBERS),
        ("GET", "/api/v1/channels/{channel}/messages", Value::Null, MEMBERS),
        ("POST", "/api/v1/channels/{channel}/messages", json!({ "content": "x" }), MEMBERS_CREATE),
        ("PUT", "/api/v1/messages/{message}", json!({ "content": "x" }), [401, 401, 404, 404, 200, 403]),
        ("DELETE", "/api/v1/messages/{message}", Value::Null, [401, 401, 404, 404, 200, 403]),
    ];
    for (method, path, body, statuses) in table {
        for (who, status) in statuses.iter().enumerate() {
            let server = Server::start();
            let [project, channel, task, message] = project(&server).await;
            let path = path.replace("{project}", &project).replace("{channel}", &channel);
            let path = path.replace("{task}", &task).replace("{message}", &message);
            let answered = caller(&server, who).json(method.parse::<Method>().unwrap(), &path, &[], body.clone()).await;
            assert_eq!(answered.status.as_u16(), *status, "caller {who}: {method} {path} {}", answered.text);
        }
    }
}

#[tokio::test]
async fn another_contracts_things_are_not_there() {
    let server = Server::start();
    let alice = server.client("alice");
    let home = alice.post("/households", json!({ "name": "Home" })).await.expect(201);
    let chores = format!("/households/{}/tasks", home["id"].as_str().unwrap());
    let chore = alice.post(&chores, json!({ "title": "Dishes", "assignedTo": ["alice"] })).await.expect(201);
    let path = format!("/api/v1/tasks/{}", chore["id"].as_str().unwrap());
    for refused in [
        alice.get(&path).await,
        alice.put(&path, json!({ "title": "x" })).await,
        alice.json(Method::PATCH, &format!("{path}/status"), &[], json!({ "status": "done" })).await,
        alice.post(&format!("{path}/assign"), json!({ "assignee": null })).await,
        alice.delete(&path).await,
    ] {
        refused.refused(404, "not_found", "Task not found");
    }
    let household = format!("/api/v1/projects/{}", home["id"].as_str().unwrap());
    alice.get(&household).await.refused(404, "not_found", "Project not found");
    let kept = alice.get(&format!("/tasks/{}", chore["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(kept, chore, "nothing of it remains");
}
