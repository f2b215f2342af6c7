//! The trip contract.

use contracts::Contract;
use contracts::trip::TripContract;
use domain::event::{EphemeralEvent, Event};
use domain::ids::{RoomId, RoomKind, UserId};
use domain::trips::TripChanges;
use serde_json::{Value, json};

use crate::support::{MILLISECONDS, NOW, added, alice, bob, created, events, notification, persisted, removed, space, with};

#[test]
fn events_are_encoded_with_the_keys_of_the_contract() {
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
        assert_eq!(events(&TripContract.persisted_event(&persisted(room.clone(), event.clone()))), [("trip:updated", told)], "{event:?}");
        assert!(TripContract.persisted_event(&persisted(RoomKind::Household.room(5), event)).is_empty());
    }
    let deleted = Event::SpaceDeleted { space: space(room.clone()), users: vec![], by: UserId::new("bob") };
    let updated = json!({ "tripId": "5", "changes": { "deleted": true }, "updatedBy": "bob", "timestamp": MILLISECONDS });
    let removed = json!({ "tripId": "5", "removedBy": "bob", "timestamp": MILLISECONDS });
    assert_eq!(
        events(&TripContract.persisted_event(&persisted(room.clone(), deleted))),
        [("trip:updated", updated), ("trip:removed", removed)]
    );
    let told = json!({ "userId": "bob", "tripId": "5", "timestamp": MILLISECONDS });
    for (name, ephemeral) in [
        ("user:joined", EphemeralEvent::RoomJoined { room: room.clone(), user: bob() }),
        ("user:left", EphemeralEvent::RoomLeft { room, user: bob(), removed: false }),
    ] {
        assert_eq!(events(TripContract.ephemeral_event(&ephemeral, NOW).as_slice()), [(name, told.clone())]);
    }
}

#[test]
fn notification_is_encoded_and_its_reading_is_not() {
    let (inbox, data) = (RoomId::inbox(&UserId::new("7")), json!({ "orderId": 7, "priority": "high" }));
    let created = persisted(inbox.clone(), Event::NotificationCreated { notification: notification(Some(data.clone())) });
    let shared =
        json!({ "id": "1112000000000003", "type": "order", "title": "Sent", "message": "On its way", "link": "/orders/7", "data": data });
    assert_eq!(events(&TripContract.persisted_event(&created)), [("notification", with(shared, json!({ "timestamp": MILLISECONDS })))]);
    for event in [Event::NotificationRead { notification: 1 }, Event::NotificationsRead] {
        assert_eq!(TripContract.persisted_event(&persisted(inbox.clone(), event)), vec![]);
    }
}

#[test]
fn user_who_is_added_or_removed_receives_an_event() {
    let member = |more: Value| with(json!({ "role": "admin" }), more);
    let avatar = "https://example.com/a.png";
    let trip = json!({ "id": "5", "name": "Home", "description": "By train", "startDate": null, "endDate": null, "createdBy": "7",
        "createdAt": MILLISECONDS, "updatedAt": MILLISECONDS, "memberCount": 100_000,
        "members": [member(json!({ "userId": "7", "name": "Alice", "avatarUrl": avatar, "joinedAt": MILLISECONDS }))] });
    let added_event = with(trip, json!({ "addedBy": "bob" }));
    assert_eq!(events(&TripContract.persisted_event(&added(RoomKind::Trip))), [("trip:added", added_event)]);
    assert_eq!(
        events(&TripContract.persisted_event(&removed(RoomKind::Trip))),
        [("trip:removed", json!({ "tripId": "5", "removedBy": "bob", "timestamp": MILLISECONDS }))]
    );
    assert_eq!(TripContract.persisted_event(&created(RoomKind::Trip)).len(), 1);
}
