//! Tests of the domain's rules for resuming sessions, with a real store.

use std::collections::BTreeSet;

use domain::chat::Message;
use domain::command::{Actor, Command, CommandContext, Query};
use domain::error::DomainError;
use domain::event::Account;
use domain::id_generator::IdGenerator;
use domain::ids::{EntityId, RoomId, RoomKind, UserId};
use domain::ports::Store;
use domain::sessions::{
    BeginEpoch, ClientPosition, ConnectOutcome, ConnectSession, DeleteSession, DisconnectedUser, EndSession, ExpireDisconnected, LeaveRoom,
    NewSession, PurgeEvictedEvents, PurgeOldEvents, PurgeOldSessions, ReadEventLog, ReadEventLogHead, ReadEvents, ReplaceSession,
    ReplacedSession, ResolveSync, ResumeRequest, RoomState, SaveAckedOffset, SessionClaim, SessionRoom, StartingServer,
};
use domain::spaces::{JoinRoom, JoinRoomListingMembers, ResumeRoom, Role, Space};
use domain::users::{Claims, User};

use crate::sessions::say;
use crate::{at, home, id, message, space};

/// For how many seconds a session can be resumed in these tests.
const WINDOW: i64 = 60;

/// Runs a command of a user at a time, in seconds.
fn run<C: Command>(store: &mut dyn Store, user: &str, seconds: i64, command: C) -> Result<C::Output, DomainError> {
    let actor = Actor { user: UserId::new(user), admin: false };
    let mut ids = IdGenerator::new(|| 7);
    command.execute(&mut CommandContext::new(store, &actor, at(seconds), &mut ids))
}

fn offered(epoch: &str, offset: i64) -> Option<ClientPosition> {
    Some(ClientPosition { epoch: epoch.to_owned(), offset })
}

fn place(secret: &str, namespace: &str) -> NewSession {
    NewSession { secret: secret.to_owned(), id: format!("id of {secret}"), namespace: namespace.to_owned() }
}

fn arrive(store: &mut dyn Store, user: &str, seconds: i64, place: NewSession, came: ResumeRequest) -> ConnectOutcome {
    run(store, user, seconds, ConnectSession { claims: Claims::default(), new_session: Some(place), resume: came }).unwrap()
}

/// Connects a user for the first time, with the session secret `a`.
fn come(store: &mut dyn Store, user: &str) {
    arrive(store, user, 0, place("a", "/"), ResumeRequest::New);
}

/// Resumes the session `a`.
fn come_back(store: &mut dyn Store, user: &str, seconds: i64, offered: Option<ClientPosition>) -> ConnectOutcome {
    let claimed = SessionClaim { secret: "a".to_owned(), position: offered, window_seconds: WINDOW };
    arrive(store, user, seconds, place("b", "/"), ResumeRequest::Resume(claimed))
}

fn leave(store: &mut dyn Store, seconds: i64, confirmed: i64) {
    run(store, "", seconds, EndSession { secret: "a".to_owned(), confirmed, by_shutdown: false }).unwrap();
}

fn epoch(store: &mut dyn Store, name: &str) {
    run(
        store,
        "",
        0,
        BeginEpoch {
            server: StartingServer::Single { epoch: name.to_owned() },
            window: WINDOW,
            disconnected_seconds: WINDOW,
            grace_micros: 0,
        },
    )
    .unwrap();
}

pub fn resumed_session_continues_from_the_larger_offset(store: &mut dyn Store) {
    epoch(store, "e");
    come(store, "ann");
    say(store, 9);
    let restored = ClientPosition { epoch: "e".to_owned(), offset: 10 };
    for (offers, from, as_offered) in [
        (None, 4, false),
        (offered("e", 3), 4, false),
        (offered("e", 6), 6, true),
        (offered("e", 9), 9, true),
        (Some(restored), 9, false),
        (offered("never", 9), 9, false),
        (offered("e", -1), 9, false),
    ] {
        let confirmed = if from == 9 { 9 } else { 4 };
        leave(store, 1, confirmed);
        let arrived = come_back(store, "ann", 2, offers.clone());
        let recovered = arrived.resumed.unwrap();
        assert_eq!((recovered.id.as_str(), recovered.from, arrived.position), ("id of a", from, 9), "{offers:?}");
        assert_eq!(recovered.from_client, as_offered, "{offers:?}");
        let session = store.session("a").unwrap().unwrap();
        assert_eq!((session.start_offset, session.acked_offset, session.disconnected_at), (9, from, None), "it is here again");
        assert_eq!(store.session("b").unwrap(), None, "no other is begun");
    }
}

