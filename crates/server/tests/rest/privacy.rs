//! Privacy between users: visible data, blocks, additions and quotas.

use std::sync::atomic::Ordering;

use auth::sign::NewTokenClaims;
use domain::command::{Actor, Command, CommandContext, Query};
use domain::error::DomainError;
use domain::ids::{RoomKind, UserId};
use domain::spaces::{FilterVisible, ListMemberIds};
use limits::rate_limit::RateLimits;
use serde_json::{Value, json};

use crate::support::{Client, SECONDS, Server, TestResponse, has_contract};

/// A query as a command.
#[derive(Clone)]
struct Asked<Q>(Q);

impl<Q: Query + Clone> Command for Asked<Q> {
    type Output = Q::Output;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Q::Output, DomainError> {
        self.0.execute(context.store, context.actor)
    }
}

/// An id in a response, as text. In some contracts it is a number.
fn id(object: &Value) -> String {
    object["id"].as_str().map_or_else(|| object["id"].to_string(), str::to_owned)
}

const HOUR: i64 = 60 * 60 * 1_000_000;

fn with_email<'a>(server: &'a Server, sub: &str, role: Option<&str>) -> Client<'a> {
    let email = Some(format!("{sub}@example.com"));
    server.client_with(NewTokenClaims {
        sub: sub.into(),
        name: Some(sub.into()),
        email,
        role: role.map(Into::into),
        iat: SECONDS,
        ..NewTokenClaims::default()
    })
}

/// Every kind of space to which users are added: the path that creates it, its first members, and the path that adds others.
const SPACES: [(&str, Option<&str>, &str); 4] = [
    ("/api/conversations", Some("participantIds"), "participants"),
    ("/shared/chat/rooms", Some("memberIds"), "members"),
    ("/api/v1/projects", Some("memberIds"), "members"),
    ("/api/v1/trips", None, "members"),
];

/// The kinds of [`SPACES`] whose contract the server has.
fn spaces() -> impl Iterator<Item = (&'static str, Option<&'static str>, &'static str)> {
    SPACES.into_iter().filter(|(path, ..)| *path != "/api/v1/trips" || has_contract("trip"))
}

async fn make(client: &Client<'_>, space: (&str, Option<&str>, &str), users: &[&str]) -> TestResponse {
    let mut body = json!({ "name": "Team" });
    if space.0 == "/api/conversations" {
        body = json!({});
    }
    if let Some(field) = space.1 {
        body[field] = json!(users);
    }
    client.post(space.0, body).await
}

fn path_of(space: (&str, Option<&str>, &str), made: &Value) -> String {
    let made = made.get("data").unwrap_or(made);
    format!("{}/{}", space.0, id(made))
}

fn expect_not_added(response: TestResponse) {
    let error = response.expect(403);
    assert_eq!((&error["code"], &error["error"]), (&json!("forbidden"), &json!("This user cannot be added")));
}

#[tokio::test]
async fn an_email_address_is_visible_to_its_user_and_admins_only() {
    let server = Server::start();
    let (alice, bob, root) =
        (with_email(&server, "alice", None), with_email(&server, "bob", None), with_email(&server, "root", Some("admin")));
    let home = alice.post("/households", json!({ "name": "Home" })).await.expect(201);
    let path = format!("/households/{}", id(&home));
    let code = home["inviteCode"].clone();
    let joined = bob.post(&format!("{path}/join"), json!({ "inviteCode": code })).await.expect(200);
    let task = bob.post(&format!("{path}/tasks"), json!({ "title": "Dishes", "assignedTo": ["alice", "bob"] })).await.expect(201);
    for embedded in [&joined, &task, &bob.get(&path).await.expect(200)] {
        assert!(!embedded.to_string().contains("@example.com"), "{embedded}");
    }
    let email = async |client: &Client<'_>, user: &str| client.get(&format!("/users/{user}")).await.expect(200)["email"].clone();
    assert_eq!(email(&bob, "alice").await, Value::Null);
    assert_eq!(email(&alice, "alice").await, "alice@example.com");
    assert_eq!(email(&root, "alice").await, "alice@example.com");
    let changed = alice.put("/users/alice", json!({ "name": "Alice B" })).await.expect(200);
    assert_eq!(changed["email"], "alice@example.com");
}

