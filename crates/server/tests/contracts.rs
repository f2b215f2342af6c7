//! The messages that each contract renders and parses.

// Only test functions themselves are exempt by clippy.toml; their helpers unwrap, too.
#![allow(clippy::unwrap_used)]

use domain::calls::{Call, CallStatus};
use domain::chat::{Message, MessageWithReadState};
use domain::error::DomainError;
use domain::event::{Account, EphemeralEvent, Event, PersistedEvent};
use domain::ids::{RoomId, RoomKind, Timestamp, UserId};
use domain::notifications::Notification;
use domain::spaces::{Member, Role, Space};
use domain::tasks::{Task, TaskStatus};
use domain::trips::{TripChanges, TripDetails};
use domain::users::User;
use engine::OutboundMessage;
use serde_json::{Value, json};
use server::auth::AuthError;
use server::contracts::household::Household;
use server::contracts::messenger::Messenger;
use server::contracts::studio::Studio;
use server::contracts::trip::Trip;
use server::contracts::workspace::Workspace;
use server::contracts::{ClientAction, ClientMessage, Contract, Outcome, Reply, RequestInfo};
use wire::socketio::{Packet, json as packets};

/// 2025-11-13T12:00:00.123456Z
const NOW: Timestamp = Timestamp(1_763_035_200_123_456);
const MILLISECONDS: &str = "2025-11-13T12:00:00.123Z";
const MICROSECONDS: &str = "2025-11-13T12:00:00.123456Z";