pub fn session_resumes_only_for_its_user_namespace_and_window(store: &mut dyn Store) {
    epoch(store, "e");
    come(store, "ann");
    leave(store, 0, 0);
    let claimed = |secret: &str| ResumeRequest::Resume(SessionClaim { secret: secret.to_owned(), position: None, window_seconds: WINDOW });
    for (user, seconds, namespace, secret) in
        [("eve", 1, "/", "a"), ("ann", 1, "/messenger", "a"), ("ann", 1, "/", "z"), ("ann", WINDOW + 1, "/", "a")]
    {
        let arrived = arrive(store, user, seconds, place("b", namespace), claimed(secret));
        assert_eq!(arrived.resumed, None, "{user} {seconds} {namespace} {secret}");
        let begun = store.session("b").unwrap().unwrap();
        assert_eq!((begun.user, begun.namespace.as_str()), (id(user), namespace), "a new one begins");
        run(store, user, seconds, DeleteSession { secret: "b".to_owned() }).unwrap();
    }
    assert!(come_back(store, "ann", WINDOW, None).resumed.is_some(), "the last moment");
    assert!(come_back(store, "ann", 9 * WINDOW, None).resumed.is_some(), "here all the time");
}

pub fn connection_without_a_session_stores_none(store: &mut dyn Store) {
    let arrived =
        run(store, "ann", 0, ConnectSession { claims: Claims::default(), new_session: None, resume: ResumeRequest::New }).unwrap();
    assert_eq!((arrived.position, arrived.resumed, arrived.since), (0, None, None));
}

pub fn position_is_accepted_if_it_belongs_to_this_log(store: &mut dyn Store) {
    epoch(store, "lost");
    say(store, 3);
    epoch(store, "e");
    say(store, 2);
    for (offers, since) in [
        (None, None),
        (offered("e", 4), Some(4)),
        (offered("e", 6), None),
        (offered("lost", 2), Some(2)),
        (offered("lost", 3), Some(3)),
        // An offset of an epoch that went on after the restored backup was made.
        (offered("lost", 4), None),
    ] {
        let arrive = ConnectSession { claims: Claims::default(), new_session: None, resume: ResumeRequest::Since(offers.clone()) };
        assert_eq!(run(store, "ann", 0, arrive).unwrap().since, since, "{offers:?}");
        let caught_up = run(store, "ann", 0, ResolveSync { offered: offers, rooms: BTreeSet::new() }).unwrap();
        assert_eq!((caught_up.since, caught_up.position), (since, 5));
    }
}

