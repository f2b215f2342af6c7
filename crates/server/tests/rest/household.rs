//! Households: creation, names, joins and leaves.

use domain::command::{Actor, Command, CommandContext};
use domain::error::DomainError;
use domain::event::Event;
use domain::ids::{RoomId, RoomKind, UserId};
use domain::spaces::{MAX_EMBEDDED_BYTES, Role};
use limits::rate_limit::RateLimits;
use serde_json::{Value, json};

use crate::support::{Server, THEN, household, id, member, user, with};

#[tokio::test]
async fn a_household_is_created_read_listed_and_renamed() {
    let server = Server::start();
    let alice = server.client("alice");
    let made = alice.post("/households", json!({ "name": "Home" })).await.expect(201);
    let code = made["inviteCode"].as_str().unwrap();
    assert_eq!(code.len(), 8);
    assert_eq!(id(&made).len(), 16);
    assert_eq!(
        made,
        json!({ "id": id(&made), "name": "Home", "inviteCode": code, "createdBy": "alice", "createdAt": THEN, "updatedAt": THEN,
            "memberCount": 1, "members": [member("alice", "admin")] })
    );
    let path = format!("/households/{}", id(&made));
    assert_eq!(alice.get(&path).await.expect(200), made);
    assert_eq!(alice.get("/households").await.expect(200), json!([made]));
    server.event_names().await;

    let renamed = with(made.clone(), json!({ "name": "Our home" }));
    assert_eq!(alice.put(&path, json!({ "name": "Our home" })).await.expect(200), renamed);
    assert_eq!(server.event_names().await, [format!("household:{} space_updated", id(&made))]);
    assert_eq!(alice.put(&path, renamed.clone()).await.expect(200), renamed, "an object may be sent back as it came");
    assert_eq!(alice.put(&path, json!({})).await.expect(200), renamed);
    assert_eq!(server.event_names().await, [""; 0], "what changes nothing is not told");
}

#[tokio::test]
async fn a_household_is_joined_by_its_invite_code() {
    let server = Server::start();
    let (alice, bob) = (server.client("alice"), server.client("bob"));
    let made = alice.post("/households", json!({ "name": "Home" })).await.expect(201);
    let (path, room) = (format!("/households/{}/join", id(&made)), format!("household:{}", id(&made)));
    server.event_names().await;

    let wrong = "is not the code of this household; ask a member for the present one";
    bob.post(&path, json!({ "inviteCode": "WRONG" })).await.expect_invalid("inviteCode", wrong);
    bob.post("/households/999/join", json!({ "inviteCode": "X" })).await.expect_invalid("inviteCode", wrong);
    assert_eq!(server.event_names().await, [""; 0]);

    let typed = format!(" {} ", made["inviteCode"].as_str().unwrap().to_lowercase());
    let joined = with(made.clone(), json!({ "memberCount": 2, "members": [member("alice", "admin"), member("bob", "member")] }));
    assert_eq!(bob.post(&path, json!({ "inviteCode": typed })).await.expect(200), joined);
    assert_eq!(server.event_names().await, [format!("{room} member_joined")]);
    assert_eq!(bob.post(&path, json!({ "inviteCode": "whatever" })).await.expect(200), joined, "a member is in already");
    assert_eq!(server.event_names().await, [""; 0]);
    assert_eq!(bob.get("/households").await.expect(200), json!([joined]));
}

#[tokio::test]
async fn a_new_invite_code_replaces_the_old_one() {
    let server = Server::start();
    let made = household(&server).await;
    let refreshed = server.client("bob").post(&format!("/households/{}/invite/refresh", id(&made)), Value::Null).await.expect(200);
    assert_eq!(server.event_names().await, [format!("household:{} invite_refreshed", id(&made))]);
    let code = &refreshed["inviteCode"];
    assert_ne!(*code, made["inviteCode"]);
    let members = json!([member("alice", "admin"), member("bob", "member")]);
    let now = with(made.clone(), json!({ "inviteCode": code, "memberCount": 2, "members": members }));
    assert_eq!(refreshed, json!({ "inviteCode": code, "household": now }));

    let (dave, path) = (server.client("dave"), format!("/households/{}/join", id(&made)));
    assert_eq!(dave.post(&path, json!({ "inviteCode": made["inviteCode"] })).await.status, 400);
    dave.post(&path, json!({ "inviteCode": code })).await.expect(200);
}

