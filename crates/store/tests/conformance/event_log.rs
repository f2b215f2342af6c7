use std::collections::BTreeSet;

use domain::chat::{Message, MessageWithReadState};
use domain::custom_events::CustomEvent;
use domain::event::{Account, Event, EventKind, PersistedEvent};
use domain::ids::{RoomId, RoomKind, Timestamp};
use domain::ports::{EventBatch, Store};
use domain::spaces::{Member, Role, Space};
use domain::tasks::TaskStatus;
use domain::trips::{TripChanges, TripDetails};

use crate::calls::call;
use crate::{T0, at, home, id, message, notification, space, task, user};

pub fn each_room_has_its_own_seq_and_offsets_increase(store: &mut dyn Store) {
    let inbox = RoomId::inbox(&id("ann"));
    let mut last = 0;
    for (room, seq) in [(home(), 1), (inbox.clone(), 1), (home(), 2), (home(), 3), (inbox, 2)] {
        let persisted = store.append(&room, at(seq), Account(7), Event::TaskDeleted { task: seq, by: None }).unwrap();
        assert_eq!(
            (persisted.room, persisted.seq, persisted.at, persisted.event),
            (room, seq, at(seq), Event::TaskDeleted { task: seq, by: None })
        );
        assert!(persisted.offset > last);
        last = persisted.offset;
    }
}

pub fn every_event_is_read_back_as_recorded(store: &mut dyn Store) {
    let ann = user("ann");
    let members = vec![Member { user: ann.clone(), role: Role::Admin, joined_at: T0 }];
    let space = Space { members, parent: Some(RoomKind::Project.room(1)), ..space(&home()) };
    let mut task = task(5);
    task.assigned_to.push(ann.clone());
    let custom_event = CustomEvent {
        rooms: vec![home(), RoomId::everyone()],
        except: vec![RoomId::inbox(&ann.id)],
        except_connections: vec!["c".to_owned()],
        name: "order:update".to_owned(),
        data: Some(serde_json::json!({"order": 7})),
    };
    task.progress = Some(TaskStatus { status: "in_progress".to_owned(), priority: "high".to_owned() });
    let events = [
        Event::SpaceCreated { space: space.clone(), users: vec![ann.id.clone()], trip: Some(TripDetails::default()) },
        Event::SpaceUpdated { space: space.clone(), by: Some(ann.clone()) },
        Event::SpaceArchived { space: Space { archived_at: Some(at(9)), ..space.clone() }, by: None },
        Event::MemberJoined { space: space.clone(), user: ann.clone(), by: Some(id("ben")), by_whom: Some(user("ben")) },
        Event::MembershipClaimed { user: ann.id.clone() },
        Event::MemberLeft { space: space.clone(), user: ann.id.clone(), by: None, by_whom: None },
        Event::Added {
            space: space.clone(),
            by: Some(ann.clone()),
            trip: Some(TripDetails { description: Some("By train".to_owned()), ..TripDetails::default() }),
            last: Some(Box::new(MessageWithReadState { message: message(6, "ann"), read: true })),
        },
        Event::Removed { space: home(), by: None },
        Event::RoleChanged { space: space.clone(), user: ann.id.clone(), by: id("ben") },
        Event::SpaceDeleted { space: space.clone(), users: vec![ann.id.clone()], by: ann.id.clone() },
        Event::TripUpdated {
            changes: TripChanges { name: None, description: Some(None), start_date: Some(Some("2026-07-01".to_owned())), end_date: None },
            more: serde_json::Map::from_iter([("color".to_owned(), serde_json::json!([1, null]))]),
            by: ann.id.clone(),
        },
        Event::InviteRefreshed { space },
        Event::ProfileUpdated { user: ann.clone(), rooms: vec![home(), RoomKind::Household.room(2)] },
        Event::TaskCreated { task: task.clone() },
        Event::TaskUpdated { task: task.clone(), by: None, was: None, toggled_by: None, assigned: vec![], unassigned: vec![] },
        Event::TaskUpdated {
            task: task.clone(),
            by: Some(ann.clone()),
            was: Some("todo".to_owned()),
            toggled_by: Some(ann.clone()),
            assigned: vec![ann.clone()],
            unassigned: vec![user("ben")],
        },
        Event::TaskDeleted { task: task.id, by: Some(ann.clone()) },
        Event::TaskToggled { task: task.clone(), by: ann.clone() },
        Event::TaskStatusChanged { task: task.clone(), was: "todo".to_owned(), by: Some(ann.clone()) },
        Event::TaskAssigned { task: task.clone(), to: ann.clone(), by: Some(ann.clone()) },
        Event::TaskUnassigned { task, from: ann.clone(), by: None },
        Event::MessageSent { message: message(1_763_725_000_000_000, "ann") },
        Event::MessageEdited { message: Message { sort: None, file_url: None, edited_at: Some(at(60)), ..message(7, "ann") } },
        Event::CallInitiated { call: call(8, &home()), not_for: vec![id("ben")] },
        Event::CallAnswered { call: call(8, &home()), by: ann.clone() },
        Event::CallEnded { call: call(8, &home()) },
        Event::MessageDeleted { message: 7, sender: ann },
        Event::NotificationCreated { notification: notification(1_763_725_000_000_001, "ann") },
        Event::MessagesRead { by: id("ann"), messages: vec![1, 2], up_to: 2, to_reader_alone: true },
        Event::NotificationRead { notification: 1_763_725_000_000_001 },
        Event::NotificationsRead,
        Event::Emitted { custom_event },
        Event::ConnectionsEnded { users: vec![id("ann")], connections: vec!["a".to_owned()], reason: "revoked".to_owned() },
    ];
    let recorded: Vec<_> = events.into_iter().map(|event| store.append(&home(), T0, Account(7), event).unwrap()).collect();
    let kinds: BTreeSet<&str> = recorded.iter().map(|persisted| EventKind::from(&persisted.event).into()).collect();
    assert_eq!(kinds.len(), EventKind::COUNT, "one of each kind is tried");
    assert_eq!(persisted_events(store), recorded);
}