pub fn session_does_not_resume_a_room_without_access(store: &mut dyn Store) {
    let (trip, project, channel) = (RoomKind::Trip.room(1), RoomKind::Project.room(2), RoomKind::Channel.room(3));
    come(store, "ann");
    store.insert_space(&Space { parent: Some(project.clone()), invite_code: None, ..space(&channel) }).unwrap();
    for room in [&trip, &project] {
        store.put_member(room, &id("ann"), Role::Member, at(0)).unwrap();
    }
    say(store, 2);
    for room in [&trip, &channel] {
        let entered = run(store, "ann", 0, JoinRoom { room: room.clone(), session: Some("a".to_owned()), since: true }).unwrap();
        assert_eq!(entered.member_since, 0);
    }
    let rooms = |store: &mut dyn Store| -> Vec<SessionRoom> { come_back(store, "ann", 1, None).resumed.unwrap().rooms };
    let in_trip = SessionRoom { room: trip.clone(), parent: None, since: 2, state: RoomState::Joined };
    let in_channel = SessionRoom { room: channel.clone(), parent: Some(project.clone()), since: 2, state: RoomState::Joined };
    assert_eq!(rooms(store), [in_channel, in_trip.clone()]);
    // A member who was removed and added again has to join the room again.
    store.remove_member(&project, &id("ann"), at(1)).unwrap();
    store.put_member(&project, &id("ann"), Role::Member, at(1)).unwrap();
    assert_eq!(rooms(store), std::slice::from_ref(&in_trip));
    let moved = JoinRoomListingMembers { room: RoomKind::Trip.room(9), session: Some("a".to_owned()), since: true, contacts_only: false };
    store.put_member(&moved.room, &id("ann"), Role::Member, at(1)).unwrap();
    run(store, "ann", 1, moved).unwrap();
    let in_other = SessionRoom { room: RoomKind::Trip.room(9), ..in_trip };
    assert_eq!(rooms(store), [in_other], "one trip at a time");
    run(store, "ann", 1, LeaveRoom { secret: "a".to_owned(), room: RoomKind::Trip.room(9), unasked: false }).unwrap();
    assert!(rooms(store).is_empty());
}

pub fn session_does_not_resume_an_automatic_room_that_it_left(store: &mut dyn Store) {
    come(store, "ann");
    store.put_member(&home(), &id("ann"), Role::Member, at(0)).unwrap();
    let leave = |store: &mut dyn Store, room: &RoomId| {
        run(store, "ann", 1, LeaveRoom { secret: "a".to_owned(), room: room.clone(), unasked: true }).unwrap();
    };
    let there = |store: &mut dyn Store| {
        let recovered = come_back(store, "ann", 1, None).resumed.unwrap();
        let joined: Vec<i64> = recovered.rooms.into_iter().map(|room| room.since).collect();
        (joined, recovered.left)
    };
    leave(store, &home());
    assert_eq!(there(store), (vec![], vec![home()]));
    say(store, 3);
    run(store, "ann", 1, JoinRoom { room: home(), session: Some("a".to_owned()), since: false }).unwrap();
    assert_eq!(there(store), (vec![3], vec![home()]), "it goes on where it was joined again");
    store.remove_member(&home(), &id("ann"), at(1)).unwrap();
    for room in [home(), RoomKind::Household.room(99)] {
        leave(store, &room);
    }
    assert_eq!(there(store), (vec![], vec![]));
    assert!(store.session_rooms("a", &id("ann")).unwrap().is_empty(), "of what one may not hear nothing is kept");
}

pub fn join_of_a_room_without_access_fails(store: &mut dyn Store) {
    come(store, "ann");
    let enter = JoinRoom { room: RoomKind::Conversation.room(1), session: Some("a".to_owned()), since: true };
    assert!(run(store, "ann", 0, enter).is_err());
    assert!(store.session_rooms("a", &id("ann")).unwrap().is_empty());
}

pub fn member_may_stay_in_a_room_until_the_removal(store: &mut dyn Store) {
    come(store, "ann");
    let stay = |store: &mut dyn Store| run(store, "ann", 0, ResumeRoom { room: home() });
    assert_eq!(stay(store), Err(DomainError::NotFound(RoomKind::Household.display_name())));
    store.put_member(&home(), &id("ann"), Role::Member, at(0)).unwrap();
    assert_eq!(stay(store), Ok(()));
    assert!(store.session_rooms("a", &id("ann")).unwrap().is_empty(), "nothing is written");
    store.remove_member(&home(), &id("ann"), at(1)).unwrap();
    assert_eq!(stay(store), Err(DomainError::NotFound(RoomKind::Household.display_name())));
}

