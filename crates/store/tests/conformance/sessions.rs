use domain::event::{Account, Event};
use domain::ids::{RoomId, RoomKind};
use domain::ports::Store;
use domain::sessions::{RoomState, Session, SessionRoom};
use domain::spaces::{Role, Space};

use crate::{T0, at, home, id, space};

/// A session of ann that connected when the event log was at `live_from`.
pub fn session(secret: &str, live_from: i64) -> Session {
    Session {
        secret: secret.to_owned(),
        id: format!("id of {secret}"),
        user: id("ann"),
        namespace: "/messenger".to_owned(),
        start_offset: live_from,
        acked_offset: live_from,
        disconnected_at: None,
        ended_by_shutdown: false,
        connected_at: at(live_from),
    }
}

fn joined(room: &RoomId, inside: Option<&RoomId>, since: i64) -> SessionRoom {
    SessionRoom { room: room.clone(), parent: inside.cloned(), since, state: RoomState::Joined }
}

/// Records this number of events.
pub fn say(store: &mut dyn Store, persisted_events: u32) {
    for _ in 0..persisted_events {
        store.append(&home(), T0, Account(7), Event::NotificationsRead).unwrap();
    }
}

fn confirmed(store: &mut dyn Store, secret: &str) -> i64 {
    store.session(secret).unwrap().unwrap().acked_offset
}

pub fn stored_session_is_read_back_unchanged(store: &mut dyn Store) {
    assert_eq!(store.session("a").unwrap(), None);
    let away = Session { disconnected_at: Some(at(9)), ended_by_shutdown: true, acked_offset: 9, ..session("b", 4) };
    for session in [session("a", 3), away] {
        store.insert_session(&session).unwrap();
        assert_eq!(store.session(&session.secret).unwrap(), Some(session));
    }
}

pub fn update_keeps_id_user_and_namespace_of_a_session(store: &mut dyn Store) {
    let first = session("a", 3);
    store.insert_session(&Session { disconnected_at: Some(at(1)), ended_by_shutdown: true, ..first.clone() }).unwrap();
    let other = Session { id: "x".to_owned(), user: id("eve"), namespace: "/".to_owned(), acked_offset: 7, ..session("a", 8) };
    store.update_session(&other).unwrap();
    assert_eq!(store.session("a").unwrap(), Some(Session { start_offset: 8, acked_offset: 7, connected_at: at(8), ..first }));
}

pub fn insert_of_existing_or_update_of_missing_session_fails(store: &mut dyn Store) {
    store.insert_session(&session("a", 3)).unwrap();
    assert!(store.insert_session(&Session { user: id("eve"), ..session("a", 8) }).is_err());
    assert_eq!(store.session("a").unwrap(), Some(session("a", 3)));
    assert!(store.update_session(&session("b", 3)).is_err());
    assert_eq!(store.session("b").unwrap(), None);
}

pub fn end_of_a_session_stores_the_acknowledged_offset(store: &mut dyn Store) {
    store.insert_session(&session("a", 3)).unwrap();
    store.insert_session(&session("b", 3)).unwrap();
    store.end_session("a", 5, at(1), true).unwrap();
    store.end_session("nobody's", 5, at(1), false).unwrap();
    assert_eq!(
        store.session("a").unwrap(),
        Some(Session { acked_offset: 5, disconnected_at: Some(at(1)), ended_by_shutdown: true, ..session("a", 3) })
    );
    assert_eq!(store.session("b").unwrap(), Some(session("b", 3)));
    assert_eq!(store.session("nobody's").unwrap(), None);
}

pub fn deleted_session_has_no_rooms(store: &mut dyn Store) {
    for secret in ["a", "b"] {
        store.insert_session(&session(secret, 3)).unwrap();
        store.put_session_room(secret, &id("ann"), &joined(&home(), None, 3)).unwrap();
    }
    store.delete_session("a", &id("ann")).unwrap();
    assert_eq!(store.session("a").unwrap(), None);
    assert!(store.session_rooms("a", &id("ann")).unwrap().is_empty());
    assert!(store.session("b").unwrap().is_some());
    assert_eq!(store.session_rooms("b", &id("ann")).unwrap().len(), 1);
}

