use domain::ids::{RoomId, RoomKind};
use domain::ports::{MemberPage, Page, Store};
use domain::spaces::{Member, Role, Space, Standing};
use domain::users::User;

use crate::{T0, at, home, id, space, store_users, user};

fn page(limit: u32, after: Option<&str>) -> MemberPage {
    MemberPage { limit, after: after.map(id) }
}

pub fn space_is_read_back_with_members_in_order_of_joining(store: &mut dyn Store) {
    assert_eq!(store.space(&home()).unwrap(), None);
    store_users(store, &["ann", "ben", "cleo"]);
    store.insert_space(&space(&home())).unwrap();
    // All members join at the same time, against the order of the alphabet.
    let mut members = Vec::new();
    for (name, role) in [("cleo", Role::Admin), ("ben", Role::Member), ("ann", Role::Member)] {
        store.put_member(&home(), &id(name), role, T0).unwrap();
        members.push(Member { user: user(name), role, joined_at: T0 });
    }
    store.put_member(&home(), &id("dan"), Role::Member, at(1)).unwrap();
    assert_eq!(store.members(&home(), &page(9, None)).unwrap().len(), 4);
    store.remove_member(&home(), &id("dan"), at(2)).unwrap();
    assert_eq!(store.members(&home(), &page(9, None)).unwrap(), members);
    assert_eq!(store.space(&home()).unwrap(), Some(Space { member_count: 3, ..space(&home()) }), "the space is read without its members");
}

pub fn update_changes_all_but_the_creation_of_a_space(store: &mut dyn Store) {
    store.insert_space(&space(&home())).unwrap();
    let name = "Ours".to_owned();
    let changed = Space { name, invite_code: None, created_by: id("eve"), created_at: at(9), updated_at: at(9), ..space(&home()) };
    store.update_space(&changed).unwrap();
    assert_eq!(store.space(&home()).unwrap(), Some(Space { created_by: id("ann"), created_at: T0, ..changed }));
}

pub fn insert_of_existing_or_update_of_missing_space_fails(store: &mut dyn Store) {
    store.insert_space(&space(&home())).unwrap();
    let other = Space { name: "Other".to_owned(), ..space(&home()) };
    assert!(store.insert_space(&other).is_err());
    assert_eq!(store.space(&home()).unwrap(), Some(space(&home())));
    assert!(store.update_space(&space(&RoomKind::Trip.room(1))).is_err());
    assert_eq!(store.space(&RoomKind::Trip.room(1)).unwrap(), None);
}

pub fn deleted_space_is_not_found(store: &mut dyn Store) {
    let other = RoomKind::Trip.room(1);
    store.insert_space(&space(&home())).unwrap();
    store.insert_space(&space(&other)).unwrap();
    store.delete_space(&home()).unwrap();
    assert_eq!(store.space(&home()).unwrap(), None);
    assert!(store.space(&other).unwrap().is_some());
    assert_eq!([home(), other].map(|room| store.has_space(&room).unwrap()), [false, true]);
}

pub fn only_members_have_a_role(store: &mut dyn Store) {
    store.put_member(&home(), &id("ann"), Role::Member, T0).unwrap();
    assert_eq!(store.role(&home(), &id("ann")).unwrap(), Some(Role::Member));
    assert_eq!(store.role(&home(), &id("ben")).unwrap(), None);
    store.put_member(&home(), &id("ann"), Role::Admin, at(5)).unwrap();
    assert_eq!(store.role(&home(), &id("ann")).unwrap(), Some(Role::Admin));
    assert_eq!(store.members(&home(), &page(9, None)).unwrap()[0].joined_at, T0, "another role is not another joining");
    store.remove_member(&home(), &id("ann"), at(6)).unwrap();
    assert_eq!(store.role(&home(), &id("ann")).unwrap(), None);
}