fn alice() -> User {
    User {
        id: UserId::new("7"),
        name: "Alice".into(),
        username: "alice".into(),
        email: Some("alice@example.com".into()),
        avatar_url: Some("https://example.com/a.png".into()),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn bob() -> User {
    User::unseen(UserId::new("bob"), NOW)
}

fn space(room: RoomId) -> Space {
    Space {
        room,
        name: "Home".into(),
        parent: None,
        invite_code: Some("ABCD2345".into()),
        created_by: UserId::new("7"),
        created_at: NOW,
        updated_at: NOW,
        archived_at: None,
        member_count: 100_000,
        members: vec![
            Member { user: alice(), role: Role::Admin, joined_at: NOW },
            Member { user: bob(), role: Role::Member, joined_at: NOW },
        ],
    }
}

fn task(room: RoomId) -> Task {
    Task {
        id: 1_112_000_000_000_001,
        room,
        title: "Dishes".into(),
        description: None,
        category: Some("kitchen".into()),
        due_date: Some("2025-12-31".into()),
        completed: true,
        completed_at: Some(NOW),
        assigned_to: vec![bob()],
        progress: None,
        created_by: alice(),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn message(room: RoomId, metadata: Option<Value>) -> Message {
    Message {
        id: 1_112_000_000_000_002,
        room,
        sender: alice(),
        content: "Hello \"everyone\"\n".into(),
        sort: None,
        file_url: None,
        metadata,
        client_id: None,
        created_at: NOW,
        edited_at: None,
    }
}

fn persisted(room: RoomId, event: Event) -> PersistedEvent {
    PersistedEvent { offset: 1, room, seq: 1, at: NOW, event, body: String::new(), account: Account::default() }
}

fn alice_object() -> Value {
    json!({ "id": "7", "name": "Alice", "email": null, "avatarUrl": "https://example.com/a.png",
        "createdAt": MILLISECONDS, "updatedAt": MILLISECONDS })
}

fn bob_object() -> Value {
    json!({ "id": "bob", "name": "", "email": null, "avatarUrl": null, "createdAt": MILLISECONDS, "updatedAt": MILLISECONDS })
}

fn with(mut object: Value, more: Value) -> Value {
    let (Some(fields), Value::Object(more)) = (object.as_object_mut(), more) else { unreachable!("both are objects") };
    fields.extend(more);
    object
}

fn household_object() -> Value {
    json!({ "id": "5", "name": "Home", "inviteCode": "ABCD2345", "createdBy": "7", "createdAt": MILLISECONDS, "updatedAt": MILLISECONDS,
        "memberCount": 100_000, "members": [
            with(alice_object(), json!({ "role": "admin", "joinedAt": MILLISECONDS })),
            with(bob_object(), json!({ "role": "member", "joinedAt": MILLISECONDS })),
        ] })
}

fn task_object() -> Value {
    json!({ "id": "1112000000000001", "householdId": "5", "title": "Dishes", "description": null, "category": "kitchen",
        "dueDate": "2025-12-31", "completed": true, "completedAt": MILLISECONDS, "assignedTo": [bob_object()], "createdBy": "7",
        "createdAt": MILLISECONDS, "updatedAt": MILLISECONDS })
}

#[test]
fn household_renders_each_event_with_its_keys() {
    let room = RoomKind::Household.room(5);
    let (space, task) = (space(room.clone()), task(room.clone()));
    let bare = json!({ "task": task_object(), "householdId": "5" });
    let completed = ("task:completed", with(bare.clone(), json!({ "completedBy": alice_object() })));
    let assigned = ("task:assigned", with(bare.clone(), json!({ "assignedTo": bob_object() })));
    let unassigned = ("task:unassigned", with(bare.clone(), json!({ "unassignedFrom": alice_object() })));
    let updated =
        |toggled_by, assigned, unassigned| Event::TaskUpdated { task: task.clone(), by: None, was: None, toggled_by, assigned, unassigned };
    let table = [
        (Event::TaskCreated { task: task.clone() }, vec![("task:created", bare.clone()), assigned.clone()]),
        (updated(None, vec![], vec![]), vec![("task:updated", bare.clone())]),
        (
            updated(Some(alice()), vec![bob()], vec![alice()]),
            vec![("task:updated", bare), completed.clone(), assigned.clone(), unassigned.clone()],
        ),
        (Event::TaskToggled { task: task.clone(), by: alice() }, vec![completed]),
        (Event::TaskAssigned { task: task.clone(), to: bob(), by: None }, vec![assigned]),
        (Event::TaskUnassigned { task: task.clone(), from: alice(), by: None }, vec![unassigned]),
        (
            Event::TaskDeleted { task: task.id, by: None },
            vec![("task:deleted", json!({ "taskId": "1112000000000001", "householdId": "5" }))],
        ),
        (Event::SpaceUpdated { space: space.clone(), by: None }, vec![("household:updated", json!({ "household": household_object() }))]),
        (
            Event::MemberJoined { space: space.clone(), user: alice(), by: None, by_whom: None },
            vec![("household:member_joined", json!({ "user": alice_object(), "household": household_object() }))],
        ),
        (
            Event::MemberLeft { space: space.clone(), user: UserId::new("7"), by: None, by_whom: None },
            vec![("household:member_left", json!({ "userId": "7", "household": household_object() }))],
        ),
        (
            Event::InviteRefreshed { space },
            vec![("household:invite_code_refreshed", json!({ "inviteCode": "ABCD2345", "household": household_object() }))],
        ),
        (
            Event::ProfileUpdated { user: alice(), rooms: vec![] },
            vec![("user:updated", json!({ "user": alice_object(), "householdId": "5" }))],
        ),
    ];
    for (event, expected) in table {
        assert_eq!(events(&Household.persisted_event(&persisted(room.clone(), event))), expected);
    }
}

/// Each event's name and its one argument.
fn events(said: &[OutboundMessage]) -> Vec<(&str, Value)> {
    let events = said.iter().map(|message| {
        let OutboundMessage::Event { name, args, attachments, .. } = message else { panic!("{message:?} is no event") };
        assert!(attachments.is_empty());
        (&**name, serde_json::from_str(args).unwrap())
    });
    events.collect()
}

#[test]
fn household_ignores_other_events_and_rooms() {
    let (household, project) = (RoomKind::Household.room(5), RoomKind::Project.room(5));
    for silent in [
        persisted(household.clone(), Event::MembershipClaimed { user: alice().id }),
        persisted(household.clone(), Event::SpaceCreated { space: space(household.clone()), users: vec![], trip: None }),
        persisted(household.clone(), Event::MessageSent { message: message(household, None) }),
        persisted(project.clone(), Event::TaskCreated { task: task(project.clone()) }),
        persisted(project.clone(), Event::SpaceUpdated { space: space(project.clone()), by: None }),
        persisted(project.clone(), Event::ProfileUpdated { user: alice(), rooms: vec![] }),
        persisted(RoomKind::Channel.room(1), Event::MessageSent { message: message(RoomKind::Channel.room(1), None) }),
    ] {
        assert_eq!(Household.persisted_event(&silent), vec![], "{silent:?}");
    }
    assert!(Household.auto_joins(&RoomKind::Household.room(5)));
    assert!(!Household.auto_joins(&project));
}

/// What a request comes to, as text.
fn asked(contract: &dyn Contract, heard: &ClientMessage<'_>) -> String {
    let Some(request) = contract.parse(heard) else { return "unknown".into() };
    match request.ask {
        Ok(ClientAction::Enter(room)) => format!("{} enter {room}", request.name),
        Ok(ClientAction::Move(room)) => format!("{} move to {room}", request.name),
        Ok(ClientAction::Leave(room)) => format!("{} leave {room}", request.name),
        Ok(ClientAction::Ping) => format!("{} ping", request.name),
        Ok(ClientAction::Typing(room)) => format!("{} typing in {room}", request.name),
        Ok(ClientAction::StopTyping(room)) => format!("{} stop typing in {room}", request.name),
        Ok(ClientAction::Statuses(users)) => {
            format!("{} statuses {}", request.name, users.iter().map(UserId::as_str).collect::<Vec<_>>().join(" "))
        }
        Ok(ClientAction::OnlineIn(room)) => format!("{} online in {room}", request.name),
        Ok(ClientAction::Refresh(token)) => format!("{} show {token}", request.name),
        Ok(ClientAction::Execute(_)) => format!("{} execute", request.name),
        Err(error) => format!("{} {}", error.code(), error),
    }
}

/// What an event comes to; `packet` is its JSON array.
fn asked_by_event(contract: &dyn Contract, packet: &str) -> String {
    let text = format!("2{packet}");
    let Ok(Packet::Event { event: Some(event), .. }) = packets::decode(&text) else { panic!("{packet} is no event") };
    asked(contract, &ClientMessage::Event { name: &event.name, args: &event.args })
}

#[test]
fn household_parses_join_and_leave_in_all_forms() {
    let malformed = "invalid householdId: must be the id of a household, as text or number";
    let absent = "invalid householdId: is required";
    let long = format!(r#"["join:household",{{"householdId":"{}"}}]"#, "x".repeat(201));
    let table = [
        (r#"["join:household",{"householdId":"5"}]"#, "join:household enter household:5"),
        (r#"["join:household",{"householdId":5}]"#, "join:household enter household:5"),
        (r#"["join:household", { "householdId" : 5 } ]"#, "join:household enter household:5"),
        (r#"["join:household",5]"#, "join:household enter household:5"),
        (r#"["join:household","h-1"]"#, "join:household enter household:h-1"),
        (r#"["join:household",{"householdId":"5","more":[1]},"and more"]"#, "join:household enter household:5"),
        (r#"["leave:household",{"householdId":"5"}]"#, "leave:household leave household:5"),
        (r#"["join:household"]"#, absent),
        (r#"["join:household",null]"#, absent),
        (r#"["join:household",{}]"#, absent),
        (r#"["join:household",{"household":"5"}]"#, absent),
        (r#"["join:household",{"householdId":null}]"#, absent),
        (r#"["join:household",{"householdId":5.5}]"#, malformed),
        (r#"["join:household",{"householdId":{"householdId":5}}]"#, malformed),
        (r#"["join:household",{"householdId":""}]"#, malformed),
        (r#"["join:household",{"householdId":"a\u0000b"}]"#, malformed),
        (r#"["leave:household",[5]]"#, malformed),
        (r#"["leave:household",["householdId","5"]]"#, malformed),
        (&long, malformed),
        (r#"["join:trip",{"tripId":"5"}]"#, "unknown"),
        (r#"["task:create",{"title":"x"}]"#, "unknown"),
    ];
    for (packet, comes_to) in table {
        assert_eq!(asked_by_event(&Household, packet), comes_to, "{packet}");
    }
    assert_eq!(asked(&Household, &ClientMessage::Text("join:household")), "unknown");
}

fn answered(contract: &impl Contract, name: &str, result: Result<&Outcome, &DomainError>, acked: bool) -> Reply {
    contract.answer(&RequestInfo { name, acked, user: &UserId::new("7"), now: NOW }, result)
}

#[test]
fn every_contract_accepts_a_new_token_and_sends_its_expiry() {
    let ends = Timestamp(NOW.0 + 59_999_999);
    let at = "2025-11-13T12:01:00.123455Z";
    let contracts: [&dyn Contract; 4] = [&Household, &Trip, &Studio, &Messenger];
    for contract in contracts {
        for (packet, comes_to) in [
            (r#"["auth:refresh",{"token":"Bearer a.b.c"}]"#, "auth:refresh show Bearer a.b.c"),
            (r#"["auth:refresh",{"token":" "}]"#, "invalid token: must be a JWT, as text"),
            (r#"["auth:refresh",{"token":null}]"#, "invalid token: is required"),
            (r#"["auth:refresh",{}]"#, "invalid token: is required"),
            (r#"["auth:refresh","a.b.c"]"#, "invalid token: must be a JWT, as text"),
            (r#"["auth:refresh"]"#, "invalid token: is required"),
            (r#"["auth:refresh",null]"#, "invalid token: is required"),
        ] {
            assert_eq!(asked_by_event(contract, packet), comes_to, "{packet}");
        }
        let expiring = OutboundMessage::event("auth:expiring", r#"{"expiresAt":"2025-11-13T12:01:00.123Z","expiresIn":59}"#).unwrap();
        assert_eq!(contract.auth_expiring(ends, NOW), expiring);
        let ack = |shown, acked| contract.auth_refreshed(shown, acked, NOW).ack;
        assert_eq!(ack(Ok(Some(ends)), true).as_deref(), Some(r#"{"ok":true,"expiresAt":"2025-11-13T12:01:00.123Z"}"#));
        assert_eq!(ack(Ok(None), true).as_deref(), Some(r#"{"ok":true,"expiresAt":null}"#));
        assert_eq!(contract.auth_refreshed(Ok(None), false, NOW), Reply::default());
        let expired = r#"{"ok":false,"error":"The token has expired","code":"token_expired"}"#;
        assert_eq!(ack(Err(AuthError::Expired), true).as_deref(), Some(expired));
    }
    let workspace = Workspace::new(true);
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
    let said = |shown| workspace.auth_refreshed(shown, false, NOW).say.remove(0);
    same(said(Ok(Some(ends))), told(json!({ "expires_at": at }), "auth_refreshed"));
    same(said(Ok(None)), told(json!({ "expires_at": null }), "auth_refreshed"));
    same(said(Err(AuthError::Expired)), told(json!({ "error": "The token has expired", "code": "token_expired" }), "error"));
}

#[test]
fn household_responds_only_by_requested_acknowledgements() {
    let entered = Outcome::Joined(RoomKind::Household.room(5));
    let error = DomainError::NotFound("Household");
    let confirmed = answered(&Household, "join:household", Ok(&entered), true);
    assert_eq!(confirmed, Reply { ack: Some(r#"{"ok":true,"householdId":"5"}"#.into()), ..Reply::default() });
    assert_eq!(answered(&Household, "join:household", Ok(&entered), false), Reply::default());
    assert_eq!(answered(&Household, "leave:household", Ok(&Outcome::Left(RoomKind::Household.room(5))), true), confirmed);

    let refused = answered(&Household, "join:household", Err(&error), true);
    let ack: Value = serde_json::from_str(&refused.ack.unwrap()).unwrap();
    assert_eq!(ack, json!({ "ok": false, "error": "Household not found", "code": "not_found" }));
    assert_eq!((refused.say, refused.close), (vec![], None));

    let refused = answered(&Household, "join:household", Err(&error), false);
    let [OutboundMessage::Event { name, args, .. }] = &refused.say[..] else { panic!("{refused:?}") };
    assert_eq!(name, "error");
    let args: Value = serde_json::from_str(args).unwrap();
    assert_eq!(args, json!({ "message": "Household not found", "code": "not_found", "event": "join:household" }));
    assert_eq!((refused.ack, refused.close), (None, None));
}

fn text(message: &OutboundMessage) -> Value {
    let OutboundMessage::Text(text) = message else { panic!("{message:?} is no text") };
    serde_json::from_str(text).unwrap()
}

#[test]
fn workspace_welcomes_with_numeric_ids_as_numbers() {
    let welcome = |user: &User| text(&Workspace::new(true).greeting(user, "a socket", NOW).unwrap());
    assert_eq!(
        welcome(&alice()),
        json!({ "type": "connected", "data": { "message": "Connected successfully", "user_id": 7, "username": "alice" },
            "timestamp": MICROSECONDS })
    );
    assert_eq!(welcome(&bob())["data"], json!({ "message": "Connected successfully", "user_id": "bob", "username": "bob" }));
}

#[test]
fn workspace_renders_a_message_with_all_its_fields() {
    let room = RoomKind::Channel.room(456);
    let told =
        |message: Message| text(&Workspace::new(true).persisted_event(&persisted(message.room.clone(), Event::MessageSent { message }))[0]);
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
fn workspace_renders_presence_of_its_rooms() {
    let contract = Workspace::new(true);
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
fn workspace_renders_project_events_in_envelopes() {
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
        let said: Vec<Value> = Workspace::new(true).persisted_event(&persisted(room.clone(), event)).iter().map(text).collect();
        assert_eq!(said, envelopes);
    }
}

#[test]
fn workspace_renders_edited_and_deleted_messages() {
    let room = RoomKind::Channel.room(456);
    let told = |event| text(&Workspace::new(true).persisted_event(&persisted(room.clone(), event))[0]);
    let edited = told(Event::MessageEdited { message: message(room.clone(), None) });
    assert_eq!((&edited["type"], &edited["sender"]), (&json!("message.edited"), &json!("alice")));
    assert_eq!(edited["data"]["message_id"], json!(1_112_000_000_000_002_i64));
    assert_eq!(edited["data"]["content"], json!("Hello \"everyone\"\n"));
    let deleted = json!({ "type": "message.deleted", "room": "channel:456", "sender": "alice", "timestamp": MICROSECONDS,
        "data": { "message_id": 9, "username": "alice", "user_id": 7 } });
    assert_eq!(told(Event::MessageDeleted { message: 9, sender: alice() }), deleted);
}

#[test]
fn workspace_ignores_other_events_and_rooms() {
    let contract = Workspace::new(true);
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
fn workspace_parses_envelopes_and_names_their_errors() {
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
        assert_eq!(asked(&Workspace::new(true), &ClientMessage::Text(said)), comes_to, "{shown}");
    }
    assert_eq!(asked_by_event(&Workspace::new(true), r#"["join_room",{"room":"channel:1"}]"#), "unknown");
}

#[test]
fn workspace_responds_in_envelopes() {
    let say = |outcome: &Outcome| {
        let reply = answered(&Workspace::new(true), "whatever", Ok(outcome), false);
        assert_eq!((reply.ack, reply.close), (None, None));
        reply.say.iter().map(text).collect::<Vec<_>>()
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
fn workspace_closes_only_after_a_forbidden_room() {
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
            let reply = answered(&Workspace::new(close_on_forbidden), "join_room", Err(&domain_error), false);
            let [said] = &reply.say[..] else { panic!("{reply:?}") };
            let mut data = json!({ "error": error, "code": code });
            if code == "invalid" {
                data["field"] = json!("room");
            }
            assert_eq!(text(said), json!({ "type": "error", "data": data, "timestamp": MICROSECONDS }));
            assert_eq!(reply.close, (closes && close_on_forbidden).then_some((4403, "Forbidden")), "{error:?}");
        }
    }
}

fn notification(data: Option<Value>) -> Notification {
    Notification {
        id: 1_112_000_000_000_003,
        user: UserId::new("7"),
        kind: "order".into(),
        title: "Sent".into(),
        message: "On its way".into(),
        link: Some("/orders/7".into()),
        data,
        read: false,
        created_at: NOW,
    }
}

#[test]
fn each_contract_renders_a_notification_in_its_form() {
    let (inbox, data) = (RoomId::inbox(&UserId::new("7")), json!({ "orderId": 7, "priority": "high" }));
    let created = persisted(inbox.clone(), Event::NotificationCreated { notification: notification(Some(data.clone())) });
    let shared =
        json!({ "id": "1112000000000003", "type": "order", "title": "Sent", "message": "On its way", "link": "/orders/7", "data": data });
    let in_messenger = with(shared.clone(), json!({ "userId": "7", "isRead": false, "createdAt": MILLISECONDS }));
    assert_eq!(events(&Messenger.persisted_event(&created)), [("notification:new", in_messenger)]);
    assert_eq!(events(&Trip.persisted_event(&created)), [("notification", with(shared, json!({ "timestamp": MILLISECONDS })))]);
    let [said] = &Workspace::new(true).persisted_event(&created)[..] else { panic!("not one envelope") };
    let data = json!({ "notification_id": 1_112_000_000_000_003_i64, "type": "order", "title": "Sent", "message": "On its way",
        "link": "/orders/7", "priority": "high", "metadata": data });
    assert_eq!(text(said), json!({ "type": "notification.new", "data": data, "timestamp": MICROSECONDS }));

    let read = persisted(inbox.clone(), Event::NotificationRead { notification: 1_112_000_000_000_003 });
    assert_eq!(events(&Messenger.persisted_event(&read)), [("notification:read", json!("1112000000000003"))]);
    let all_read = persisted(inbox, Event::NotificationsRead);
    assert_eq!(Messenger.persisted_event(&all_read), [OutboundMessage::event("notifications:read-all", "").unwrap()], "it has no argument");
    for silent in [read, all_read] {
        assert_eq!(
            (Trip.persisted_event(&silent), Workspace::new(true).persisted_event(&silent), Household.persisted_event(&silent)),
            (vec![], vec![], vec![])
        );
    }
}

#[test]
fn messenger_renders_events_of_conversations_only() {
    let room = RoomKind::Conversation.room(5);
    let table = [
        (
            Event::MessageSent { message: message(room.clone(), None) },
            "message:new",
            json!({ "id": "1112000000000002", "conversationId": "5", "senderId": "7",
                "sender": { "id": "7", "name": "Alice", "avatarUrl": "https://example.com/a.png" }, "content": "Hello \"everyone\"\n",
                "clientId": null, "isRead": false, "createdAt": MILLISECONDS, "updatedAt": MILLISECONDS }),
        ),
        (
            Event::MessageDeleted { message: 1_112_000_000_000_002, sender: alice() },
            "message:deleted",
            json!({ "conversationId": "5", "messageId": "1112000000000002" }),
        ),
        (
            Event::MessagesRead { by: UserId::new("bob"), messages: vec![1, 2], up_to: 3, to_reader_alone: false },
            "messages:read",
            json!({ "conversationId": "5", "messageIds": ["1", "2"], "userId": "bob", "upTo": "3" }),
        ),
    ];
    for (happened, name, payload) in table {
        assert_eq!(events(&Messenger.persisted_event(&persisted(room.clone(), happened.clone()))), [(name, payload)]);
        assert_eq!(Messenger.persisted_event(&persisted(RoomKind::ChatRoom.room(5), happened)), vec![], "{name}");
    }
    let typing = |room: &RoomId| Messenger.ephemeral_event(&EphemeralEvent::Typing { room: room.clone(), user: UserId::new("7") }, NOW);
    let told = json!({ "conversationId": "5", "userId": "7" });
    assert_eq!(events(typing(&room).as_slice()), [("typing:start", told)]);
    assert_eq!(typing(&RoomKind::ChatRoom.room(5)), None);
}

#[test]
fn messenger_parses_a_bare_id_and_an_object_with_one() {
    let conversation = "invalid conversationId: must be the id of a conversation, as text or number";
    let user = "invalid userId: must be the id of a user, as text or number";
    let users = "invalid userIds: must be a list of at most 200 ids, each as text or number";
    let notification = "invalid notificationId: must be the id of a notification, as text or number";
    let many = format!(r#"["users:get-status",[{}"7"]]"#, "7,".repeat(200));
    let table = [
        (r#"["join:conversation","5"]"#, "join:conversation enter conversation:5"),
        (r#"["join:conversation",5]"#, "join:conversation enter conversation:5"),
        (r#"["join:conversation",{"conversationId":5}]"#, "join:conversation enter conversation:5"),
        (r#"["leave:conversation","c-1"]"#, "leave:conversation leave conversation:c-1"),
        (r#"["conversation:get-online-users","5"]"#, "conversation:get-online-users online in conversation:5"),
        (r#"["user:get-status","7"]"#, "user:get-status statuses 7"),
        (r#"["user:get-status",{"userId":7}]"#, "user:get-status statuses 7"),
        (r#"["users:get-status",["7",8,"bob"]]"#, "users:get-status statuses 7 8 bob"),
        (r#"["users:get-status",{"userIds":[]}]"#, "users:get-status statuses "),
        (r#"["notification:read","5"]"#, "notification:read execute"),
        (r#"["notification:read",{"notificationId":5}]"#, "notification:read execute"),
        (r#"["notifications:read-all"]"#, "notifications:read-all execute"),
        (r#"["notifications:read-all",null]"#, "notifications:read-all execute"),
        (r#"["notification:read","none"]"#, "not_found Notification not found"),
        (r#"["notification:read"]"#, "invalid notificationId: is required"),
        (r#"["notification:read",null]"#, "invalid notificationId: is required"),
        (r#"["notification:read",{"id":"5"}]"#, "invalid notificationId: is required"),
        (r#"["notification:read",[5]]"#, notification),
        (r#"["join:conversation"]"#, "invalid conversationId: is required"),
        (r#"["join:conversation",{"conversationId":null}]"#, "invalid conversationId: is required"),
        (r#"["join:conversation",["5"]]"#, conversation),
        (r#"["typing:start",{}]"#, "invalid conversationId: is required"),
        (r#"["typing:stop",true]"#, conversation),
        (r#"["user:get-status",""]"#, user),
        (r#"["user:get-status"]"#, "invalid userId: is required"),
        (r#"["users:get-status"]"#, "invalid userIds: is required"),
        (r#"["users:get-status",{}]"#, "invalid userIds: is required"),
        (r#"["users:get-status","7"]"#, users),
        (r#"["users:get-status",["7",null]]"#, users),
        (r#"["users:get-status",["7",""]]"#, users),
        (&many, users),
        (r#"["message:send",{"content":"x"}]"#, "unknown"),
    ];
    for (packet, comes_to) in table {
        assert_eq!(asked_by_event(&Messenger, packet), comes_to, "{packet}");
    }
}

#[test]
fn messenger_responds_to_a_rejected_presence_query_with_a_list() {
    let refusals =
        [DomainError::NotFound("Conversation"), DomainError::RateLimited { retry_after: 3 }, DomainError::Unavailable("full".into())];
    for error in refusals {
        let refused = answered(&Messenger, "conversation:get-online-users", Err(&error), true);
        assert_eq!(refused, Reply { ack: Some("[]".into()), ..Reply::default() }, "{error}");
    }
}

#[test]
fn studio_renders_each_event_with_its_keys() {
    let room = RoomKind::ChatRoom.room(1);
    let call = Call {
        id: 123,
        room: room.clone(),
        sort: "AUDIO".into(),
        initiated_by: alice(),
        status: CallStatus::Ringing,
        started_at: NOW,
        answered_at: None,
        ended_at: None,
        ended_by: None,
        participants: vec![],
    };
    let missed = Call { status: CallStatus::Missed, ended_at: Some(NOW), ..call.clone() };
    let ended = Call { status: CallStatus::Ended, ended_by: Some(UserId::new("bob")), ..missed.clone() };
    let edited = Message { edited_at: Some(NOW), ..message(room.clone(), None) };
    let id = 1_112_000_000_000_002_i64;
    let table = [
        (
            Event::MessageSent { message: message(room.clone(), None) },
            "message:new",
            json!({ "id": id, "roomId": 1, "senderId": 7, "content": "Hello \"everyone\"\n", "type": "TEXT", "fileUrl": null,
                "createdAt": MILLISECONDS, "sender": { "id": 7, "name": "Alice" } }),
        ),
        (
            Event::MessageEdited { message: edited },
            "message:edited",
            json!({ "messageId": id, "content": "Hello \"everyone\"\n", "updatedAt": MILLISECONDS }),
        ),
        (Event::MessageDeleted { message: id, sender: alice() }, "message:deleted", json!({ "messageId": id, "roomId": 1 })),
        (
            Event::CallInitiated { call: call.clone(), not_for: Vec::new() },
            "call:initiated",
            json!({ "callId": 123, "callType": "AUDIO", "initiatedBy": 7, "timestamp": MILLISECONDS }),
        ),
        (Event::CallAnswered { call, by: bob() }, "call:answered", json!({ "callId": 123, "answeredBy": "bob" })),
        (Event::CallEnded { call: ended }, "call:ended", json!({ "callId": 123, "endedBy": "bob" })),
        (Event::CallEnded { call: missed }, "call:ended", json!({ "callId": 123, "roomId": 1, "endedBy": null, "reason": "missed" })),
        (
            Event::MemberLeft { space: space(room.clone()), user: UserId::new("7"), by: None, by_whom: None },
            "member:left",
            json!({ "userId": 7, "roomId": 1, "timestamp": MILLISECONDS }),
        ),
    ];
    for (event, name, payload) in table {
        assert_eq!(events(&Studio.persisted_event(&persisted(room.clone(), event))), [(name, payload)]);
    }
    let elsewhere = RoomKind::Conversation.room(1);
    assert!(Studio.persisted_event(&persisted(elsewhere.clone(), Event::MessageSent { message: message(elsewhere, None) })).is_empty());
}

#[test]
fn trip_renders_each_event_with_its_keys() {
    let room = RoomKind::Trip.room(5);
    let by = UserId::new("bob");
    let member =
        |id, name, avatar: Value, role| json!({ "userId": id, "name": name, "avatarUrl": avatar, "role": role, "joinedAt": MILLISECONDS });
    let members = json!({ "memberCount": 100_000, "members": [member("7", "Alice", json!("https://example.com/a.png"), "admin"), member("bob", "", Value::Null, "member")] });
    let changes = TripChanges { name: Some("Roma".into()), description: Some(None), ..TripChanges::default() };
    let more = serde_json::Map::from_iter([("color".to_owned(), json!("red"))]);
    let table = [
        (Event::TripUpdated { changes, more, by: by.clone() }, json!({ "name": "Roma", "description": null, "color": "red" })),
        (Event::MemberJoined { space: space(room.clone()), user: alice(), by: Some(by.clone()), by_whom: None }, members.clone()),
        (Event::MemberLeft { space: space(room.clone()), user: by.clone(), by: None, by_whom: None }, members.clone()),
        (Event::RoleChanged { space: space(room.clone()), user: alice().id, by }, members),
    ];
    for (event, changes) in table {
        let told = json!({ "tripId": "5", "changes": changes, "updatedBy": "bob", "timestamp": MILLISECONDS });
        assert_eq!(events(&Trip.persisted_event(&persisted(room.clone(), event.clone()))), [("trip:updated", told)], "{event:?}");
        assert!(Trip.persisted_event(&persisted(RoomKind::Household.room(5), event)).is_empty());
    }
    let deleted = Event::SpaceDeleted { space: space(room.clone()), users: vec![], by: UserId::new("bob") };
    let updated = json!({ "tripId": "5", "changes": { "deleted": true }, "updatedBy": "bob", "timestamp": MILLISECONDS });
    let removed = json!({ "tripId": "5", "removedBy": "bob", "timestamp": MILLISECONDS });
    assert_eq!(events(&Trip.persisted_event(&persisted(room.clone(), deleted))), [("trip:updated", updated), ("trip:removed", removed)]);
    let told = json!({ "userId": "bob", "tripId": "5", "timestamp": MILLISECONDS });
    for (name, ephemeral) in [
        ("user:joined", EphemeralEvent::RoomJoined { room: room.clone(), user: bob() }),
        ("user:left", EphemeralEvent::RoomLeft { room, user: bob(), removed: false }),
    ] {
        assert_eq!(events(Trip.ephemeral_event(&ephemeral, NOW).as_slice()), [(name, told.clone())]);
    }
}

/// The events of each contract but household's for a user who is added to a space, and for a user who is removed from it.
#[test]
fn the_inbox_receives_additions_to_and_removals_from_spaces() {
    let workspace = Workspace::new(true);
    let contracts: [(&dyn Contract, RoomKind); 4] =
        [(&Studio, RoomKind::ChatRoom), (&Messenger, RoomKind::Conversation), (&Trip, RoomKind::Trip), (&workspace, RoomKind::Project)];
    let member = |more: Value| with(json!({ "role": "admin" }), more);
    let studio = json!({ "id": 5, "name": "Home", "createdBy": 7, "createdAt": MILLISECONDS, "updatedAt": MILLISECONDS, "memberCount": 100_000, "members": [
        member(json!({ "id": 7, "name": "Alice", "joinedAt": MILLISECONDS })),
    ] });
    let avatar = "https://example.com/a.png";
    let user = json!({ "id": "7", "name": "Alice", "avatarUrl": avatar });
    let last = json!({ "id": "1112000000000002", "conversationId": "5", "senderId": "7", "sender": user, "content": "Hello \"everyone\"\n",
        "clientId": null, "isRead": true, "createdAt": MILLISECONDS, "updatedAt": MILLISECONDS });
    let messenger = json!({ "id": "5", "title": "Home", "memberCount": 100_000, "participants": [member(with(user, json!({ "joinedAt": MILLISECONDS })))],
        "lastMessage": last, "unreadCount": 0, "createdBy": "7", "createdAt": MILLISECONDS, "updatedAt": MILLISECONDS });
    let trip = json!({ "id": "5", "name": "Home", "description": "By train", "startDate": null, "endDate": null, "createdBy": "7",
        "createdAt": MILLISECONDS, "updatedAt": MILLISECONDS, "memberCount": 100_000,
        "members": [member(json!({ "userId": "7", "name": "Alice", "avatarUrl": avatar, "joinedAt": MILLISECONDS }))] });
    let project = json!({ "id": 5, "name": "Home", "created_by": 7, "created_at": MICROSECONDS, "updated_at": MICROSECONDS,
        "archived_at": null, "member_count": 100_000, "members": [
            member(json!({ "user_id": 7, "username": "alice", "name": "Alice", "joined_at": MICROSECONDS })),
        ] });
    let table = [
        (
            "room:added",
            studio,
            "addedBy",
            json!("bob"),
            "room:removed",
            json!({ "roomId": 5, "removedBy": "bob", "timestamp": MILLISECONDS }),
        ),
        (
            "conversation:added",
            messenger,
            "addedBy",
            json!("bob"),
            "conversation:removed",
            json!({ "conversationId": "5", "removedBy": "bob" }),
        ),
        (
            "trip:added",
            trip,
            "addedBy",
            json!("bob"),
            "trip:removed",
            json!({ "tripId": "5", "removedBy": "bob", "timestamp": MILLISECONDS }),
        ),
    ];
    let inbox = RoomId::inbox(&alice().id);
    let details = TripDetails { description: Some("By train".to_owned()), ..TripDetails::default() };
    let alone = |kind: RoomKind| {
        let space = space(kind.room(5));
        Space { members: space.members.into_iter().take(1).collect(), ..space }
    };
    let added = |kind: RoomKind| {
        let last = Some(Box::new(MessageWithReadState { message: message(kind.room(5), None), read: true }));
        persisted(inbox.clone(), Event::Added { space: alone(kind), by: Some(bob()), trip: Some(details.clone()), last })
    };
    let removed = |kind: RoomKind| persisted(inbox.clone(), Event::Removed { space: kind.room(5), by: Some(bob()) });
    for ((contract, kind), (added_as, object, by, who, removed_as, gone)) in contracts.into_iter().zip(table) {
        let mut expected = with(object, json!({}));
        expected[by] = who;
        assert_eq!(events(&contract.persisted_event(&added(kind))), [(added_as, expected)]);
        assert_eq!(events(&contract.persisted_event(&removed(kind))), [(removed_as, gone)]);
    }
    let envelope = |r#type: &str, data: Value, sender: &str| json!({ "type": r#type, "room": "project:5", "data": data, "sender": sender, "timestamp": MICROSECONDS });
    let said = |persisted: &PersistedEvent| workspace.persisted_event(persisted).iter().map(text).collect::<Vec<_>>();
    assert_eq!(said(&added(RoomKind::Project)), [envelope("project.added", project.clone(), "bob")]);
    assert_eq!(said(&removed(RoomKind::Project)), [envelope("project.removed", json!({ "project_id": 5 }), "bob")]);
    let created =
        |kind: RoomKind| persisted(kind.room(5), Event::SpaceCreated { space: alone(kind), users: vec![], trip: Some(details.clone()) });
    assert_eq!(said(&created(RoomKind::Project)), [envelope("project.added", project, "alice")]);
    for (contract, kind) in contracts {
        assert_eq!(contract.persisted_event(&created(kind)).len(), 1, "the members of a new space receive it, too");
        for (other, of) in contracts.into_iter().filter(|(_, of)| *of != kind) {
            assert!(
                other.persisted_event(&added(kind)).is_empty() && other.persisted_event(&removed(kind)).is_empty(),
                "{kind:?} is nothing to {of:?}"
            );
        }
        assert!(Household.persisted_event(&added(kind)).is_empty());
    }
}
