//! The workspace contract.

use auth::AuthError;
use contracts::workspace::WorkspaceContract;
use contracts::{ClientMessage, Contract, Outcome};
use domain::chat::Message;
use domain::error::DomainError;
use domain::event::{EphemeralEvent, Event, PersistedEvent};
use domain::ids::{RoomId, RoomKind, Timestamp, UserId};
use domain::spaces::Space;
use domain::tasks::TaskStatus;
use domain::users::User;
use engine::OutboundMessage;
use serde_json::{Value, json};

use crate::support::{
    MICROSECONDS, NOW, added, alice, answered, asked, asked_by_event, bob, created, message, notification, persisted, removed, space, task,
    text, with,
};

#[test]
fn greeting_has_a_number_for_a_numeric_id() {
    let welcome = |user: &User| text(&WorkspaceContract::new(true).greeting(user, "a socket", NOW).unwrap());
    assert_eq!(
        welcome(&alice()),
        json!({ "type": "connected", "data": { "message": "Connected successfully", "user_id": 7, "username": "alice" },
            "timestamp": MICROSECONDS })
    );
    assert_eq!(welcome(&bob())["data"], json!({ "message": "Connected successfully", "user_id": "bob", "username": "bob" }));
}

#[test]
fn message_contains_all_fields_of_its_sender() {
    let room = RoomKind::Channel.room(456);
    let told = |message: Message| {
        text(&WorkspaceContract::new(true).persisted_event(&persisted(message.room.clone(), Event::MessageSent { message }))[0])
    };
    let data = json!({ "message_id": 1_112_000_000_000_002_i64, "content": "Hello \"everyone\"\n", "username": "alice", "user_id": 7,
        "metadata": { "reply_to": 789 } });
    assert_eq!(
        told(message(room.clone(), Some(json!({ "reply_to": 789 })))),
        json!({ "type": "message", "room": "channel:456", "data": data, "sender": "alice", "timestamp": MICROSECONDS })
    );
    // A client reads `data.metadata.reply_to` of every message.
    assert_eq!(told(message(room.clone(), None))["data"], with(data.clone(), json!({ "metadata": {} })));
    let repeatable = Message { client_id: Some("c-1".into()), ..message(room, None) };
    assert_eq!(told(repeatable)["data"], with(data, json!({ "metadata": {}, "client_id": "c-1" })));
}

#[test]
fn users_entering_and_leaving_are_encoded() {
    let contract = WorkspaceContract::new(true);
    let channel = RoomKind::Channel.room(456);
    let envelope = |r#type: &str| {
        json!({ "type": r#type, "room": "channel:456", "data": { "username": "alice", "user_id": 7 }, "sender": "alice",
            "timestamp": MICROSECONDS })
    };
    let joined = contract.ephemeral_event(&EphemeralEvent::RoomJoined { room: channel.clone(), user: alice() }, NOW).unwrap();
    assert_eq!(text(&joined), envelope("user_joined"));
    let left = contract.ephemeral_event(&EphemeralEvent::RoomLeft { room: channel, user: alice(), removed: true }, NOW).unwrap();
    assert_eq!(text(&left), envelope("user_left"));
    for silent in [
        EphemeralEvent::RoomJoined { room: RoomKind::Household.room(5), user: alice() },
        EphemeralEvent::RoomLeft { room: RoomId::inbox(&alice().id), user: alice(), removed: false },
        EphemeralEvent::Offline { user: alice().id },
    ] {
        assert_eq!(contract.ephemeral_event(&silent, NOW), None);
    }
}