pub fn offset_acknowledged_by_all_applies_to_earlier_sessions(store: &mut dyn Store) {
    for (secret, live_from, confirmed) in [("before", 3, 3), ("further", 3, 9), ("at it", 8, 8), ("came back", 8, 2), ("after", 9, 9)] {
        store.insert_session(&Session { acked_offset: confirmed, ..session(secret, live_from) }).unwrap();
    }
    store.insert_session(&Session { disconnected_at: Some(at(1)), ..session("gone", 3) }).unwrap();
    store.insert_session(&Session { disconnected_at: Some(at(1)), ended_by_shutdown: true, ..session("let go", 3) }).unwrap();
    for offset in [0, 7, 8] {
        store.put_acked_by_all(offset).unwrap();
    }
    store.end_all_sessions(at(5)).unwrap();
    for (secret, expected) in [("before", 8), ("further", 9), ("at it", 8), ("came back", 2), ("after", 9)] {
        assert_eq!(confirmed(store, secret), expected, "{secret}");
        assert_eq!(store.session(secret).unwrap().unwrap().disconnected_at, Some(at(5)), "{secret}");
    }
    assert_eq!(store.session("gone").unwrap(), Some(Session { disconnected_at: Some(at(1)), ..session("gone", 3) }));
    let let_go = Session { disconnected_at: Some(at(1)), ended_by_shutdown: true, ..session("let go", 3) };
    assert_eq!(store.session("let go").unwrap(), Some(let_go.clone()));
    store.expire_sessions(at(0)).unwrap();
    assert_eq!(store.session("let go").unwrap(), Some(let_go.clone()));
    store.expire_sessions(at(5)).unwrap();
    assert_eq!(store.session("let go").unwrap(), Some(Session { disconnected_at: Some(at(5)), ended_by_shutdown: false, ..let_go }));
}

pub fn connected_and_recent_sessions_are_read_with_their_rooms(store: &mut dyn Store) {
    let other = RoomKind::Channel.room(9);
    let rooms = [joined(&home(), None, 1), joined(&other, Some(&home()), 2)];
    for (secret, left_at) in [("a", None), ("b", Some(at(5))), ("c", Some(at(4))), ("d", Some(at(9))), ("e", Some(at(1)))] {
        store.insert_session(&Session { disconnected_at: left_at, ended_by_shutdown: secret == "e", ..session(secret, 1) }).unwrap();
    }
    for (secret, room) in [("a", &rooms[0]), ("c", &rooms[0]), ("d", &rooms[0]), ("d", &rooms[1])] {
        store.put_session_room(secret, &id("ann"), room).unwrap();
    }
    let found: Vec<_> =
        store.sessions_since(at(5)).unwrap().into_iter().map(|(session, rooms)| (session.secret, session.disconnected_at, rooms)).collect();
    let [home, other] = rooms;
    let expected =
        [("a", None, vec![home.clone()]), ("b", Some(at(5)), vec![]), ("d", Some(at(9)), vec![other, home]), ("e", Some(at(1)), vec![])];
    assert_eq!(found, expected.map(|(secret, left_at, rooms)| (secret.to_owned(), left_at, rooms)));
}