#[tokio::test]
async fn a_blocked_user_cannot_add_the_blocking_user() {
    let server = Server::start();
    let (ann, ben, root) = (server.client("ann"), server.client("ben"), with_email(&server, "root", Some("admin")));
    ben.put("/api/v1/blocks/ann", Value::Null).await.expect(200);
    for space in spaces() {
        if space.1.is_some() {
            expect_not_added(make(&ann, space, &["ben"]).await);
        }
        let made = make(&ann, space, &[]).await.expect(201);
        let add = format!("{}/{}", path_of(space, &made), space.2);
        expect_not_added(ann.post(&add, json!({ "userId": "ben" })).await);
        // The block binds the blocked user, and neither the blocking user nor an admin.
        make(&ben, space, if space.1.is_some() { &["ann"] } else { &[] }).await.expect(201);
        make(&root, space, if space.1.is_some() { &["ben"] } else { &[] }).await.expect(201);
        // The answer does not reveal the block: it is the same for a user who left.
        ann.post(&add, json!({ "userId": "cleo" })).await.expect(201);
        let left = format!("{}/{}/dan", path_of(space, &made), space.2);
        ann.post(&add, json!({ "userId": "dan" })).await.expect(201);
        server.client("dan").delete(&left).await.expect(200);
        expect_not_added(ann.post(&add, json!({ "userId": "dan" })).await);
    }
    ben.delete("/api/v1/blocks/ann").await.expect(200);
    make(&ann, SPACES[0], &["ben"]).await.expect(201);
}