pub fn session_that_cannot_resume_is_replaced(store: &mut dyn Store) {
    come(store, "ann");
    store.put_member(&home(), &id("ann"), Role::Member, at(0)).unwrap();
    run(store, "ann", 0, JoinRoom { room: home(), session: Some("a".to_owned()), since: true }).unwrap();
    say(store, 3);
    // The user was removed from one household and added to another since the session began.
    let other = RoomKind::Household.room(9);
    store.put_member(&other, &id("ann"), Role::Member, at(1)).unwrap();
    store.remove_member(&home(), &id("ann"), at(1)).unwrap();
    let restarted = run(store, "ann", 1, ReplaceSession { old: "a".to_owned(), new_session: place("b", "/") }).unwrap();
    assert_eq!(restarted, ReplacedSession { position: 3, households: vec![(other, 0)] });
    assert_eq!(store.session("a").unwrap(), None);
    let begun = store.session("b").unwrap().unwrap();
    assert_eq!((begun.user, begun.start_offset, begun.acked_offset, begun.disconnected_at), (id("ann"), 3, 3, None));
    for secret in ["a", "b"] {
        assert!(store.session_rooms(secret, &id("ann")).unwrap().is_empty());
    }
}

pub fn start_ends_open_sessions_and_reads_recent_events(store: &mut dyn Store) {
    come(store, "ann");
    let append = |store: &mut dyn Store, seconds| {
        store.append(&home(), at(seconds), Account(7), domain::event::Event::NotificationsRead).unwrap();
    };
    for seconds in [1, 2, 3, 4] {
        append(store, seconds);
    }
    run(store, "", 4, SaveAckedOffset { offset: 3 }).unwrap();
    let begin = |store: &mut dyn Store, name: &str, seconds| {
        let begun = run(
            store,
            "",
            seconds,
            BeginEpoch {
                server: StartingServer::Single { epoch: name.to_owned() },
                window: WINDOW,
                disconnected_seconds: WINDOW,
                grace_micros: 0,
            },
        )
        .unwrap();
        (begun.position, begun.floor, begun.gaps)
    };
    assert_eq!(begin(store, "e", 5), (4, 0, vec![]));
    let ended = store.session("a").unwrap().unwrap();
    assert_eq!((ended.acked_offset, ended.disconnected_at), (3, Some(at(5))));
    run(store, "", 5, PurgeEvictedEvents { offsets: vec![1, 3], gaps: vec![("a".to_owned(), 1), ("b".to_owned(), 3)], min_age: 0 })
        .unwrap();
    assert_eq!(begin(store, "f", 5), (4, 0, vec![("a".to_owned(), 1), ("b".to_owned(), 3)]));
    assert_eq!(begin(store, "g", WINDOW + 3), (4, 2, vec![("b".to_owned(), 3)]), "the floor covers facts that are too old");
    assert_eq!(begin(store, "h", WINDOW + 9), (4, 4, vec![]));
    let actor = Actor { user: id("ann"), admin: false };
    let read = |store: &mut dyn Store, offsets: &[i64], bytes| {
        let persisted_events = ReadEvents { offsets: offsets.to_vec(), bytes }.execute(store, &actor).unwrap();
        persisted_events.iter().map(|persisted| persisted.offset).collect::<Vec<_>>()
    };
    assert_eq!(read(store, &[1, 2, 3, 4], 9999), [2, 4]);
    assert_eq!(read(store, &[2, 4], 1), [2], "at least one fact, and none beyond the bytes");
    let batch = ReadEventLog { after: 2, limit: 9 }.execute(store, &actor).unwrap();
    assert_eq!((batch.events.len(), batch.complete_through, batch.is_full), (1, 4, false));
    assert_eq!(ReadEventLogHead.execute(store, &actor).unwrap(), 4);
}