fn persisted_events(store: &mut dyn Store) -> Vec<PersistedEvent> {
    store.events_after(0, Timestamp(i64::MIN), 99).unwrap().events
}

pub fn events_after_an_offset_are_read_up_to_a_limit(store: &mut dyn Store) {
    let offsets: Vec<i64> = (1..=5)
        .map(|n| store.append(&RoomKind::Trip.room(n), T0, Account(7), Event::TaskDeleted { task: n, by: None }).unwrap().offset)
        .collect();
    let late = store.append(&home(), at(9), Account(7), Event::NotificationsRead).unwrap().offset;
    let read = |store: &mut dyn Store, after, since, limit| {
        let EventBatch { events, unreadable, complete_through, is_full } = store.events_after(after, since, limit).unwrap();
        assert!(unreadable.is_empty());
        (events.iter().map(|persisted| persisted.offset).collect::<Vec<_>>(), complete_through, is_full)
    };
    assert_eq!(read(store, 0, T0, 2), (offsets[..2].to_vec(), offsets[1], true));
    assert_eq!(read(store, offsets[3], T0, 9), (vec![offsets[4], late], late, false));
    assert_eq!(read(store, offsets[3], T0, 2), (vec![offsets[4], late], late, true));
    assert_eq!(read(store, 0, at(9), 9), (vec![late], late, false));
    assert_eq!(read(store, late, T0, 9), (vec![], late, false));
    store.delete_events(&offsets, Timestamp(i64::MAX)).unwrap();
    assert_eq!(read(store, 0, T0, 9), (vec![late], late, false), "deleted events are no gap");
}

pub fn range_has_an_event_with_several_offsets_by_its_last(store: &mut dyn Store) {
    assert_eq!(store.events_after(0, T0, 9).unwrap(), EventBatch::default());
    let rooms = (1..=3).map(|number| RoomKind::Household.room(number)).collect();
    let event = store.append(&home(), T0, Account(7), Event::ProfileUpdated { user: user("ann"), rooms }).unwrap();
    assert_eq!((event.first_offset(), event.offset), (1, 3));
    for after in 0..=2 {
        let batch = store.events_after(after, T0, 9).unwrap();
        assert_eq!((batch.events.len(), batch.complete_through), (1, 3), "{after}");
    }
}

