//! Calls that the server ends, and their records.

use domain::calls::{AnswerCall, EndStaleCalls, ExpireRingingCall, InitiateCall, LeaveCall, LeaveLostCalls};
use domain::command::Actor;
use domain::ids::{EntityId, RoomId, RoomKind, UserId};
use serde_json::{Value, json};

use crate::support::Server;

fn user(id: &str) -> Actor {
    Actor { user: UserId::new(id), admin: false }
}

/// A room of Alice and Bob with a ringing call of Alice.
async fn ringing(server: &Server) -> (RoomId, EntityId) {
    server.client("bob").get("/shared/chat/rooms").await.expect(200);
    let room = server.client("alice").post("/shared/chat/rooms", json!({ "name": "Team", "memberIds": ["bob"] })).await.expect(201);
    let room = RoomKind::ChatRoom.room(&room["id"]);
    let call = ring(server, &room).await;
    server.event_names().await;
    (room, call)
}

async fn ring(server: &Server, room: &RoomId) -> EntityId {
    server.run(user("alice"), InitiateCall { room: room.clone(), sort: "AUDIO".into() }).await.call.id
}

async fn newest(server: &Server, room: &RoomId) -> Value {
    server.client("bob").get(&format!("/shared/chat/rooms/{}/calls?limit=1", room.id())).await.expect(200)[0].clone()
}

#[tokio::test]
async fn only_an_unanswered_call_becomes_a_missed_call() {
    let server = Server::start();
    let (room, call) = ringing(&server).await;
    server.run(Actor::server(), ExpireRingingCall { call }).await;
    assert_eq!(server.event_names().await, [format!("{room} call_ended")]);
    let record = newest(&server, &room).await;
    assert_eq!((&record["status"], &record["endedBy"]), (&json!("MISSED"), &Value::Null));
    server.run(Actor::server(), ExpireRingingCall { call }).await;
    assert!(server.event_names().await.is_empty(), "told once");

    let call = ring(&server, &room).await;
    server.run(user("bob"), AnswerCall { of: RoomKind::ChatRoom, call }).await;
    server.run(Actor::server(), ExpireRingingCall { call }).await;
    assert_eq!(newest(&server, &room).await["status"], "ONGOING");
}

#[tokio::test]
async fn lost_participants_leave_their_calls() {
    let server = Server::start();
    let (room, call) = ringing(&server).await;
    server.run(user("bob"), AnswerCall { of: RoomKind::ChatRoom, call }).await;
    let lost = |call, id: &str| LeaveLostCalls { participants: [(call, UserId::new(id))].into(), listed: Vec::new() };
    assert!(server.run(Actor::server(), lost(call + 1, "bob")).await);
    assert!(server.run(Actor::server(), lost(call, "carl")).await);
    assert_eq!(newest(&server, &room).await["status"], "ONGOING");
    server.run(Actor::server(), lost(call, "bob")).await;
    let left =
        |record: &Value| record["participants"].as_array().unwrap().iter().filter(|participant| participant["leftAt"].is_string()).count();
    let record = newest(&server, &room).await;
    assert_eq!((&record["status"], left(&record)), (&json!("ONGOING"), 1));
    server.run(Actor::server(), lost(call, "alice")).await;
    assert_eq!(newest(&server, &room).await["status"], "ENDED");
}

#[tokio::test]
async fn a_restart_ends_all_open_calls() {
    let server = Server::start();
    let (room, call) = ringing(&server).await;
    server.run(Actor::server(), EndStaleCalls { calls: vec![call] }).await;
    assert_eq!(newest(&server, &room).await["status"], "MISSED");
    let call = ring(&server, &room).await;
    server.run(user("bob"), AnswerCall { of: RoomKind::ChatRoom, call }).await;
    server.run(Actor::server(), EndStaleCalls { calls: vec![call] }).await;
    let record = newest(&server, &room).await;
    assert_eq!((&record["status"], &record["endedBy"]), (&json!("ENDED"), &Value::Null));
    assert!(record["participants"].as_array().unwrap().iter().all(|participant| participant["leftAt"].is_string()));
}

#[tokio::test]
async fn a_call_ends_when_its_last_participant_leaves() {
    let server = Server::start();
    let (room, call) = ringing(&server).await;
    server.run(user("bob"), AnswerCall { of: RoomKind::ChatRoom, call }).await;
    server.event_names().await;
    server.run(Actor::server(), LeaveCall { call, user: UserId::new("alice") }).await;
    assert!(server.event_names().await.is_empty());
    assert_eq!(newest(&server, &room).await["status"], "ONGOING");
    server.run(Actor::server(), LeaveCall { call, user: UserId::new("bob") }).await;
    assert_eq!(server.event_names().await, [format!("{room} call_ended")]);
    assert_eq!(newest(&server, &room).await["endedBy"], "bob");
}