#[tokio::test]
async fn blocks_belong_to_one_user_and_are_listed_in_pages() {
    let server = Server::start();
    let (ann, ben) = (server.client("ann"), server.client("ben"));
    for user in ["ben", "never-seen", "ben"] {
        let blocked = ann.put(&format!("/api/v1/blocks/{user}"), Value::Null).await.expect(200);
        assert_eq!(blocked, json!({ "userId": user, "createdAt": crate::support::THEN }));
    }
    ann.put("/api/v1/blocks/ann", Value::Null).await.expect_invalid("user", "must be another user than yourself");
    let users = |list: Value| list.as_array().unwrap().iter().map(|block| block["userId"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(users(ann.get("/api/v1/blocks").await.expect(200)), ["never-seen", "ben"]);
    assert_eq!(users(ann.get("/api/v1/blocks?limit=1&before=never-seen").await.expect(200)), ["ben"]);
    assert_eq!(users(ben.get("/api/v1/blocks").await.expect(200)), [""; 0]);
    for _ in 0..2 {
        assert_eq!(ann.delete("/api/v1/blocks/ben").await.expect(200), json!({ "userId": "ben" }));
    }
    assert_eq!(users(ann.get("/api/v1/blocks").await.expect(200)), ["never-seen"]);
}

#[tokio::test]
async fn a_block_stops_mentions_assignments_and_calls_not_messages() {
    let server = Server::start();
    let (ann, ben) = (server.client("ann"), server.client("ben"));
    ann.get("/households").await.expect(200);
    ben.get("/households").await.expect(200);
    let project = ann.post("/api/v1/projects", json!({ "name": "Site", "memberIds": ["ben"] })).await.expect(201);
    let path = format!("/api/v1/projects/{}", id(&project));
    let channel = ann.post(&format!("{path}/channels"), json!({ "name": "general" })).await.expect(201);
    let messages = format!("/api/v1/channels/{}/messages", id(&channel));
    let check = async |blocked: bool| {
        server.event_names().await;
        ann.post(&messages, json!({ "content": "Look, @Ben" })).await.expect(201);
        ann.post(&format!("{path}/tasks"), json!({ "title": "x", "assignee": "ben" })).await.expect(201);
        let names = server.event_names().await;
        let notified = names.iter().filter(|name| name.contains("notification_created")).count();
        assert_eq!(notified, if blocked { 0 } else { 2 }, "{names:?}");
        assert!(names.iter().any(|name| name.contains("message_sent")) && names.iter().any(|name| name.contains("task_created")));
    };
    check(false).await;
    ben.put("/api/v1/blocks/ann", Value::Null).await.expect(200);
    check(true).await;
    ben.delete("/api/v1/blocks/ann").await.expect(200);
    check(false).await;
}

#[tokio::test]
async fn a_user_who_left_is_readded_after_a_day_by_an_admin_only() {
    let server = Server::start();
    let (ann, ben, cleo) = (server.client("ann"), server.client("ben"), server.client("cleo"));
    for space in spaces() {
        let made = make(&ann, space, &[]).await.expect(201);
        let path = format!("{}/{}", path_of(space, &made), space.2);
        for user in ["ben", "cleo"] {
            ann.post(&path, json!({ "userId": user })).await.expect(201);
        }
        // A user who was removed may be added again at once.
        ann.delete(&format!("{path}/ben")).await.expect(200);
        cleo.post(&path, json!({ "userId": "ben" })).await.expect(201);
        ben.delete(&format!("{path}/ben")).await.expect(200);
        expect_not_added(ann.post(&path, json!({ "userId": "ben" })).await);
        server.clock.fetch_add(23 * HOUR, Ordering::SeqCst);
        expect_not_added(ann.post(&path, json!({ "userId": "ben" })).await);
        server.clock.fetch_add(2 * HOUR, Ordering::SeqCst);
        expect_not_added(cleo.post(&path, json!({ "userId": "ben" })).await);
        ann.post(&path, json!({ "userId": "ben" })).await.expect(201);
    }
}

#[tokio::test]
async fn additions_per_hour_are_limited_on_every_path() {
    let server = Server::with(&[("MAX_ADDITIONS_PER_HOUR", "6")], RateLimits::new(true));
    let (ann, root) = (server.client("ann"), with_email(&server, "root", Some("admin")));
    let made = make(&ann, SPACES[0], &["a", "b", "c"]).await.expect(201);
    let path = format!("{}/participants", path_of(SPACES[0], &made));
    expect_error(make(&ann, SPACES[1], &["d", "e", "f", "g"]).await);
    for user in ["d", "e", "f"] {
        ann.post(&path, json!({ "userId": user })).await.expect(201);
    }
    // A member who is added again is no addition.
    ann.post(&path, json!({ "userId": "a" })).await.expect(201);
    expect_error(ann.post(&path, json!({ "userId": "g" })).await);
    expect_error(make(&ann, SPACES[2], &["g"]).await);
    make(&root, SPACES[1], &["a", "b", "c", "d", "e", "f", "g"]).await.expect(201);
    server.clock.fetch_add(HOUR, Ordering::SeqCst);
    ann.post(&path, json!({ "userId": "g" })).await.expect(201);

    fn expect_error(response: TestResponse) {
        assert_eq!((response.status.as_u16(), response.header("retry-after")), (429, "3600"));
        response.expect_error(429, "rate_limited", "Rate limit exceeded, try again in 3600 s");
    }
}

#[tokio::test]
async fn the_objects_that_a_user_stores_in_a_day_are_limited() {
    let server = Server::with(&[("MAX_OBJECTS_PER_USER_PER_DAY", "4")], RateLimits::new(true));
    let (ann, ben) = (server.client("ann"), server.client("ben"));
    let made = make(&ann, SPACES[0], &["ben"]).await.expect(201);
    let path = format!("{}/messages", path_of(SPACES[0], &made));
    for _ in 0..3 {
        ann.post(&path, json!({ "content": "Hi" })).await.expect(201);
    }
    let over = ann.post(&path, json!({ "content": "Hi" })).await;
    assert_eq!(over.header("retry-after"), "86400");
    over.expect_error(429, "quota_exceeded", "Daily quota used up, try again in 86400 s");
    ann.get(&path).await.expect(200);
    ben.post(&path, json!({ "content": "Hi" })).await.expect(201);
    server.clock.fetch_add(24 * HOUR, Ordering::SeqCst);
    ann.post(&path, json!({ "content": "Hi" })).await.expect(201);
}

#[tokio::test]
async fn the_bytes_that_a_user_stores_in_a_day_are_limited() {
    let server = Server::with(&[("MAX_BYTES_PER_USER_PER_DAY", "1MB")], RateLimits::new(false));
    let ann = server.client("ann");
    let made = make(&ann, SPACES[0], &[]).await.expect(201);
    let path = format!("{}/messages", path_of(SPACES[0], &made));
    let content = "x".repeat(9000);
    let mut sent = 0;
    let over = loop {
        let response = ann.post(&path, json!({ "content": content })).await;
        if response.status != 201 {
            break response;
        }
        sent += 1;
        assert!(sent < 120, "nothing is refused");
    };
    assert!(sent > 100, "{sent}");
    over.expect_error(429, "quota_exceeded", "Daily quota used up, try again in 86400 s");
}

#[tokio::test]
async fn contacts_are_users_who_both_act() {
    let server = Server::start();
    let (ann, ben) = (server.client("ann"), server.client("ben"));
    ben.get("/households").await.expect(200);
    let made = make(&ann, SPACES[0], &["ben"]).await.expect(201);
    let room = RoomKind::Conversation.room_from_external_id(&id(&made)).unwrap();
    let contacts = async |asker: &str, other: &str| {
        let actor = Actor { user: UserId::new(asker), admin: false };
        let named = server.run(actor.clone(), Asked(FilterVisible { users: vec![UserId::new(other)], contacts_only: true })).await;
        let members = server.run(actor, ListMemberIds { room: room.clone(), contacts_only: true }).await;
        let (named, member) = (named.contains(&UserId::new(other)), members.unwrap().contains(&UserId::new(other)));
        assert_eq!(named, member, "{asker} of {other}");
        named
    };
    assert_eq!((contacts("ann", "ben").await, contacts("ben", "ann").await), (false, false), "to be added is not to act");
    ben.post(&format!("{}/messages", path_of(SPACES[0], &made)), json!({ "content": "Hi" })).await.expect(201);
    assert_eq!((contacts("ann", "ben").await, contacts("ben", "ann").await), (true, true));
    ben.put("/api/v1/blocks/ann", Value::Null).await.expect(200);
    assert_eq!((contacts("ann", "ben").await, contacts("ben", "ann").await), (false, false));
}

#[tokio::test]
async fn a_blocked_user_does_not_see_the_presence_of_the_blocking_user() {
    let server = Server::start();
    server.client("ben").put("/api/v1/blocks/ann", Value::Null).await.expect(200);
    let visible = async |asker: &str, admin: bool| {
        let query = FilterVisible { users: ["ann", "ben", "cleo"].map(UserId::new).into(), contacts_only: false };
        let users = server.run(Actor { user: UserId::new(asker), admin }, Asked(query)).await;
        ["ann", "ben", "cleo"].map(|user| users.contains(&UserId::new(user)))
    };
    assert_eq!(visible("ann", false).await, [true, false, true]);
    assert_eq!(visible("ann", true).await, [true, true, true], "blocks do not bind admins");
    assert_eq!(visible("ben", false).await, [true, true, true], "the block is one-sided");
    assert_eq!(visible("cleo", false).await, [true, true, true]);
}
