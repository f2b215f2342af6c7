//! The messenger contract.

use contracts::messenger::MessengerContract;
use contracts::{Contract, Reply};
use domain::error::DomainError;
use domain::event::{EphemeralEvent, Event};
use domain::ids::{RoomId, RoomKind, UserId};
use engine::OutboundMessage;
use serde_json::{Value, json};

use crate::support::{
    MILLISECONDS, NOW, added, alice, answered, asked_by_event, created, events, message, notification, persisted, removed, with,
};

#[test]
fn events_of_conversations_alone_are_encoded() {
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
        assert_eq!(events(&MessengerContract.persisted_event(&persisted(room.clone(), happened.clone()))), [(name, payload)]);
        assert_eq!(MessengerContract.persisted_event(&persisted(RoomKind::ChatRoom.room(5), happened)), vec![], "{name}");
    }
    let typing =
        |room: &RoomId| MessengerContract.ephemeral_event(&EphemeralEvent::Typing { room: room.clone(), user: UserId::new("7") }, NOW);
    let told = json!({ "conversationId": "5", "userId": "7" });
    assert_eq!(events(typing(&room).as_slice()), [("typing:start", told)]);
    assert_eq!(typing(&RoomKind::ChatRoom.room(5)), None);
}

#[test]
fn id_is_accepted_alone_and_in_an_object() {
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
        assert_eq!(asked_by_event(&MessengerContract, packet), comes_to, "{packet}");
    }
}

#[test]
fn rejected_query_of_online_users_returns_an_empty_list() {
    let refusals =
        [DomainError::NotFound("Conversation"), DomainError::RateLimited { retry_after: 3 }, DomainError::Unavailable("full".into())];
    for error in refusals {
        let refused = answered(&MessengerContract, "conversation:get-online-users", Err(&error), true);
        assert_eq!(refused, Reply { ack: Some("[]".into()), ..Reply::default() }, "{error}");
    }
}

#[test]
fn notification_and_its_reading_are_encoded() {
    let (inbox, data) = (RoomId::inbox(&UserId::new("7")), json!({ "orderId": 7, "priority": "high" }));
    let created = persisted(inbox.clone(), Event::NotificationCreated { notification: notification(Some(data.clone())) });
    let shared =
        json!({ "id": "1112000000000003", "type": "order", "title": "Sent", "message": "On its way", "link": "/orders/7", "data": data });
    let in_messenger = with(shared, json!({ "userId": "7", "isRead": false, "createdAt": MILLISECONDS }));
    assert_eq!(events(&MessengerContract.persisted_event(&created)), [("notification:new", in_messenger)]);
    let read = persisted(inbox.clone(), Event::NotificationRead { notification: 1_112_000_000_000_003 });
    assert_eq!(events(&MessengerContract.persisted_event(&read)), [("notification:read", json!("1112000000000003"))]);
    let all_read = persisted(inbox, Event::NotificationsRead);
    assert_eq!(
        MessengerContract.persisted_event(&all_read),
        [OutboundMessage::event("notifications:read-all", "").unwrap()],
        "it has no argument"
    );
}

#[test]
fn user_who_is_added_or_removed_receives_an_event() {
    let member = |more: Value| with(json!({ "role": "admin" }), more);
    let avatar = "https://example.com/a.png";
    let user = json!({ "id": "7", "name": "Alice", "avatarUrl": avatar });
    let last = json!({ "id": "1112000000000002", "conversationId": "5", "senderId": "7", "sender": user, "content": "Hello \"everyone\"\n",
        "clientId": null, "isRead": true, "createdAt": MILLISECONDS, "updatedAt": MILLISECONDS });
    let messenger = json!({ "id": "5", "title": "Home", "memberCount": 100_000, "participants": [member(with(user, json!({ "joinedAt": MILLISECONDS })))],
        "lastMessage": last, "unreadCount": 0, "createdBy": "7", "createdAt": MILLISECONDS, "updatedAt": MILLISECONDS });
    let added_event = with(messenger, json!({ "addedBy": "bob" }));
    assert_eq!(events(&MessengerContract.persisted_event(&added(RoomKind::Conversation))), [("conversation:added", added_event)]);
    assert_eq!(
        events(&MessengerContract.persisted_event(&removed(RoomKind::Conversation))),
        [("conversation:removed", json!({ "conversationId": "5", "removedBy": "bob" }))]
    );
    assert_eq!(MessengerContract.persisted_event(&created(RoomKind::Conversation)).len(), 1);
}