pub fn start_within_the_grace_period_expects_the_user(store: &mut dyn Store) {
    come(store, "ann");
    store.put_member(&home(), &id("ann"), Role::Member, at(0)).unwrap();
    run(store, "ann", 0, JoinRoom { room: home(), session: Some("a".to_owned()), since: true }).unwrap();
    run(store, "", 10, EndSession { secret: "a".to_owned(), confirmed: 0, by_shutdown: false }).unwrap();
    for (seconds, left_at, rooms) in [(11, None, vec![(home(), None)]), (12, Some(at(10)), vec![]), (13, Some(at(10)), vec![])] {
        let begin = BeginEpoch {
            server: StartingServer::Single { epoch: "e".to_owned() },
            window: WINDOW,
            disconnected_seconds: WINDOW,
            grace_micros: 2_000_000,
        };
        let found = run(store, "", seconds, begin).unwrap().disconnected_users;
        let found: Vec<_> = found.into_iter().map(|found| (found.left_at, found.rooms)).collect();
        assert_eq!(found, [(left_at, rooms)], "a start at {seconds} s, after a disconnect at 10 s");
    }
}

pub fn start_lists_the_users_who_were_connected(store: &mut dyn Store) {
    let claims = |secret: &str| ResumeRequest::Resume(SessionClaim { secret: secret.to_owned(), position: None, window_seconds: WINDOW });
    let leave = |store: &mut dyn Store, secret: &str, seconds, by_shutdown| {
        run(store, "", seconds, EndSession { secret: secret.to_owned(), confirmed: 0, by_shutdown }).unwrap();
    };
    let start = |store: &mut dyn Store, seconds| {
        let begin = BeginEpoch {
            server: StartingServer::Single { epoch: "e".to_owned() },
            window: 0,
            disconnected_seconds: WINDOW,
            grace_micros: 0,
        };
        let begun = run(store, "", seconds, begin).unwrap();
        assert_eq!(begun.started, at(seconds));
        begun.disconnected_users
    };
    let users = [("ann", "a", 1), ("ann", "b", 3), ("ann", "i", 2), ("ben", "c", 0), ("carl", "d", 0), ("dora", "e", 0), ("emil", "f", 0)];
    for (user, secret, seconds) in users.into_iter().chain([("fred", "h", 0)]) {
        arrive(store, user, seconds, place(secret, "/"), ResumeRequest::New);
    }
    store.put_member(&home(), &id("ann"), Role::Member, at(0)).unwrap();
    run(store, "ann", 0, JoinRoom { room: home(), session: Some("b".to_owned()), since: true }).unwrap();
    store.leave_session_room("b", &id("ann"), &RoomKind::Household.room(9)).unwrap();
    for (secret, seconds, by_shutdown) in [("a", 100, false), ("c", 40, false), ("d", 39, false), ("e", 1, true), ("f", 100, true)] {
        leave(store, secret, seconds, by_shutdown);
    }
    arrive(store, "emil", 97, place("g", "/"), claims("f"));
    leave(store, "f", 98, false);
    store.delete_user(&id("fred")).unwrap();
    let found = |user: &str, secret: &str, came_at: i64, left_at: Option<i64>, rooms: &[RoomId]| DisconnectedUser {
        user: store_user(user),
        id: format!("id of {secret}"),
        came_at: at(came_at),
        left_at: left_at.map(at),
        rooms: rooms.iter().map(|room| (room.clone(), None)).collect(),
    };
    let strip = |absent: Vec<DisconnectedUser>| -> Vec<DisconnectedUser> {
        absent.into_iter().map(|absent| DisconnectedUser { user: store_user(absent.user.id.as_str()), ..absent }).collect()
    };
    let (ann, ben) = (found("ann", "b", 2, None, &[home()]), found("ben", "c", 0, Some(40), &[]));
    let (dora, emil, fred) = (found("dora", "e", 0, None, &[]), found("emil", "f", 97, Some(98), &[]), found("fred", "h", 0, None, &[]));
    assert_eq!(
        strip(start(store, 100)),
        [ann.clone(), ben, dora, emil.clone(), fred.clone()],
        "who was here when it was killed has not left, nor has who was let go; who left has, and is forgotten at last"
    );
    // The users were expected to reconnect, and the server was killed before their sessions expired. One of them reconnected and disconnected.
    assert!(arrive(store, "dora", 101, place("g", "/"), claims("e")).resumed.is_some(), "expected for longer than the window");
    leave(store, "e", 102, false);
    assert_eq!(strip(start(store, 130)), [ann, found("dora", "e", 101, Some(102), &[]), emil, fred]);
    assert!(!run(store, "", 999, PurgeOldSessions { window: WINDOW }).unwrap(), "who is expected is not forgotten");
    run(store, "", 999, ExpireDisconnected { started: at(130) }).unwrap();
    assert_eq!(strip(start(store, 130)), [found("ann", "b", 3, Some(130), &[]), found("fred", "h", 0, Some(130), &[])]);
    assert_eq!(start(store, 131 + WINDOW), []);
}