pub fn channel_has_the_roles_of_its_project(store: &mut dyn Store) {
    let (project, channel) = (RoomKind::Project.room(1), RoomKind::Channel.room(2));
    store.insert_space(&Space { parent: Some(project.clone()), invite_code: None, ..space(&channel) }).unwrap();
    store.put_member(&project, &id("ann"), Role::Admin, T0).unwrap();
    assert_eq!(store.role_in_parent(&channel, &id("ann")).unwrap(), Some(Role::Admin));
    assert_eq!(store.role_in_parent(&channel, &id("ben")).unwrap(), None);
    assert_eq!(store.role_in_parent(&project, &id("ann")).unwrap(), None, "a project is part of nothing");
    assert_eq!(store.role_in_parent(&RoomKind::Channel.room(3), &id("ann")).unwrap(), None);
    assert_eq!(store.space(&channel).unwrap().unwrap().parent, Some(project));
}

pub fn channel_of_an_archived_project_is_archived(store: &mut dyn Store) {
    let (project, channel) = (RoomKind::Project.room(1), RoomKind::Channel.room(2));
    let mut space = Space { invite_code: None, ..space(&project) };
    store.insert_space(&space).unwrap();
    store.insert_space(&Space { room: channel.clone(), parent: Some(project.clone()), ..space.clone() }).unwrap();
    for archived_at in [None, Some(at(9)), None] {
        space.archived_at = archived_at;
        store.update_space(&space).unwrap();
        assert_eq!(store.space(&project).unwrap().unwrap().archived_at, archived_at);
        for room in [&project, &channel] {
            assert_eq!(store.is_archived(room).unwrap(), archived_at.is_some(), "{room}");
        }
    }
    assert!(!store.is_archived(&RoomKind::Project.room(3)).unwrap(), "an unknown space");
}

pub fn time_of_leaving_is_read_only_for_former_members(store: &mut dyn Store) {
    assert_eq!(store.left_at(&home(), &id("ann")).unwrap(), None);
    store.put_member(&home(), &id("ann"), Role::Member, T0).unwrap();
    store.remove_member(&home(), &id("ann"), at(1)).unwrap();
    assert_eq!(store.left_at(&home(), &id("ann")).unwrap(), Some(at(1)));
    store.put_member(&home(), &id("ann"), Role::Member, at(2)).unwrap();
    assert_eq!(store.left_at(&home(), &id("ann")).unwrap(), None);
    store.remove_member(&home(), &id("ann"), at(3)).unwrap();
    assert_eq!(store.left_at(&home(), &id("ann")).unwrap(), Some(at(3)));
}

pub fn removal_of_a_non_member_stores_no_time_of_leaving(store: &mut dyn Store) {
    store.remove_member(&home(), &id("ann"), T0).unwrap();
    assert_eq!(store.left_at(&home(), &id("ann")).unwrap(), None);
}

pub fn rooms_of_a_user_are_listed_newest_first_by_kind(store: &mut dyn Store) {
    let joined = [RoomKind::Household.room(1), RoomKind::Trip.room(2), RoomKind::Household.room(3)];
    for (seconds, room) in (0..).zip(&joined) {
        store.put_member(room, &id("ann"), Role::Member, at(seconds)).unwrap();
    }
    store.put_member(&home(), &id("ben"), Role::Member, T0).unwrap();
    let [first, second, third] = joined;
    assert_eq!(store.rooms_of(&id("ann"), None).unwrap(), [third.clone(), second, first.clone()]);
    assert_eq!(store.rooms_of(&id("ann"), Some(RoomKind::Household)).unwrap(), [third, first]);
    assert_eq!(store.rooms_of(&id("ann"), Some(RoomKind::Project)).unwrap(), Vec::<RoomId>::new());
}

