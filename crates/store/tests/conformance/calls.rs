use domain::calls::{Call, CallStatus, Participant};
use domain::ids::{EntityId, RoomId, RoomKind};
use domain::ports::{Page, Store};

use crate::{T0, at, id, store_users, user};

pub fn call(id: EntityId, room: &RoomId) -> Call {
    Call {
        id,
        room: room.clone(),
        sort: "VIDEO".to_owned(),
        initiated_by: user("ann"),
        status: CallStatus::Ringing,
        started_at: T0,
        answered_at: None,
        ended_at: None,
        ended_by: None,
        participants: Vec::new(),
    }
}

fn participant(name: &str, joined: i64, left: Option<i64>) -> Participant {
    Participant { user: user(name), joined_at: at(joined), left_at: left.map(at) }
}

pub fn call_is_read_back_with_participants_in_order_of_joining(store: &mut dyn Store) {
    store_users(store, &["ann", "ben"]);
    assert_eq!(store.call(1).unwrap(), None);
    let mut call = call(1, &RoomKind::ChatRoom.room(7));
    store.insert_call(&call).unwrap();
    for part in [participant("ben", 1, None), participant("ann", 2, None), participant("ben", 4, Some(5))] {
        store.put_participant(1, &part).unwrap();
    }
    call.participants = vec![participant("ben", 4, Some(5)), participant("ann", 2, None)];
    assert_eq!(store.call(1).unwrap().as_ref(), Some(&call));
    assert_eq!(store.present_participants().unwrap(), [(1, id("ann"))]);
    for status in [CallStatus::Ongoing, CallStatus::Missed, CallStatus::Ended] {
        call = Call { status, answered_at: Some(at(2)), ended_at: Some(at(9)), ended_by: Some(id("ben")), ..call };
        store.update_call(&call).unwrap();
        assert_eq!(store.call(1).unwrap().as_ref(), Some(&call));
    }
    assert!(store.present_participants().unwrap().is_empty(), "the call has ended");
}

pub fn room_has_at_most_one_open_call(store: &mut dyn Store) {
    store_users(store, &["ann"]);
    let (here, there) = (RoomKind::ChatRoom.room(7), RoomKind::ChatRoom.room(8));
    store.insert_call(&call(1, &here)).unwrap();
    store.insert_call(&call(2, &there)).unwrap();
    assert!(store.insert_call(&call(3, &here)).is_err(), "two are a fault of the rules");
    assert_eq!(store.open_call(&here).unwrap(), Some(call(1, &here)));
    assert_eq!(store.open_calls().unwrap(), [(1, here.clone()), (2, there.clone())]);
    store.update_call(&Call { status: CallStatus::Ended, ended_at: Some(at(9)), ..call(1, &here) }).unwrap();
    assert_eq!(store.open_call(&here).unwrap(), None);
    assert_eq!(store.open_calls().unwrap(), [(2, there.clone())]);
    store.insert_call(&call(3, &here)).unwrap();
}

pub fn insert_of_existing_or_update_of_missing_call_fails(store: &mut dyn Store) {
    store_users(store, &["ann"]);
    let (here, there) = (RoomKind::ChatRoom.room(7), RoomKind::ChatRoom.room(8));
    store.insert_call(&call(1, &here)).unwrap();
    assert!(store.insert_call(&call(1, &there)).is_err());
    assert_eq!(store.call(1).unwrap(), Some(call(1, &here)));
    assert!(store.update_call(&call(2, &there)).is_err());
    assert_eq!(store.call(2).unwrap(), None);
}

pub fn calls_are_listed_newest_first_in_pages(store: &mut dyn Store) {
    store_users(store, &["ann"]);
    let (here, there) = (RoomKind::ChatRoom.room(7), RoomKind::ChatRoom.room(8));
    for n in 1..=4 {
        store.insert_call(&Call { status: CallStatus::Ended, ended_at: Some(at(n)), ..call(n, &here) }).unwrap();
    }
    store.insert_call(&call(5, &there)).unwrap();
    let mut ids =
        |limit, before| -> Vec<EntityId> { store.calls_in(&here, &Page { limit, before }).unwrap().iter().map(|call| call.id).collect() };
    assert_eq!(ids(9, None), [4, 3, 2, 1]);
    assert_eq!(ids(2, Some(4)), [3, 2]);
    assert!(ids(2, Some(1)).is_empty());
}
