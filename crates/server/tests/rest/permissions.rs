//! Who may do what, for every path of the household contract.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Client, Server, household, id};

/// What each gets: nobody, a stranger, a removed member, a member, an admin.
type Statuses = [u16; 5];

const MEMBERS: Statuses = [401, 404, 404, 200, 200];
const MEMBERS_CREATE: Statuses = [401, 404, 404, 201, 201];

#[tokio::test]
async fn every_path_is_open_to_its_people_alone() {
    // Each request stands alone: with a server of its own.
    let table: &[(&str, &str, Value, Statuses)] = &[
        ("GET", "/households", Value::Null, [401, 200, 200, 200, 200]),
        ("POST", "/households", json!({ "name": "Mine" }), [401, 201, 201, 201, 201]),
        ("GET", "/households/{home}", Value::Null, MEMBERS),
        ("PUT", "/households/{home}", json!({ "name": "Ours" }), MEMBERS),
        ("POST", "/households/{home}/join", json!({ "inviteCode": "{code}" }), [401, 200, 200, 200, 200]),
        ("POST", "/households/{home}/join", json!({ "inviteCode": "WRONG" }), [401, 400, 400, 200, 200]),
        ("POST", "/households/{home}/invite/refresh", Value::Null, MEMBERS),
        ("DELETE", "/households/{home}/members/bob", Value::Null, [401, 404, 404, 200, 200]),
        ("DELETE", "/households/{home}/members/alice", Value::Null, [401, 404, 404, 403, 200]),
        ("GET", "/households/{home}/tasks", Value::Null, MEMBERS),
        ("POST", "/households/{home}/tasks", json!({ "title": "x" }), MEMBERS_CREATE),
        ("GET", "/tasks/{task}", Value::Null, MEMBERS),
        ("PUT", "/tasks/{task}", json!({ "title": "y" }), MEMBERS),
        ("DELETE", "/tasks/{task}", Value::Null, MEMBERS),
        ("PATCH", "/tasks/{task}/toggle", Value::Null, MEMBERS),
        ("POST", "/tasks/{task}/assign", json!({ "userId": "bob" }), MEMBERS),
        ("DELETE", "/tasks/{task}/assign/alice", Value::Null, MEMBERS),
        ("GET", "/users/alice", Value::Null, MEMBERS),
        ("PUT", "/users/alice", json!({ "name": "A" }), [401, 404, 404, 403, 200]),
        ("DELETE", "/users/alice", Value::Null, [401, 404, 404, 403, 200]),
    ];
    for (method, path, body, statuses) in table {
        for (who, status) in statuses.iter().enumerate() {
            let server = Server::start();
            let home = household(&server).await;
            let tasks = format!("/households/{}/tasks", id(&home));
            let task = server.client("alice").post(&tasks, json!({ "title": "x", "assignedTo": ["alice"] })).await.expect(201);
            let path = path.replace("{home}", id(&home)).replace("{task}", id(&task));
            let body = body.to_string().replace("{code}", home["inviteCode"].as_str().unwrap());
            let client = caller(&server, who);
            let answered = client.json(method.parse::<Method>().unwrap(), &path, &[], serde_json::from_str(&body).unwrap()).await;
            assert_eq!(answered.status.as_u16(), *status, "caller {who}: {method} {path} {}", answered.text);
            assert_eq!(answered.header("content-type"), "application/json");
        }
    }
}

fn caller(server: &Server, who: usize) -> Client<'_> {
    match who {
        0 => server.nobody(),
        1 => server.client("dave"),
        2 => server.client("carol"),
        3 => server.client("bob"),
        _ => server.client("alice"),
    }
}