pub fn spaces_of_a_user_are_listed_in_pages(store: &mut dyn Store) {
    store_users(store, &["ann"]);
    // Ann joins the last two spaces at the same time, so their addresses determine their order.
    for (n, seconds) in [(1, 0), (2, 1), (3, 2), (4, 2)] {
        store.insert_space(&space(&RoomKind::Household.room(n))).unwrap();
        store.put_member(&RoomKind::Household.room(n), &id("ann"), Role::Admin, at(seconds)).unwrap();
    }
    let page = |limit, before: Option<u32>| Page { limit, before: before.map(|n| RoomKind::Household.room(n)) };
    for (limit, before, expected) in [
        (9, None, vec!["4", "3", "2", "1"]),
        (2, None, vec!["4", "3"]),
        (1, Some(4), vec!["3"]),
        (9, Some(3), vec!["2", "1"]),
        (9, Some(1), vec![]),
        (9, Some(77), vec![]),
    ] {
        let spaces = store.spaces_of(&id("ann"), RoomKind::Household, &page(limit, before)).unwrap();
        let ids: Vec<&str> = spaces.iter().map(|space| space.room.id()).collect();
        assert_eq!(ids, expected, "{limit} before {before:?}");
        assert!(spaces.iter().all(|space| space.member_count == 1));
    }
    assert!(store.spaces_of(&id("ann"), RoomKind::Trip, &page(9, None)).unwrap().is_empty());
    assert!(store.spaces_of(&id("ben"), RoomKind::Household, &page(9, None)).unwrap().is_empty());
}

pub fn child_spaces_are_listed_in_pages(store: &mut dyn Store) {
    let parent = RoomKind::Project.room(1);
    for n in 1..=3 {
        let channel = Space { parent: Some(parent.clone()), created_at: at(n), ..space(&RoomKind::Channel.room(n)) };
        store.insert_space(&channel).unwrap();
    }
    let mut ids = |parent: &RoomId, limit, before: Option<u32>| -> Vec<String> {
        let page = Page { limit, before: before.map(|n| RoomKind::Channel.room(n)) };
        store.spaces_in(parent, &page).unwrap().iter().map(|space| space.room.id().to_owned()).collect()
    };
    assert_eq!(ids(&parent, 2, None), ["3", "2"]);
    assert_eq!(ids(&parent, 2, Some(2)), ["1"]);
    assert!(ids(&home(), 2, None).is_empty());
}

pub fn contacts_are_listed_once_for_several_shared_spaces(store: &mut dyn Store) {
    store_users(store, &["ann", "ben", "cleo", "eve"]);
    for (room, name) in [(1, "ann"), (1, "ben"), (2, "ann"), (2, "ben"), (2, "cleo"), (3, "eve")] {
        store.put_member(&RoomKind::Household.room(room), &id(name), Role::Member, T0).unwrap();
        store.put_acted(&RoomKind::Household.room(room), &id(name)).unwrap();
    }
    assert_eq!(store.contacts_of(&id("ann")).unwrap(), [id("ben"), id("cleo")]);
    assert!(store.contacts_of(&id("eve")).unwrap().is_empty());
}

pub fn members_are_listed_in_pages_in_order_of_joining(store: &mut dyn Store) {
    // The members join against the alphabetical order, at the same time.
    for name in ["dan", "cleo", "ben", "ann"] {
        store.put_member(&home(), &id(name), Role::Member, T0).unwrap();
    }
    store.put_member(&RoomKind::Trip.room(1), &id("eve"), Role::Member, T0).unwrap();
    let mut names = |limit, after: Option<&str>| -> Vec<String> {
        store.members(&home(), &page(limit, after)).unwrap().iter().map(|member| member.user.id.to_string()).collect()
    };
    assert_eq!(names(9, None), ["dan", "cleo", "ben", "ann"]);
    assert_eq!(names(2, None), ["dan", "cleo"]);
    assert_eq!(names(2, Some("cleo")), ["ben", "ann"]);
    assert!(names(2, Some("ann")).is_empty());
    assert!(names(2, Some("eve")).is_empty(), "of another space");
    assert_eq!(store.member_ids(&home(), 2).unwrap(), [id("dan"), id("cleo")]);
}

