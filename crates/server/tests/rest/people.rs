//! Profiles.

use serde_json::json;
use server::auth::mint::NewToken;

use crate::support::{SECONDS, Server, household, id, member, user, with};

#[tokio::test]
async fn a_person_is_known_from_the_first_request_and_keeps_what_they_set() {
    let server = Server::start();
    let token = |name: &str, email| {
        let (sub, name, email) = ("alice".into(), Some(name.into()), Some(String::from(email)));
        server.client_with(NewToken { sub, name, email, iat: SECONDS, ..NewToken::default() })
    };
    let first = token("Alice", "a@example.com").get("/users/alice").await.expect(200);
    assert_eq!(first, with(user("alice"), json!({ "email": "a@example.com" })));

    let change = json!({ "name": "Alicia", "avatarUrl": "https://example.com/a.png" });
    let changed = with(first.clone(), change.clone());
    assert_eq!(token("Alice", "a@example.com").put("/users/alice", change).await.expect(200), changed);
    // A later token fills what is empty and undoes nothing.
    assert_eq!(token("Somebody", "b@example.com").get("/users/alice").await.expect(200), changed);
    let bare = with(changed.clone(), json!({ "avatarUrl": null }));
    assert_eq!(token("Alice", "a@example.com").put("/users/alice", with(changed, json!({ "avatarUrl": null }))).await.expect(200), bare);
}

#[tokio::test]
async fn a_profile_is_told_in_each_household_of_the_person() {
    let server = Server::start();
    let alice = server.client("alice");
    let mut rooms = Vec::new();
    for name in ["Home", "Cabin"] {
        let made = alice.post("/households", json!({ "name": name })).await.expect(201);
        rooms.push(format!("household:{} profile_updated", id(&made)));
    }
    server.told().await;
    alice.put("/users/alice", json!({ "name": "Alicia" })).await.expect(200);
    let mut told = server.told().await;
    told.sort();
    assert_eq!(told, rooms);
    alice.put("/users/alice", json!({ "name": "Alicia" })).await.expect(200);
    assert_eq!(server.told().await, [""; 0]);
}

#[tokio::test]
async fn a_profile_has_checked_fields() {
    let server = Server::start();
    let alice = server.client("alice");
    let link = "must be a link that starts with https:// or http://, or null";
    alice.put("/users/alice", json!({ "avatarUrl": "javascript:alert(1)" })).await.invalid("avatarUrl", link);
    alice.put("/users/alice", json!({ "avatarUrl": 5 })).await.invalid("avatarUrl", "must be text");
    alice.put("/users/alice", json!({ "name": " " })).await.invalid("name", "must have 1 to 200 characters and not be blank");
    alice.put("/users/alice", json!({ "password": "x" })).await.invalid("password", "is not a field of this request");
}

#[tokio::test]
async fn who_is_deleted_leaves_every_household_and_comes_back_as_somebody_new() {
    let server = Server::start();
    let home = household(&server).await;
    let (alice, bob) = (server.client("alice"), server.client("bob"));
    let task = alice.post(&format!("/households/{}/tasks", id(&home)), json!({ "title": "x", "assignedTo": ["bob"] })).await.expect(201);
    bob.put("/users/bob", json!({ "name": "Robert" })).await.expect(200);
    server.told().await;

    bob.delete("/users/alice").await.refused(403, "forbidden", "Only the person or an admin may do this");
    assert_eq!(bob.delete("/users/bob").await.expect(200), json!({ "userId": "bob" }));
    let room = format!("household:{}", id(&home));
    assert_eq!(server.told().await, [format!("{room} task_unassigned"), format!("{room} member_left")]);
    let now = alice.get(&format!("/households/{}", id(&home))).await.expect(200);
    assert_eq!(now["members"], json!([member("alice", "admin")]));
    assert_eq!(alice.get(&format!("/tasks/{}", id(&task))).await.expect(200)["assignedTo"], json!([]));
    assert_eq!(bob.get("/users/bob").await.expect(200), user("bob"), "nothing remains of the old profile");
}

#[tokio::test]
async fn an_admins_token_may_change_and_delete_others() {
    let server = Server::start();
    household(&server).await;
    let admin = server.client_with(NewToken { sub: "root".into(), role: Some("admin".into()), iat: SECONDS, ..NewToken::default() });
    assert_eq!(admin.put("/users/bob", json!({ "name": "B" })).await.expect(200), with(user("bob"), json!({ "name": "B" })));
    assert_eq!(admin.delete("/users/bob").await.expect(200), json!({ "userId": "bob" }));
    admin.get("/users/bob").await.refused(404, "not_found", "User not found");
}
