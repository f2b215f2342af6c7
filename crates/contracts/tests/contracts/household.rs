//! The household contract.

use contracts::household::HouseholdContract;
use contracts::{ClientMessage, Contract, Outcome, Reply};
use domain::error::DomainError;
use domain::event::Event;
use domain::ids::{RoomId, RoomKind, UserId};
use engine::OutboundMessage;
use serde_json::{Value, json};

use crate::support::{MILLISECONDS, alice, answered, asked, asked_by_event, bob, events, message, persisted, space, task, with};

fn alice_object() -> Value {
    json!({ "id": "7", "name": "Alice", "email": null, "avatarUrl": "https://example.com/a.png",
        "createdAt": MILLISECONDS, "updatedAt": MILLISECONDS })
}

fn bob_object() -> Value {
    json!({ "id": "bob", "name": "", "email": null, "avatarUrl": null, "createdAt": MILLISECONDS, "updatedAt": MILLISECONDS })
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
fn persisted_events_are_encoded_with_the_keys_of_the_contract() {
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
        assert_eq!(events(&HouseholdContract.persisted_event(&persisted(room.clone(), event))), expected);
    }
}

#[test]
fn other_events_and_rooms_have_no_message() {
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
        assert_eq!(HouseholdContract.persisted_event(&silent), vec![], "{silent:?}");
    }
    assert!(HouseholdContract.auto_joins(&RoomKind::Household.room(5)));
    assert!(!HouseholdContract.auto_joins(&project));
}

#[test]
fn join_and_leave_accept_ids_as_text_number_or_object() {
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
        assert_eq!(asked_by_event(&HouseholdContract, packet), comes_to, "{packet}");
    }
    assert_eq!(asked(&HouseholdContract, &ClientMessage::Text("join:household")), "unknown");
}

#[test]
fn request_without_acknowledgement_has_no_reply() {
    let entered = Outcome::Joined(RoomKind::Household.room(5));
    let error = DomainError::NotFound("Household");
    let confirmed = answered(&HouseholdContract, "join:household", Ok(&entered), true);
    assert_eq!(confirmed, Reply { ack: Some(r#"{"ok":true,"householdId":"5"}"#.into()), ..Reply::default() });
    assert_eq!(answered(&HouseholdContract, "join:household", Ok(&entered), false), Reply::default());
    assert_eq!(answered(&HouseholdContract, "leave:household", Ok(&Outcome::Left(RoomKind::Household.room(5))), true), confirmed);

    let refused = answered(&HouseholdContract, "join:household", Err(&error), true);
    let ack: Value = serde_json::from_str(&refused.ack.unwrap()).unwrap();
    assert_eq!(ack, json!({ "ok": false, "error": "Household not found", "code": "not_found" }));
    assert_eq!((refused.messages, refused.close), (vec![], None));

    let refused = answered(&HouseholdContract, "join:household", Err(&error), false);
    let [OutboundMessage::Event { name, args, .. }] = &refused.messages[..] else { panic!("{refused:?}") };
    assert_eq!(name, "error");
    let args: Value = serde_json::from_str(args).unwrap();
    assert_eq!(args, json!({ "message": "Household not found", "code": "not_found", "event": "join:household" }));
    assert_eq!((refused.ack, refused.close), (None, None));
}

#[test]
fn reading_of_notifications_has_no_message() {
    for event in [Event::NotificationRead { notification: 1 }, Event::NotificationsRead] {
        assert_eq!(HouseholdContract.persisted_event(&persisted(RoomId::inbox(&UserId::new("7")), event)), vec![]);
    }
}