fn forget(store: &mut dyn Store, until: i64, limit: u32) -> (u64, Vec<i64>) {
    let deleted = store.delete_events_before(at(until), limit).unwrap();
    (deleted, offsets(store))
}

fn offsets(store: &mut dyn Store) -> Vec<i64> {
    persisted_events(store).iter().map(|persisted| persisted.offset).collect()
}

pub fn last_offset_is_the_offset_of_the_last_event(store: &mut dyn Store) {
    assert_eq!(store.last_offset().unwrap(), 0);
    for n in 1..=3 {
        let persisted = store.append(&RoomKind::Trip.room(n), T0, Account(7), Event::NotificationsRead).unwrap();
        assert_eq!(store.last_offset().unwrap(), persisted.offset);
    }
}

pub fn old_events_are_deleted_in_steps_and_the_last_one_stays(store: &mut dyn Store) {
    for n in 1..=6 {
        store.append(&home(), at(n), Account(7), Event::NotificationsRead).unwrap();
    }
    assert_eq!((store.log_floor(at(0)).unwrap(), store.log_floor(at(3)).unwrap()), (0, 2));
    assert_eq!(forget(store, 1, 9), (0, vec![1, 2, 3, 4, 5, 6]), "no fact is so old");
    assert_eq!(forget(store, 4, 2), (2, vec![3, 4, 5, 6]), "the facts that were recorded before, at most two");
    assert_eq!(store.log_floor(at(0)).unwrap(), 2);
    assert_eq!(forget(store, 4, 9), (1, vec![4, 5, 6]));
    store.delete_events(&[4, 6], Timestamp(i64::MAX)).unwrap();
    assert_eq!((offsets(store), store.log_floor(at(0)).unwrap()), (vec![5, 6], 3), "evicted facts leave the floor");
    assert_eq!(forget(store, 99, 9), (1, vec![6]));
    assert_eq!(forget(store, 99, 9), (0, vec![6]));
    assert_eq!((store.log_floor(at(0)).unwrap(), store.log_floor(at(99)).unwrap()), (5, 6));
    assert_eq!(store.append(&home(), at(9), Account(7), Event::NotificationsRead).unwrap().offset, 7, "no offset comes twice");
}

pub fn gaps_are_stored_until_all_events_before_them_expire(store: &mut dyn Store) {
    for n in 1..=6 {
        store.append(&home(), at(n), Account(7), Event::NotificationsRead).unwrap();
    }
    for (room, until) in [("a", 2), ("", 4), ("a", 3), ("a", 1)] {
        store.put_gap(room, until).unwrap();
    }
    let holes = |store: &mut dyn Store, behind| store.gaps_after(behind).unwrap();
    assert_eq!(holes(store, 0), [(String::new(), 4), ("a".to_owned(), 3)]);
    assert_eq!(holes(store, 3), [(String::new(), 4)]);
    forget(store, 4, 9);
    assert_eq!(holes(store, 0), [(String::new(), 4)]);
}

pub fn event_is_found_by_its_offset(store: &mut dyn Store) {
    let persisted = store.append(&home(), T0, Account(-7), Event::NotificationsRead).unwrap();
    assert_eq!(persisted.account, Account(-7));
    assert_eq!(store.event_at(persisted.offset).unwrap(), Some(persisted));
    assert_eq!(store.event_at(99).unwrap(), None);
    let rooms = vec![home(), RoomKind::Trip.room(1), RoomKind::Trip.room(2)];
    let several = store.append(&home(), T0, Account(1), Event::ProfileUpdated { user: user("ann"), rooms }).unwrap();
    for offset in several.first_offset()..=several.offset {
        assert_eq!(store.event_at(offset).unwrap().as_ref(), Some(&several), "each of its offsets finds it");
    }
    store.append(&home(), T0, Account(1), Event::NotificationsRead).unwrap();
    store.delete_events(&[several.offset], Timestamp(i64::MAX)).unwrap();
    assert_eq!(store.event_at(several.first_offset()).unwrap(), None, "the next fact is another");
}
