//! Rules of spaces that need a store: who is an admin, and how much of a new space an answer and an event carry.

#![allow(clippy::unwrap_used)]

use domain::command::{Actor, Command, CommandContext, MembershipLimits};
use domain::error::DomainError;
use domain::event::{Event, PersistedEvent};
use domain::id_generator::IdGenerator;
use domain::ids::{RoomId, RoomKind, Timestamp, UserId};
use domain::ports::Store;
use domain::spaces::{CreateSpace, JoinByInvite, MAX_EMBEDDED_BYTES, MAX_EMBEDDED_MEMBERS, RemoveMember, RenameSpace, Role};
use domain::users::{Claims, EnsureUser, User};
use store::{Database, Options};
use test_postgres::TestServer;

const T0: Timestamp = Timestamp(1_763_725_000_000_000);
const KINDS: [RoomKind; 5] = [RoomKind::Household, RoomKind::ChatRoom, RoomKind::Conversation, RoomKind::Project, RoomKind::Trip];

fn id(name: &str) -> UserId {
    UserId::new(name)
}

/// Runs commands in a store of each database in which some users are known.
fn with_users(names: &[&str], work: impl Fn(&mut dyn Store, &mut IdGenerator<fn() -> u64>)) {
    for url in ["sqlite::memory:".to_owned(), TestServer::shared().create_database()] {
        let database = Database::open(Options::new(url)).unwrap();
        let run = |store: &mut dyn Store| {
            for name in names {
                store.insert_user(&User::unseen(id(name), T0)).unwrap();
            }
            work(store, &mut IdGenerator::new(|| 42));
        };
        database.with_store(run).unwrap();
    }
}

fn run<C: Command>(store: &mut dyn Store, ids: &mut IdGenerator<fn() -> u64>, actor: &str, command: C) -> C::Output {
    let actor = Actor { user: id(actor), admin: false };
    command.execute(&mut CommandContext::new(store, &actor, T0, ids)).unwrap()
}

fn new_space(kind: RoomKind, members: &[&str]) -> CreateSpace {
    CreateSpace { kind, name: "Team".to_owned(), members: members.iter().copied().map(UserId::new).collect() }
}

#[test]
fn member_who_acted_first_replaces_the_last_admin() {
    for kind in KINDS {
        for acts in [true, false] {
            with_users(&["anna", "ben"], |store, ids| {
                // The user ghost has never signed in.
                let room = run(store, ids, "anna", new_space(kind, &["ghost", "ben"])).room;
                if acts {
                    run(store, ids, "ben", RenameSpace { room: room.clone(), name: Some("Crew".to_owned()) });
                }
                run(store, ids, "anna", RemoveMember { room: room.clone(), user: id("anna") });
                let roles = ["ghost", "ben"].map(|name| store.role(&room, &id(name)).unwrap().unwrap());
                let expected = if acts { [Role::Member, Role::Admin] } else { [Role::Admin, Role::Member] };
                assert_eq!(roles, expected, "{kind:?}, ben has acted: {acts}");
            });
        }
    }
}

#[test]
fn first_member_of_an_empty_household_becomes_admin() {
    with_users(&["anna", "ben", "carl"], |store, ids| {
        let home = run(store, ids, "anna", new_space(RoomKind::Household, &[]));
        let (room, code) = (home.room, home.invite_code.unwrap());
        run(store, ids, "anna", RemoveMember { room: room.clone(), user: id("anna") });
        for (name, role) in [("ben", Role::Admin), ("carl", Role::Member)] {
            run(store, ids, name, JoinByInvite { room: room.clone(), code: code.clone() });
            assert_eq!(store.role(&room, &id(name)).unwrap(), Some(role));
        }
    });
}

#[test]
fn claimed_household_gets_no_admin_from_a_first_join() {
    with_users(&["anna"], |store, ids| {
        let claims = Claims { household: Some("7".to_owned()), ..Claims::default() };
        run(store, ids, "anna", EnsureUser { claims });
        let room = RoomKind::Household.room("7");
        let code = store.space(&room).unwrap().unwrap().invite_code.unwrap();
        run(store, ids, "anna", RemoveMember { room: room.clone(), user: id("anna") });
        run(store, ids, "anna", JoinByInvite { room: room.clone(), code });
        assert_eq!(store.role(&room, &id("anna")).unwrap(), Some(Role::Member));
    });
}

#[test]
fn blockers_are_found_in_small_and_large_spaces() {
    with_users(&["anna", "ben", "carl"], |store, ids| {
        let room = run(store, ids, "anna", new_space(RoomKind::ChatRoom, &["ben"])).room;
        for blocker in ["ben", "carl"] {
            store.put_block(&id(blocker), &id("anna"), T0).unwrap();
        }
        assert_eq!(store.blockers_of(&id("anna"), 10).unwrap(), [id("ben"), id("carl")]);
        assert_eq!(store.blockers_of(&id("anna"), 1).unwrap(), [id("ben")]);
        for members in [2, 501] {
            for number in 3..=members {
                store.insert_user(&User::unseen(id(&format!("m{number}")), T0)).unwrap();
                store.put_member(&room, &id(&format!("m{number}")), Role::Member, T0).unwrap();
            }
            assert_eq!(store.space(&room).unwrap().unwrap().member_count, members);
            assert_eq!(store.blockers_in(&room, &id("anna"), 10).unwrap(), [id("ben")], "{members} members");
        }
    });
}

#[test]
fn new_large_space_embeds_its_first_members_only() {
    let names: Vec<String> = (0..100).map(|number| format!("member-{number:03}")).collect();
    for (link, embedded) in [(String::new(), MAX_EMBEDDED_MEMBERS as usize), ("x".repeat(MAX_EMBEDDED_BYTES / 4), 4)] {
        with_users(&["anna"], |store, ids| {
            for name in &names {
                let avatar_url = Some(link.clone());
                store.insert_user(&User { avatar_url, ..User::unseen(id(name), T0) }).unwrap();
            }
            let actor = Actor { user: id("anna"), admin: false };
            let mut context = CommandContext::new(store, &actor, T0, ids);
            let command = new_space(RoomKind::ChatRoom, &names.iter().map(String::as_str).collect::<Vec<_>>());
            let space = command.execute(&mut context).unwrap();
            let persisted_events: Vec<PersistedEvent> = context.into_events();
            assert_eq!((space.members.len(), space.member_count), (embedded, 101));
            let Event::SpaceCreated { space: told, .. } = &persisted_events[0].event else { panic!("{persisted_events:?}") };
            assert_eq!(*told, space);
            let mut inboxes: Vec<RoomId> = names.iter().map(|name| RoomId::inbox(&id(name))).chain([RoomId::inbox(&id("anna"))]).collect();
            let mut audience = persisted_events[0].audience();
            inboxes.sort();
            audience.sort();
            assert_eq!((audience, persisted_events[0].reach()), (inboxes, 101));
        });
    }
}

#[test]
fn space_with_too_many_members_is_not_created() {
    with_users(&["anna"], |store, ids| {
        let actor = Actor { user: id("anna"), admin: false };
        for (members, expected) in [(&["ben", "carl"][..], Err(DomainError::Conflict("The space is full"))), (&["ben"], Ok(2))] {
            let bounds = MembershipLimits { members_per_space: 2, ..MembershipLimits::default() };
            let mut context = CommandContext::new(store, &actor, T0, ids).with_bounds(bounds);
            let created = new_space(RoomKind::Conversation, members).execute(&mut context);
            assert_eq!(created.map(|space| space.member_count), expected);
        }
    });
}