#[tokio::test]
async fn a_member_leaves_or_is_removed() {
    let server = Server::start();
    let made = household(&server).await;
    let members = format!("/households/{}/members", id(&made));
    let alone = with(made.clone(), json!({ "memberCount": 1, "members": [member("alice", "admin")] }));

    let only_admins = "Only an admin may do this";
    server.client("bob").delete(&format!("{members}/alice")).await.expect_error(403, "forbidden", only_admins);
    server.client("alice").delete(&format!("{members}/dave")).await.expect_error(404, "not_found", "Member not found");
    let removed = server.client("alice").delete(&format!("{members}/bob")).await.expect(200);
    assert_eq!(removed, json!({ "userId": "bob", "household": alone }));
    assert_eq!(server.event_names().await, [format!("household:{} member_left", id(&made))]);
    server.client("bob").get(&format!("/households/{}", id(&made))).await.expect_error(404, "not_found", "Household not found");

    let left = server.client("alice").delete(&format!("{members}/alice")).await.expect(200);
    assert_eq!(left, json!({ "userId": "alice", "household": with(made, json!({ "memberCount": 0, "members": [] })) }));
    assert_eq!(server.client("alice").get("/households").await.expect(200), json!([]));
}

#[tokio::test]
async fn the_households_of_a_user_are_listed_in_pages() {
    let server = Server::start();
    let alice = server.client("alice");
    let mut ids = Vec::new();
    for number in 0..5 {
        let made = alice.post("/households", json!({ "name": format!("Home {number}") })).await.expect(201);
        ids.insert(0, id(&made).to_owned());
    }
    let listed = async |query: &str| {
        let page = alice.get(&format!("/households{query}")).await.expect(200);
        page.as_array().unwrap().iter().map(|space| id(space).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed("").await, ids);
    assert_eq!(listed("?limit=2").await, ids[..2]);
    assert_eq!(listed(&format!("?limit=2&before={}", ids[1])).await, ids[2..4]);
    assert_eq!(listed(&format!("?before={}&unknown=1", ids[3])).await, ids[4..]);
    assert_eq!(listed(&format!("?before={}", ids[4])).await, [""; 0]);
    for large in ["201", "4294967296", "99999999999999999999"] {
        assert_eq!(listed(&format!("?limit={large}")).await, ids, "{large}");
    }
    alice.get("/households?limit=0").await.expect_invalid("limit", "must be a whole number, at least 1; a page has at most 200 entries");
    alice.get("/households?limit=many").await.expect_invalid("limit", "must be a whole number, at least 1; a page has at most 200 entries");
    alice.get("/households?before=").await.expect_invalid("before", "must be the id of an entry of this list");
}

#[tokio::test]
async fn members_have_the_names_of_their_tokens() {
    let server = Server::start();
    let made = household(&server).await;
    assert_eq!(server.client("bob").get("/users/alice").await.expect(200), user("alice"));
    let rendered = server.client("alice").get(&format!("/households/{}", id(&made))).await.expect(200);
    assert_eq!(rendered["members"], json!([member("alice", "admin"), member("bob", "member")]));
}

/// How many members a space may have on the server of this test.
const FULL: u64 = 20;

/// Fills a space with members, without any rule.
#[derive(Clone)]
struct Fill {
    room: RoomId,
    to: u64,
}

impl Command for Fill {
    type Output = ();

    fn execute(self, context: &mut CommandContext<'_>) -> Result<(), DomainError> {
        let present = context.store.space(&self.room)?.map_or(0, |space| space.member_count);
        for n in present..self.to {
            context.store.put_member(&self.room, &UserId::new(format!("guest-{n}")), Role::Member, context.now)?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_full_space_accepts_no_member() {
    let server = Server::with(&[("MAX_MEMBERS_PER_SPACE", "20")], RateLimits::new(false));
    let home = household(&server).await;
    server.run(Actor::server(), Fill { room: RoomKind::Household.room(id(&home)), to: FULL }).await;
    let join = format!("/households/{}/join", id(&home));
    let invited = json!({ "inviteCode": home["inviteCode"] });
    server.client("dave").post(&join, invited.clone()).await.expect_error(409, "conflict", "The space is full");
    server.client("bob").post(&join, invited).await.expect(200);

    let alice = server.client("alice");
    let room = alice.post("/shared/chat/rooms", json!({ "name": "Kitchen" })).await.expect(201);
    server.run(Actor::server(), Fill { room: RoomKind::ChatRoom.room(&room["id"]), to: FULL }).await;
    let path = format!("/shared/chat/rooms/{}/members", room["id"]);
    alice.post(&path, json!({ "userId": "dave" })).await.expect_error(409, "conflict", "The space is full");
    server.event_names().await;
}

#[tokio::test]
async fn a_household_includes_its_first_members_and_their_count() {
    let server = Server::start();
    let home = household(&server).await;
    server.run(Actor::server(), Fill { room: RoomKind::Household.room(id(&home)), to: 250 }).await;
    let alice = server.client("alice");
    let path = format!("/households/{}", id(&home));
    let ids = |members: &Value| members.as_array().unwrap().iter().map(|member| id(member).to_owned()).collect::<Vec<_>>();
    let all: Vec<String> = ["alice", "bob"].map(str::to_owned).into_iter().chain((2..250).map(|n| format!("guest-{n}"))).collect();
    let renamed = alice.put(&path, json!({ "name": "Hotel" })).await.expect(200);
    let listed = alice.get("/households").await.expect(200);
    for rendered in [&alice.get(&path).await.expect(200), &renamed, &listed[0]] {
        assert_eq!((&rendered["memberCount"], ids(&rendered["members"])), (&json!(250), all[..100].to_vec()));
    }
    let persisted_events = server.persisted_events().await;
    let renaming = persisted_events.iter().find_map(|persisted| match &persisted.event {
        Event::SpaceUpdated { space, .. } => Some((space.member_count, space.members.len())),
        _ => None,
    });
    assert_eq!(renaming, Some((250, 100)));

    let listed = async |query: &str| ids(&alice.get(&format!("{path}/members{query}")).await.expect(200));
    assert_eq!(listed("").await, all[..50]);
    assert_eq!(listed("?limit=9999").await, all[..200]);
    assert_eq!(listed("?limit=200&after=guest-99").await, all[100..]);
    assert_eq!(listed("?limit=3&after=alice").await, all[1..4]);
    assert_eq!(listed("?after=guest-249").await, [""; 0]);
    let stays = "must be the id of a member; if that one has left, begin without it";
    alice.get(&format!("{path}/members?after=dave")).await.expect_invalid("after", stays);
    alice.get(&format!("{path}/members?after=")).await.expect_invalid("after", "must be the id of a member");
    alice
        .get(&format!("{path}/members?before=bob"))
        .await
        .expect_invalid("before", "is not for lists of members, which go forward; use after");
    alice
        .get(&format!("{path}/members?limit=0"))
        .await
        .expect_invalid("limit", "must be a whole number, at least 1; a page has at most 200 entries");
}

#[tokio::test]
async fn member_lists_with_long_names_are_limited_by_bytes() {
    let server = Server::start();
    let home = household(&server).await;
    server.run(Actor::server(), Fill { room: RoomKind::Household.room(id(&home)), to: 250 }).await;
    for n in 2..20 {
        let guest = server.client(&format!("guest-{n}"));
        let picture = format!("https://example.com/{}.png", "a".repeat(1900));
        guest.put(&format!("/users/guest-{n}"), json!({ "avatarUrl": picture })).await.expect(200);
    }
    let alice = server.client("alice");
    let rendered = alice.get(&format!("/households/{}", id(&home))).await.expect(200);
    let members = rendered["members"].as_array().unwrap();
    assert!(members.len() < 20 && members.len() > 2, "{}", members.len());
    assert!(rendered["members"].to_string().len() < MAX_EMBEDDED_BYTES + 200 * members.len());
    server.event_names().await;
}

#[tokio::test]
async fn the_spaces_of_a_user_are_limited() {
    let server = Server::with(&[("MAX_SPACES_PER_USER", "3")], RateLimits::new(false));
    let (alice, bob) = (server.client("alice"), server.client("bob"));
    let mine = "You are in as many spaces as a user may be in; leave one first";
    let mut last = Value::Null;
    for _ in 0..3 {
        last = alice.post("/households", json!({ "name": "Home" })).await.expect(201);
    }
    alice.post("/households", json!({ "name": "Home" })).await.expect_error(409, "conflict", mine);
    alice.post("/api/v1/projects", json!({ "name": "Home" })).await.expect_error(409, "conflict", mine);
    let room = bob.post("/shared/chat/rooms", json!({ "name": "Kitchen" })).await.expect(201);
    let path = format!("/shared/chat/rooms/{}/members", room["id"]);
    let theirs = "This user is in as many spaces as a user may be in";
    bob.post(&path, json!({ "userId": "alice" })).await.expect_error(409, "conflict", theirs);
    alice.delete(&format!("/households/{}/members/alice", id(&last))).await.expect(200);
    bob.post(&path, json!({ "userId": "alice" })).await.expect(201);
    server.event_names().await;
}