pub fn memberships_are_counted_for_space_and_user(store: &mut dyn Store) {
    store_users(store, &["ann", "ben"]);
    store.insert_space(&space(&home())).unwrap();
    let counts = |store: &mut dyn Store| (store.space(&home()).unwrap().unwrap().member_count, store.space_count(&id("ann")).unwrap());
    assert_eq!(counts(store), (0, 0));
    store.put_member(&home(), &id("ann"), Role::Member, T0).unwrap();
    store.put_member(&home(), &id("ben"), Role::Member, T0).unwrap();
    store.put_member(&home(), &id("ann"), Role::Admin, T0).unwrap();
    assert_eq!(counts(store), (2, 1), "a change of the role begins no membership");
    store.put_member(&RoomKind::Trip.room(1), &id("ann"), Role::Member, T0).unwrap();
    assert_eq!(counts(store), (2, 2));
    store.update_space(&Space { name: "Ours".to_owned(), ..space(&home()) }).unwrap();
    store.update_user(&user("ann")).unwrap();
    assert_eq!(counts(store), (2, 2), "other changes leave the counts");
    store.remove_member(&home(), &id("ann"), at(1)).unwrap();
    store.remove_member(&home(), &id("ann"), at(2)).unwrap();
    assert_eq!(counts(store), (1, 1));
    assert_eq!(store.space_count(&id("unknown")).unwrap(), 0);
}

pub fn space_has_an_admin_until_the_last_one_leaves(store: &mut dyn Store) {
    store.put_member(&home(), &id("ann"), Role::Member, T0).unwrap();
    assert!(!store.has_admin(&home()).unwrap());
    store.put_member(&home(), &id("ben"), Role::Admin, T0).unwrap();
    assert!(store.has_admin(&home()).unwrap());
    store.put_member(&home(), &id("ben"), Role::Member, T0).unwrap();
    assert!(!store.has_admin(&home()).unwrap());
}

pub fn longest_member_has_acted_if_any_member_has(store: &mut dyn Store) {
    assert_eq!(store.longest_member(&home()).unwrap(), None);
    for name in ["cleo", "ben", "ann"] {
        store.put_member(&home(), &id(name), Role::Member, T0).unwrap();
    }
    for (acts, longest) in [(None, "cleo"), (Some("ann"), "ann"), (Some("ben"), "ben")] {
        if let Some(name) = acts {
            store.put_acted(&home(), &id(name)).unwrap();
        }
        assert_eq!(store.longest_member(&home()).unwrap(), Some(id(longest)));
    }
}

pub fn members_are_found_by_handle(store: &mut dyn Store) {
    let called = |name: &str, username: &str| User { username: username.to_owned(), ..user(name) };
    for user in [called("1", "Ann"), called("2", "ann"), called("3", "Zoë"), called("4", "ann.lee"), called("5", "ann")] {
        store.insert_user(&user).unwrap();
        if user.id != id("5") {
            store.put_member(&home(), &user.id, Role::Member, T0).unwrap();
        }
    }
    let names = |store: &mut dyn Store, handle: &str, limit| -> Vec<String> {
        store.members_with_handle(&home(), handle, limit).unwrap().iter().map(|user| user.id.to_string()).collect()
    };
    assert_eq!(names(store, "ANN", 9), ["1", "2"]);
    assert_eq!(names(store, "ann", 1), ["1"]);
    assert_eq!(names(store, "ZOË", 9), ["3"]);
    assert!(names(store, "an", 9).is_empty());
    for (text, handle) in
        [("ann", Some("ann")), ("ann.lee is here", Some("ann.lee")), ("anna", Some("ann.lee")), ("am", None), ("žoë", Some("zoë"))]
    {
        assert_eq!(store.handle_up_to(&home(), text).unwrap().as_deref(), handle, "{text}");
    }
    // A member with another name is found by that name.
    store.update_user(&called("2", "Émile")).unwrap();
    assert_eq!(names(store, "ann", 9), ["1"]);
    assert_eq!(names(store, "émile", 9), ["2"]);
}

