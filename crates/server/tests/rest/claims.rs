//! The household claim of a token makes its user a member.

use auth::sign::NewTokenClaims;
use serde_json::json;

use crate::support::{Client, SECONDS, Server, id, member};

fn client<'a>(server: &'a Server, sub: &str, iat: i64) -> Client<'a> {
    let name = match sub {
        "alice" => "Alice",
        _ => "Bob",
    };
    let household_id = Some("h-1".into());
    server.client_with(NewTokenClaims { sub: sub.into(), name: Some(name.into()), household_id, iat, ..NewTokenClaims::default() })
}

#[tokio::test]
async fn the_first_query_finds_the_household_of_the_token() {
    let server = Server::start();
    let listed = client(&server, "alice", SECONDS).get("/households").await.expect(200);
    let [home] = &listed.as_array().unwrap()[..] else { panic!("{listed}") };
    assert_eq!((id(home), &home["name"], &home["members"]), ("h-1", &json!("h-1"), &json!([member("alice", "member")])));
    client(&server, "bob", SECONDS)
        .post("/households/h-1/tasks", json!({ "title": "x", "assignedTo": ["alice", "bob"] }))
        .await
        .expect(201);
    let happened = ["membership_claimed", "membership_claimed", "task_created"].map(|name| format!("household:h-1 {name}"));
    assert_eq!(server.event_names().await, happened);
}

#[tokio::test]
async fn an_older_token_does_not_restore_a_removed_member() {
    let server = Server::start();
    client(&server, "alice", SECONDS).get("/households").await.expect(200);
    let bob = client(&server, "bob", SECONDS);
    bob.get("/households/h-1").await.expect(200);
    bob.delete("/households/h-1/members/bob").await.expect(200);
    bob.get("/households/h-1").await.expect_error(404, "not_found", "Household not found");
    bob.post("/households/h-1/tasks", json!({ "title": "x" })).await.expect_error(404, "not_found", "Household not found");
    client(&server, "bob", SECONDS + 1).get("/households/h-1").await.expect(200);
}
