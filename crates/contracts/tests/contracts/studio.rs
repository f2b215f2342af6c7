//! The studio contract.

use contracts::Contract;
use contracts::studio::StudioContract;
use domain::calls::{Call, CallStatus};
use domain::chat::Message;
use domain::event::Event;
use domain::ids::{RoomKind, UserId};
use serde_json::{Value, json};

use crate::support::{MILLISECONDS, NOW, added, alice, bob, created, events, message, persisted, removed, space, with};

#[test]
fn persisted_events_are_encoded_with_the_keys_of_the_contract() {
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
        assert_eq!(events(&StudioContract.persisted_event(&persisted(room.clone(), event))), [(name, payload)]);
    }
    let elsewhere = RoomKind::Conversation.room(1);
    assert!(
        StudioContract.persisted_event(&persisted(elsewhere.clone(), Event::MessageSent { message: message(elsewhere, None) })).is_empty()
    );
}

#[test]
fn user_who_is_added_or_removed_receives_an_event() {
    let member = |more: Value| with(json!({ "role": "admin" }), more);
    let studio = json!({ "id": 5, "name": "Home", "createdBy": 7, "createdAt": MILLISECONDS, "updatedAt": MILLISECONDS, "memberCount": 100_000, "members": [
        member(json!({ "id": 7, "name": "Alice", "joinedAt": MILLISECONDS })),
    ] });
    let added_event = with(studio, json!({ "addedBy": "bob" }));
    assert_eq!(events(&StudioContract.persisted_event(&added(RoomKind::ChatRoom))), [("room:added", added_event)]);
    assert_eq!(
        events(&StudioContract.persisted_event(&removed(RoomKind::ChatRoom))),
        [("room:removed", json!({ "roomId": 5, "removedBy": "bob", "timestamp": MILLISECONDS }))]
    );
    assert_eq!(StudioContract.persisted_event(&created(RoomKind::ChatRoom)).len(), 1);
}