pub fn contacts_have_both_acted_and_have_no_block(store: &mut dyn Store) {
    let (project, channel) = (RoomKind::Project.room(1), RoomKind::Channel.room(2));
    store.insert_space(&Space { parent: Some(project.clone()), invite_code: None, ..space(&channel) }).unwrap();
    for name in ["ann", "ben", "cleo"] {
        store.put_member(&project, &id(name), Role::Member, T0).unwrap();
    }
    let mut contacts = |act: &[&str], expected: &[&str]| {
        for name in act {
            // An act in a channel counts as one in its project.
            assert!(!store.has_acted(&channel, &id(name)).unwrap());
            store.put_acted(&channel, &id(name)).unwrap();
            assert!(store.has_acted(&project, &id(name)).unwrap());
        }
        let expected: Vec<_> = expected.iter().map(|name| id(name)).collect();
        assert_eq!(store.contacts_of(&id("ann")).unwrap(), expected);
        for name in ["ben", "cleo"] {
            let is_contact = expected.contains(&id(name));
            assert_eq!(store.are_contacts(&id("ann"), &id(name)).unwrap(), is_contact, "{name}");
            assert_eq!(store.are_contacts(&id(name), &id("ann")).unwrap(), is_contact, "{name}");
            let named = store.members_who_acted(&project, &id("ann"), 9).unwrap();
            assert!(named.contains(&id(name)) == is_contact || !named.contains(&id("ann")), "{name}");
        }
    };
    contacts(&[], &[]);
    contacts(&["ben"], &[]);
    contacts(&["ann"], &["ben"]);
    contacts(&["cleo"], &["ben", "cleo"]);
    store.put_block(&id("ben"), &id("ann"), T0).unwrap();
    store.put_block(&id("ann"), &id("cleo"), T0).unwrap();
    assert!(store.contacts_of(&id("ann")).unwrap().is_empty());
    assert_eq!(store.members_who_acted(&project, &id("ann"), 9).unwrap(), [id("ann")]);
    assert_eq!(store.blockers_in(&project, &id("ann"), 9).unwrap(), [id("ben")]);
    assert!(!store.has_acted(&project, &id("eve")).unwrap(), "eve is no member");
}

pub fn leaving_by_choice_differs_from_removal(store: &mut dyn Store) {
    let mut left = |at_second, by_choice: bool| {
        store.put_member(&home(), &id("ann"), Role::Member, T0).unwrap();
        assert_eq!(store.left_by_choice_at(&home(), &id("ann")).unwrap(), None);
        store.remove_member(&home(), &id("ann"), at(at_second)).unwrap();
        if by_choice {
            store.put_left_by_choice(&home(), &id("ann")).unwrap();
        }
        store.left_by_choice_at(&home(), &id("ann")).unwrap()
    };
    assert_eq!(left(1, true), Some(at(1)));
    assert_eq!(left(2, false), None);
    assert_eq!(left(3, true), Some(at(3)));
}

pub fn standing_equals_the_separate_reads(store: &mut dyn Store) {
    let (project, channel, unstored) = (RoomKind::Project.room(1), RoomKind::Channel.room(2), RoomKind::ChatRoom.room(3));
    let mut parent = Space { invite_code: None, ..space(&project) };
    store.insert_space(&parent).unwrap();
    store.insert_space(&Space { room: channel.clone(), parent: Some(project.clone()), ..parent.clone() }).unwrap();
    store.insert_user(&user("ann")).unwrap();
    for room in [&project, &unstored] {
        store.put_member(room, &id("ann"), Role::Admin, T0).unwrap();
        store.put_member(room, &id("ben"), Role::Member, T0).unwrap();
    }
    store.put_acted(&channel, &id("ben")).unwrap();
    for archived_at in [None, Some(at(9))] {
        parent.archived_at = archived_at;
        store.update_space(&parent).unwrap();
        for room in [&project, &channel, &unstored, &RoomKind::Channel.room(4)] {
            for user in ["ann", "ben", "cem"].map(id) {
                let role = match room.kind() {
                    RoomKind::Channel => store.role_in_parent(room, &user).unwrap(),
                    _ => store.role(room, &user).unwrap(),
                };
                let (archived, acted) = (store.is_archived(room).unwrap(), store.has_acted(room, &user).unwrap());
                let profile = store.user(&user).unwrap();
                let expected = role.map(|role| Standing { role, archived, acted, user: profile });
                assert_eq!(store.member_standing(room, &user).unwrap(), expected, "{user:?} in {room}");
            }
        }
    }
    let ben = store.member_standing(&channel, &id("ben")).unwrap();
    assert_eq!(ben, Some(Standing { role: Role::Member, archived: true, acted: true, user: None }));
}