/// A user with an id and no other data.
fn store_user(name: &str) -> User {
    User::unseen(id(name), at(0))
}

pub fn old_events_and_sessions_are_deleted(store: &mut dyn Store) {
    come(store, "ann");
    say(store, 5);
    leave(store, 0, 0);
    assert!(!run(store, "", WINDOW, PurgeOldSessions { window: WINDOW }).unwrap());
    assert!(store.session("a").unwrap().is_some());
    assert!(!run(store, "", WINDOW + 1, PurgeOldSessions { window: WINDOW }).unwrap());
    assert_eq!(store.session("a").unwrap(), None);
    assert!(!run(store, "", WINDOW, PurgeOldEvents { window: WINDOW }).unwrap());
    assert_eq!(store.events_after(0, at(0), 9).unwrap().events.len(), 5);
    assert!(!run(store, "", WINDOW + 99, PurgeOldEvents { window: WINDOW }).unwrap());
    assert_eq!(store.events_after(0, at(0), 9).unwrap().events.len(), 1, "the last one stays");
}

pub fn sync_covers_only_rooms_that_the_user_may_access(store: &mut dyn Store) {
    let (project, channel) = (RoomKind::Project.room(2), RoomKind::Channel.room(3));
    epoch(store, "e");
    come(store, "ann");
    say(store, 2);
    store.put_member(&project, &id("ann"), Role::Member, at(0)).unwrap();
    store.insert_space(&Space { parent: Some(project.clone()), invite_code: None, ..space(&channel) }).unwrap();
    let ask = |store: &mut dyn Store, offered, rooms: &[RoomId]| {
        let rooms = rooms.iter().cloned().collect();
        run(store, "ann", 0, ResolveSync { offered, rooms }).map(|caught_up| (caught_up.rooms, caught_up.visible_rooms))
    };
    let everywhere = vec![(channel.clone(), 2), (project, 2), (RoomId::inbox(&id("ann")), 0)];
    let since = || offered("e", 0);
    assert_eq!(ask(store, since(), &[]).unwrap(), (everywhere.clone(), everywhere.clone()));
    assert_eq!(ask(store, since(), std::slice::from_ref(&channel)).unwrap(), (vec![(channel, 2)], everywhere));
    for forbidden in [RoomId::inbox(&id("eve")), home(), RoomKind::Conversation.room(1)] {
        assert!(ask(store, since(), std::slice::from_ref(&forbidden)).is_err());
        for nothing in [None, offered("never", 0)] {
            assert_eq!(ask(store, nothing, std::slice::from_ref(&forbidden)).unwrap(), (vec![], vec![]), "nothing is looked at");
        }
    }
}

/// A member's start offset is not before the messages that were sent earlier, so that a later event that names one does not reveal it.
pub fn message_before_a_membership_has_a_smaller_offset(store: &mut dyn Store) {
    let conversation = RoomKind::Conversation.room(1);
    let sent: EntityId = 5;
    let said = Message { room: conversation.clone(), ..message(sent, "ben") };
    let persisted = store.append(&conversation, at(0), Account(7), domain::event::Event::MessageSent { message: said }).unwrap();
    store.put_member(&conversation, &id("ann"), Role::Member, at(0)).unwrap();
    come(store, "ann");
    let entered = run(store, "ann", 0, JoinRoom { room: conversation, session: None, since: true }).unwrap();
    assert_eq!(entered.member_since, persisted.offset);
}
