//! Profiles.

use std::sync::atomic::Ordering;

use auth::sign::NewTokenClaims;
use domain::command::Actor;
use domain::ids::{RoomKind, UserId};
use domain::spaces::{CreateSpace, RemoveMember};
use domain::users::PurgeUnseenUsers;
use serde_json::json;

use crate::support::{NOW, SECONDS, Server, household, id, member, user, with};

#[tokio::test]
async fn a_user_exists_from_the_first_request_and_keeps_settings() {
    let server = Server::start();
    let token = |name: &str, email| {
        let (sub, name, email) = ("alice".into(), Some(name.into()), Some(String::from(email)));
        server.client_with(NewTokenClaims { sub, name, email, iat: SECONDS, ..NewTokenClaims::default() })
    };
    let first = token("Alice", "a@example.com").get("/users/alice").await.expect(200);
    assert_eq!(first, with(user("alice"), json!({ "email": "a@example.com" })));

    let change = json!({ "name": "Alicia", "avatarUrl": "https://example.com/a.png" });
    let changed = with(first.clone(), change.clone());
    assert_eq!(token("Alice", "a@example.com").put("/users/alice", change).await.expect(200), changed);
    // A later token fills empty fields and changes no others.
    assert_eq!(token("Somebody", "b@example.com").get("/users/alice").await.expect(200), changed);
    let bare = with(changed.clone(), json!({ "avatarUrl": null }));
    assert_eq!(token("Alice", "a@example.com").put("/users/alice", with(changed, json!({ "avatarUrl": null }))).await.expect(200), bare);
}

#[tokio::test]
async fn a_profile_change_is_sent_to_each_household_of_the_user() {
    let server = Server::start();
    let alice = server.client("alice");
    let mut rooms = Vec::new();
    for name in ["Home", "Cabin"] {
        let made = alice.post("/households", json!({ "name": name })).await.expect(201);
        rooms.push(format!("household:{} profile_updated", id(&made)));
    }
    server.event_names().await;
    alice.put("/users/alice", json!({ "name": "Alicia" })).await.expect(200);
    let mut event_names = server.event_names().await;
    event_names.sort();
    assert_eq!(event_names, rooms);
    alice.put("/users/alice", json!({ "name": "Alicia" })).await.expect(200);
    assert_eq!(server.event_names().await, [""; 0]);
}

#[tokio::test]
async fn profile_fields_are_validated() {
    let server = Server::start();
    let alice = server.client("alice");
    let link = "must be a link that starts with https:// or http://, or null";
    alice.put("/users/alice", json!({ "avatarUrl": "javascript:alert(1)" })).await.expect_invalid("avatarUrl", link);
    alice.put("/users/alice", json!({ "avatarUrl": 5 })).await.expect_invalid("avatarUrl", "must be text");
    alice.put("/users/alice", json!({ "name": " " })).await.expect_invalid("name", "must have 1 to 200 characters and not be blank");
    alice.put("/users/alice", json!({ "password": "x" })).await.expect_invalid("password", "is not a field of this request");
}