pub fn old_sessions_are_deleted_with_their_rooms_in_steps(store: &mut dyn Store) {
    for (secret, left_at) in [("a", Some(at(1))), ("b", Some(at(2))), ("c", Some(at(3))), ("d", Some(at(9))), ("here", None)] {
        store.insert_session(&Session { disconnected_at: left_at, ..session(secret, 1) }).unwrap();
        store.put_session_room(secret, &id("ann"), &joined(&home(), None, 1)).unwrap();
    }
    let left = |store: &mut dyn Store| -> Vec<&str> {
        let there = |secret: &&str| {
            let session = store.session(secret).unwrap().is_some();
            assert_eq!(store.session_rooms(secret, &id("ann")).unwrap().len(), usize::from(session), "{secret}");
            session
        };
        ["a", "b", "c", "d", "here"].into_iter().filter(there).collect()
    };
    assert_eq!(store.delete_sessions_before(at(4), 2).unwrap(), 2);
    assert_eq!(left(store), ["c", "d", "here"], "the oldest first");
    assert_eq!(store.delete_sessions_before(at(4), 2).unwrap(), 1);
    assert_eq!(store.delete_sessions_before(at(9), 2).unwrap(), 0, "before, not at it");
    assert_eq!(left(store), ["d", "here"]);
}

pub fn session_joins_a_room_once_and_leaves_it(store: &mut dyn Store) {
    let (ann, trip, channel, project) = (id("ann"), RoomKind::Trip.room(1), RoomKind::Channel.room(2), RoomKind::Project.room(3));
    store.put_session_room("a", &ann, &joined(&trip, None, 4)).unwrap();
    store.put_session_room("a", &ann, &joined(&channel, Some(&project), 5)).unwrap();
    store.put_session_room("b", &ann, &joined(&trip, None, 6)).unwrap();
    store.put_session_room("a", &ann, &joined(&trip, None, 9)).unwrap();
    let in_a = [joined(&channel, Some(&project), 5), joined(&trip, None, 4)];
    assert_eq!(store.session_rooms("a", &ann).unwrap(), in_a, "it was in the trip already");
    assert!(store.session_rooms("a", &id("ben")).unwrap().is_empty(), "another person's");
    store.delete_session_room("a", &ann, &trip).unwrap();
    assert_eq!(store.session_rooms("a", &ann).unwrap(), in_a[..1]);
    assert_eq!(store.session_rooms("b", &ann).unwrap(), [joined(&trip, None, 6)]);
    store.put_session_room("a", &ann, &joined(&trip, None, 9)).unwrap();
    assert_eq!(store.session_rooms("a", &ann).unwrap()[1].since, 9, "joined again");
}

pub fn session_can_rejoin_a_room(store: &mut dyn Store) {
    let (ann, other) = (id("ann"), RoomKind::Household.room(9));
    store.put_session_room("a", &ann, &joined(&other, None, 4)).unwrap();
    for room in [&home(), &other] {
        store.leave_session_room("a", &ann, room).unwrap();
    }
    let stays = |store: &mut dyn Store| -> Vec<(RoomId, i64, RoomState)> {
        store.session_rooms("a", &ann).unwrap().into_iter().map(|room| (room.room, room.since, room.state)).collect()
    };
    let mut expected = vec![(home(), 0, RoomState::Left), (other.clone(), 4, RoomState::Left)];
    expected.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    assert_eq!(stays(store), expected);
    for (since, expected) in [(7, 7), (9, 7)] {
        store.put_session_room("a", &ann, &joined(&other, None, since)).unwrap();
        assert!(stays(store).contains(&(other.clone(), expected, RoomState::JoinedAgain)), "it is in it already: {since}");
    }
    store.leave_session_room("a", &ann, &other).unwrap();
    assert!(stays(store).contains(&(other, 7, RoomState::Left)));
}