#[test]
fn events_of_a_project_are_encoded_in_envelopes() {
    let room = RoomKind::Project.room(123);
    let (space, mut task) = (space(room.clone()), task(room.clone()));
    task.progress = Some(TaskStatus { status: "in_progress".into(), priority: "high".into() });
    let data = json!({ "task_id": 1_112_000_000_000_001_i64, "title": "Dishes", "description": null, "status": "in_progress",
        "priority": "high", "assignee": "bob", "creator": "alice" });
    let project = json!({ "project_id": 123, "name": "Home", "archived": false, "member_count": 100_000, "members": ["alice", "bob"] });
    let envelope = |r#type: &str, data: Value, sender: Option<&str>| {
        let mut envelope = json!({ "type": r#type, "room": "project:123", "data": data, "timestamp": MICROSECONDS });
        if let Some(sender) = sender {
            envelope["sender"] = sender.into();
        }
        envelope
    };
    let created = envelope("task.created", data.clone(), Some("alice"));
    let assigned = envelope("task.assigned", with(data.clone(), json!({ "assigned_by": "alice" })), Some("alice"));
    let updated = envelope("task.updated", with(data.clone(), json!({ "updated_by": "alice" })), Some("alice"));
    let status = json!({ "task_id": 1_112_000_000_000_001_i64, "old_status": "todo", "new_status": "in_progress", "changed_by": "alice" });
    let status = envelope("task.status_changed", status, Some("system"));
    let by = Some(alice());
    let edited = |was: Option<&str>, assigned| Event::TaskUpdated {
        task: task.clone(),
        by: by.clone(),
        was: was.map(Into::into),
        toggled_by: None,
        assigned,
        unassigned: vec![],
    };
    let table = [
        (Event::TaskCreated { task: task.clone() }, vec![created, assigned.clone()]),
        (edited(None, vec![]), vec![updated.clone()]),
        (edited(Some("todo"), vec![bob()]), vec![updated.clone(), status.clone(), assigned.clone()]),
        (Event::TaskStatusChanged { task: task.clone(), was: "todo".into(), by: by.clone() }, vec![status]),
        (Event::TaskAssigned { task: task.clone(), to: bob(), by: by.clone() }, vec![assigned]),
        (Event::TaskUnassigned { task: task.clone(), from: bob(), by: by.clone() }, vec![updated]),
        (
            Event::TaskDeleted { task: task.id, by: by.clone() },
            vec![envelope("task.deleted", json!({ "task_id": task.id, "deleted_by": "alice" }), Some("alice"))],
        ),
        (
            Event::SpaceUpdated { space: space.clone(), by: by.clone() },
            vec![envelope("project.updated", with(project.clone(), json!({ "updated_by": "alice" })), Some("alice"))],
        ),
        (
            Event::SpaceArchived { space: Space { archived_at: Some(NOW), ..space.clone() }, by },
            vec![envelope("project.archived", with(project.clone(), json!({ "archived": true, "archived_by": "alice" })), Some("alice"))],
        ),
        (
            // The user who added the member need not be one of the space's first members.
            Event::MemberJoined {
                space: Space { members: vec![], ..space.clone() },
                user: bob(),
                by: Some(alice().id),
                by_whom: Some(alice()),
            },
            vec![envelope(
                "project.updated",
                with(project.clone(), json!({ "members": [], "updated_by": "alice", "member_joined": "bob" })),
                Some("alice"),
            )],
        ),
        (
            Event::MemberLeft { space: space.clone(), user: bob().id, by: Some(alice().id), by_whom: None },
            vec![envelope("project.updated", with(project.clone(), json!({ "updated_by": "alice", "member_left": "bob" })), Some("alice"))],
        ),
        (
            Event::MemberLeft {
                space: Space { members: space.members[..1].to_vec(), ..space },
                user: bob().id,
                by: Some(bob().id),
                by_whom: None,
            },
            vec![envelope("project.updated", with(project, json!({ "members": ["alice"], "member_left": "bob" })), None)],
        ),
    ];
    for (event, envelopes) in table {
        let said: Vec<Value> = WorkspaceContract::new(true).persisted_event(&persisted(room.clone(), event)).iter().map(text).collect();
        assert_eq!(said, envelopes);
    }
}

#[test]
fn edited_and_deleted_messages_are_encoded() {
    let room = RoomKind::Channel.room(456);
    let told = |event| text(&WorkspaceContract::new(true).persisted_event(&persisted(room.clone(), event))[0]);
    let edited = told(Event::MessageEdited { message: message(room.clone(), None) });
    assert_eq!((&edited["type"], &edited["sender"]), (&json!("message.edited"), &json!("alice")));
    assert_eq!(edited["data"]["message_id"], json!(1_112_000_000_000_002_i64));
    assert_eq!(edited["data"]["content"], json!("Hello \"everyone\"\n"));
    let deleted = json!({ "type": "message.deleted", "room": "channel:456", "sender": "alice", "timestamp": MICROSECONDS,
        "data": { "message_id": 9, "username": "alice", "user_id": 7 } });
    assert_eq!(told(Event::MessageDeleted { message: 9, sender: alice() }), deleted);
}

#[test]
fn other_events_and_rooms_have_no_message() {
    let contract = WorkspaceContract::new(true);
    let household = RoomKind::Household.room(5);
    for silent in [
        persisted(RoomId::inbox(&alice().id), Event::Removed { space: RoomKind::Trip.room(1), by: None }),
        persisted(household.clone(), Event::TaskCreated { task: task(household) }),
        persisted(RoomKind::ChatRoom.room(1), Event::MessageSent { message: message(RoomKind::ChatRoom.room(1), None) }),
    ] {
        assert_eq!(contract.persisted_event(&silent), vec![]);
    }
}

#[test]
fn invalid_envelope_is_rejected_with_its_field() {
    let envelope = "invalid message: must be a JSON object {type, room, data}";
    let r#type = "invalid type: must be join_room, leave_room, send_message, auth_refresh or ping";
    let room = "invalid room: must be project:ID, channel:ID, task:ID or user:ID";
    let bomb = format!(r#"{{"type":"send_message","room":"channel:1","data":{{"content":"x","metadata":{}}}}}"#, "[".repeat(5000));
    let deep = format!(
        r#"{{"type":"send_message","room":"channel:1","data":{{"content":"x","metadata":{}{}}}}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    let table = [
        (r#"{"type":"ping"}"#, "ping ping"),
        (r#" {"type":"ping","room":5,"data":[1],"more":{}}"#, "ping ping"),
        (r#"{"type":"join_room","room":"channel:456"}"#, "join_room enter channel:456"),
        (r#"{"type":"join_room","room":"project:p-1"}"#, "join_room enter project:p-1"),
        (r#"{"type":"join_room","room":"task:1"}"#, "join_room enter task:1"),
        (r#"{"type":"join_room","room":"user:7"}"#, "join_room enter user:7"),
        (r#"{"type":"leave_room","room":"channel:456"}"#, "leave_room leave channel:456"),
        (r#"{"type":"send_message","room":"channel:456","data":{"content":"Hello"}}"#, "send_message execute"),
        (r#"{"type":"send_message","room":"channel:456","data":{"content":"H\n","metadata":{"a":[1]}}}"#, "send_message execute"),
        (r#"{"type":"send_message","room":"channel:456","data":{"content":"Hello","metadata":null}}"#, "send_message execute"),
        ("", envelope),
        ("ping", envelope),
        ("null", envelope),
        (r#"["ping"]"#, envelope),
        (r#""ping""#, envelope),
        (r#"{"type":"ping""#, envelope),
        (r#"{"type":"ping","type":"ping"}"#, envelope),
        (r#"{"type":"ping"} {}"#, envelope),
        (&bomb, envelope),
        ("{}", "invalid type: is required"),
        (r#"{"type":null}"#, "invalid type: is required"),
        (r#"{"type":5}"#, r#type),
        (r#"{"type":"typing","room":"channel:1"}"#, r#type),
        (r#"{"type":"join_room"}"#, "invalid room: is required"),
        (r#"{"type":"join_room","room":null}"#, "invalid room: is required"),
        (r#"{"type":"join_room","room":456}"#, room),
        (r#"{"type":"join_room","room":"channel"}"#, room),
        (r#"{"type":"join_room","room":"channel:"}"#, room),
        (r#"{"type":"join_room","room":"kitchen:1"}"#, room),
        (r#"{"type":"join_room","room":"household:1"}"#, room),
        (r#"{"type":"join_room","room":"channel:a\nb"}"#, room),
        (
            r#"{"type":"leave_room","room":"user:7"}"#,
            "invalid room: must be project:ID, channel:ID or task:ID; one's own user room cannot be left",
        ),
        (r#"{"type":"send_message","data":{"content":"Hello"}}"#, "invalid room: is required"),
        (r#"{"type":"send_message","room":"channel:1"}"#, "invalid data: is required"),
        (r#"{"type":"send_message","room":"channel:1","data":["Hello"]}"#, "invalid data: must be an object {content, metadata}"),
        (r#"{"type":"send_message","room":"channel:1","data":{}}"#, "invalid content: is required"),
        (r#"{"type":"send_message","room":"channel:1","data":{"content":5}}"#, "invalid content: must be text"),
        (r#"{"type":"send_message","room":"channel:1","data":{"content":"\ud800"}}"#, "invalid content: must be text"),
        (
            r#"{"type":"send_message","room":"channel:1","data":{"content":"x","client_id":[5]}}"#,
            "invalid client_id: must be text or a number",
        ),
        (&deep, "invalid metadata: must not be nested so deeply"),
    ];
    for (said, comes_to) in table {
        let shown: String = said.chars().take(100).collect();
        assert_eq!(asked(&WorkspaceContract::new(true), &ClientMessage::Text(said)), comes_to, "{shown}");
    }
    assert_eq!(asked_by_event(&WorkspaceContract::new(true), r#"["join_room",{"room":"channel:1"}]"#), "unknown");
}

#[test]
fn replies_are_envelopes() {
    let say = |outcome: &Outcome| {
        let reply = answered(&WorkspaceContract::new(true), "whatever", Ok(outcome), false);
        assert_eq!((reply.ack, reply.close), (None, None));
        reply.messages.iter().map(text).collect::<Vec<_>>()
    };
    let channel = RoomKind::Channel.room(456);
    let confirmed = |r#type: &str, message: &str| {
        vec![json!({ "type": r#type, "room": "channel:456", "data": { "message": message }, "timestamp": MICROSECONDS })]
    };
    let data = json!({
        "message": "Joined room channel:456",
        "members_online": [{ "username": "alice", "user_id": 7 }, { "username": "bob", "user_id": "bob" }],
        "members_online_count": 102,
    });
    let joined = json!({ "type": "joined_room", "room": "channel:456", "data": data, "timestamp": MICROSECONDS });
    assert_eq!(say(&Outcome::EnteredAmong { room: channel.clone(), present: vec![alice(), bob()], count: 102 }), [joined]);
    assert_eq!(say(&Outcome::Left(channel)), confirmed("left_room", "Left room channel:456"));
    assert_eq!(say(&Outcome::Pong), vec![json!({ "type": "pong", "data": { "timestamp": MICROSECONDS }, "timestamp": MICROSECONDS })]);
}

#[test]
fn only_a_forbidden_room_closes_the_connection() {
    let table = [
        (DomainError::NotFound("Channel"), "Channel not found", "not_found", true),
        (DomainError::Forbidden("Only an admin may do this"), "Only an admin may do this", "forbidden", true),
        (DomainError::invalid_input("room", "must be better"), "room: must be better", "invalid", false),
        (DomainError::Conflict("Not now"), "Not now", "conflict", false),
        (DomainError::RateLimited { retry_after: 3 }, "Rate limit exceeded, try again in 3 s", "rate_limited", false),
        (DomainError::Unavailable("disk /data full".into()), "The server cannot do this now; try again later", "unavailable", false),
        (DomainError::Internal("secret".into()), "Internal server error", "internal", false),
    ];
    for (domain_error, error, code, closes) in table {
        for close_on_forbidden in [true, false] {
            let reply = answered(&WorkspaceContract::new(close_on_forbidden), "join_room", Err(&domain_error), false);
            let [said] = &reply.messages[..] else { panic!("{reply:?}") };
            let mut data = json!({ "error": error, "code": code });
            if code == "invalid" {
                data["field"] = json!("room");
            }
            assert_eq!(text(said), json!({ "type": "error", "data": data, "timestamp": MICROSECONDS }));
            assert_eq!(reply.close, (closes && close_on_forbidden).then_some((4403, "Forbidden")), "{error:?}");
        }
    }
}

#[test]
fn token_refresh_and_expiry_are_envelopes() {
    let ends = Timestamp(NOW.0 + 59_999_999);
    let at = "2025-11-13T12:01:00.123455Z";
    let workspace = WorkspaceContract::new(true);
    let told =
        |data: Value, kind: &str| OutboundMessage::Text(json!({ "type": kind, "data": data, "timestamp": MICROSECONDS }).to_string());
    let same = |said: OutboundMessage, wanted: OutboundMessage| match (said, wanted) {
        (OutboundMessage::Text(said), OutboundMessage::Text(wanted)) => {
            let [said, wanted] = [said, wanted].map(|text| serde_json::from_str::<Value>(&text).unwrap());
            assert_eq!(said, wanted);
        }
        other => panic!("{other:?}"),
    };
    same(workspace.auth_expiring(ends, NOW), told(json!({ "expires_at": at, "expires_in": 59 }), "auth_expiring"));
    let said = |shown| workspace.auth_refreshed(shown, false, NOW).messages.remove(0);
    same(said(Ok(Some(ends))), told(json!({ "expires_at": at }), "auth_refreshed"));
    same(said(Ok(None)), told(json!({ "expires_at": null }), "auth_refreshed"));
    same(said(Err(AuthError::Expired)), told(json!({ "error": "The token has expired", "code": "token_expired" }), "error"));
}

#[test]
fn notification_is_encoded_and_its_reading_is_not() {
    let (inbox, data) = (RoomId::inbox(&UserId::new("7")), json!({ "orderId": 7, "priority": "high" }));
    let created = persisted(inbox.clone(), Event::NotificationCreated { notification: notification(Some(data.clone())) });
    let [said] = &WorkspaceContract::new(true).persisted_event(&created)[..] else { panic!("not one envelope") };
    let data = json!({ "notification_id": 1_112_000_000_000_003_i64, "type": "order", "title": "Sent", "message": "On its way",
        "link": "/orders/7", "priority": "high", "metadata": data });
    assert_eq!(text(said), json!({ "type": "notification.new", "data": data, "timestamp": MICROSECONDS }));
    for event in [Event::NotificationRead { notification: 1 }, Event::NotificationsRead] {
        assert_eq!(WorkspaceContract::new(true).persisted_event(&persisted(inbox.clone(), event)), vec![]);
    }
}

#[test]
fn user_who_is_added_or_removed_receives_an_event() {
    let workspace = WorkspaceContract::new(true);
    let member = |more: Value| with(json!({ "role": "admin" }), more);
    let project = json!({ "id": 5, "name": "Home", "created_by": 7, "created_at": MICROSECONDS, "updated_at": MICROSECONDS,
        "archived_at": null, "member_count": 100_000, "members": [
            member(json!({ "user_id": 7, "username": "alice", "name": "Alice", "joined_at": MICROSECONDS })),
        ] });
    let envelope = |r#type: &str, data: Value, sender: &str| json!({ "type": r#type, "room": "project:5", "data": data, "sender": sender, "timestamp": MICROSECONDS });
    let encoded = |persisted: &PersistedEvent| workspace.persisted_event(persisted).iter().map(text).collect::<Vec<_>>();
    assert_eq!(encoded(&added(RoomKind::Project)), [envelope("project.added", project.clone(), "bob")]);
    assert_eq!(encoded(&removed(RoomKind::Project)), [envelope("project.removed", json!({ "project_id": 5 }), "bob")]);
    assert_eq!(encoded(&created(RoomKind::Project)), [envelope("project.added", project, "alice")]);
}