#[tokio::test]
async fn a_deleted_user_returns_only_with_a_newer_token() {
    let server = Server::start();
    let home = household(&server).await;
    let (alice, bob) = (server.client("alice"), server.client("bob"));
    let task = alice.post(&format!("/households/{}/tasks", id(&home)), json!({ "title": "x", "assignedTo": ["bob"] })).await.expect(201);
    bob.put("/users/bob", json!({ "name": "Robert" })).await.expect(200);
    server.event_names().await;

    bob.delete("/users/alice").await.expect_error(403, "forbidden", "Only the person or an admin may do this");
    assert_eq!(bob.delete("/users/bob").await.expect(200), json!({ "userId": "bob" }));
    let room = format!("household:{}", id(&home));
    assert_eq!(server.event_names().await, [format!("{room} task_unassigned"), format!("{room} member_left")]);
    let now = alice.get(&format!("/households/{}", id(&home))).await.expect(200);
    assert_eq!(now["members"], json!([member("alice", "admin")]));
    assert_eq!(alice.get(&format!("/tasks/{}", id(&task))).await.expect(200)["assignedTo"], json!([]));
    let deleted = "The user of this token was deleted; sign in again for a new token";
    bob.get("/users/bob").await.expect_error(401, "user_deleted", deleted);
    bob.post("/households", json!({ "name": "H" })).await.expect_error(401, "user_deleted", deleted);
    alice.get("/users/bob").await.expect_error(404, "not_found", "User not found");
    let newer = NewTokenClaims { sub: "bob".into(), name: Some("Bob".into()), iat: SECONDS + 1, ..NewTokenClaims::default() };
    let bob = server.client_with(newer);
    assert_eq!(bob.get("/users/bob").await.expect(200), user("bob"), "nothing remains of the old profile");
}

#[tokio::test]
async fn an_admins_token_may_change_and_delete_others() {
    let server = Server::start();
    household(&server).await;
    let admin =
        server.client_with(NewTokenClaims { sub: "root".into(), role: Some("admin".into()), iat: SECONDS, ..NewTokenClaims::default() });
    assert_eq!(admin.put("/users/bob", json!({ "name": "B" })).await.expect(200), with(user("bob"), json!({ "name": "B" })));
    assert_eq!(admin.delete("/users/bob").await.expect(200), json!({ "userId": "bob" }));
    admin.get("/users/bob").await.expect_error(404, "not_found", "User not found");
}

#[tokio::test]
async fn an_old_claim_does_not_restore_a_removed_user() {
    let server = Server::start();
    server.client("alice").get("/users/alice").await.expect(200);
    let actor = Actor { user: UserId::new("alice"), admin: false };
    let create = CreateSpace { kind: RoomKind::Household, name: "Cabin".to_owned(), members: vec![UserId::new("ghost")] };
    let cabin = server.run(actor.clone(), create).await.room;
    server.run(actor, RemoveMember { room: cabin.clone(), user: UserId::new("ghost") }).await;
    server.clock.store(NOW.0 + 90_000_000_000, Ordering::SeqCst);
    assert!(!server.run(Actor::server(), PurgeUnseenUsers).await);
    let claims =
        NewTokenClaims { sub: "ghost".into(), household_id: Some(cabin.id().to_owned()), iat: SECONDS, ..NewTokenClaims::default() };
    let ghost = server.client_with(claims);
    assert_eq!(ghost.get("/households").await.expect(200), json!([]));
}

#[tokio::test]
async fn unseen_users_are_removed_in_batches() {
    let server = Server::start();
    let actor = Actor { user: UserId::new("alice"), admin: false };
    server.client("alice").get("/users/alice").await.expect(200);
    for part in 0..2 {
        let users: Vec<_> = (0..60).map(|n| UserId::new(format!("ghost-{part}-{n}"))).collect();
        let create = CreateSpace { kind: RoomKind::ChatRoom, name: "Team".to_owned(), members: users.clone() };
        let room = server.run(actor.clone(), create).await.room;
        for user in users {
            server.run(actor.clone(), RemoveMember { room: room.clone(), user }).await;
        }
    }
    server.clock.store(NOW.0 + 90_000_000_000, Ordering::SeqCst);
    assert!(server.run(Actor::server(), PurgeUnseenUsers).await, "a hundred are forgotten, and there are more");
    assert!(!server.run(Actor::server(), PurgeUnseenUsers).await);
    let root =
        server.client_with(NewTokenClaims { sub: "root".into(), role: Some("admin".into()), iat: SECONDS, ..NewTokenClaims::default() });
    for user in ["ghost-0-0", "ghost-1-59"] {
        assert_eq!(root.get(&format!("/users/{user}")).await.status.as_u16(), 404, "{user}");
    }
}