pub fn visible_rooms_are_rooms_of_memberships_and_their_channels(store: &mut dyn Store) {
    let (project, trip) = (RoomKind::Project.room(2), RoomKind::Trip.room(1));
    say(store, 2);
    store.put_member(&trip, &id("ann"), Role::Member, T0).unwrap();
    say(store, 1);
    for name in ["ann", "ben"] {
        store.put_member(&project, &id(name), Role::Member, T0).unwrap();
    }
    let channels: Vec<RoomId> = (100..350).map(|n| RoomKind::Channel.room(n)).collect();
    for channel in &channels {
        store.insert_space(&Space { parent: Some(project.clone()), invite_code: None, ..space(channel) }).unwrap();
    }
    store.insert_space(&Space { parent: Some(RoomKind::Project.room(9)), invite_code: None, ..space(&RoomKind::Channel.room(3)) }).unwrap();
    let inside: Vec<(RoomId, i64)> = channels.into_iter().chain([project]).map(|room| (room, 3)).collect();
    assert_eq!(store.visible_rooms(&id("ben")).unwrap(), inside);
    assert_eq!(store.visible_rooms(&id("ann")).unwrap(), [inside, vec![(trip, 2)]].concat());
    assert!(store.visible_rooms(&id("eve")).unwrap().is_empty());
}

pub fn removal_from_a_space_removes_its_rooms_from_sessions(store: &mut dyn Store) {
    let (project, channel, other) = (RoomKind::Project.room(1), RoomKind::Channel.room(2), RoomKind::Channel.room(3));
    for name in ["ann", "ben"] {
        store.put_member(&project, &id(name), Role::Member, T0).unwrap();
        for secret in ["a", "b"] {
            store.put_session_room(secret, &id(name), &joined(&project, None, 1)).unwrap();
            store.put_session_room(secret, &id(name), &joined(&channel, Some(&project), 1)).unwrap();
            store.put_session_room(secret, &id(name), &joined(&other, Some(&RoomKind::Project.room(9)), 1)).unwrap();
        }
    }
    store.remove_member(&project, &id("ann"), at(1)).unwrap();
    for secret in ["a", "b"] {
        assert_eq!(store.session_rooms(secret, &id("ann")).unwrap(), [joined(&other, Some(&RoomKind::Project.room(9)), 1)]);
        assert_eq!(store.session_rooms(secret, &id("ben")).unwrap().len(), 3);
    }
}

pub fn membership_stores_the_last_offset_at_its_start(store: &mut dyn Store) {
    assert_eq!(store.member_since(&home(), &id("ann")).unwrap(), None);
    store.put_member(&home(), &id("ann"), Role::Member, T0).unwrap();
    assert_eq!(store.member_since(&home(), &id("ann")).unwrap(), Some(0), "nothing was ever said");
    say(store, 3);
    store.put_member(&home(), &id("ben"), Role::Member, T0).unwrap();
    store.put_member(&home(), &id("ann"), Role::Admin, at(1)).unwrap();
    assert_eq!(store.member_since(&home(), &id("ben")).unwrap(), Some(3));
    assert_eq!(store.member_since(&home(), &id("ann")).unwrap(), Some(0), "another role is not another joining");
    store.remove_member(&home(), &id("ann"), at(2)).unwrap();
    assert_eq!(store.member_since(&home(), &id("ann")).unwrap(), None);
    store.put_member(&home(), &id("ann"), Role::Member, at(3)).unwrap();
    assert_eq!(store.member_since(&home(), &id("ann")).unwrap(), Some(3));
}

pub fn offset_is_valid_up_to_the_end_of_its_epoch(store: &mut dyn Store) {
    assert_eq!(store.epoch_end("first").unwrap(), None);
    store.begin_epoch("first").unwrap();
    say(store, 2);
    assert_eq!(store.epoch_end("first").unwrap(), Some(2), "as far as the journal goes");
    store.begin_epoch("second").unwrap();
    say(store, 3);
    assert_eq!(store.epoch_end("first").unwrap(), Some(2));
    assert_eq!(store.epoch_end("second").unwrap(), Some(5));
    assert_eq!(store.epoch_end("third").unwrap(), None);
}

pub fn newest_hundred_epochs_are_kept(store: &mut dyn Store) {
    for n in 1..=101 {
        store.begin_epoch(&n.to_string()).unwrap();
    }
    assert_eq!(store.epoch_end("1").unwrap(), None);
    assert_eq!(store.epoch_end("2").unwrap(), Some(0));
    assert_eq!(store.epoch_end("101").unwrap(), Some(0));
}
