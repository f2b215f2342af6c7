use domain::ports::Store;
use domain::spaces::Role;
use domain::users::User;

use crate::{T0, at, home, id, store_users, user};

pub fn a_person_is_read_back_as_stored(store: &mut dyn Store) {
    assert_eq!(store.user(&id("ann")).unwrap(), None);
    let unseen = User::unseen(id("ben"), T0);
    for known in [user("ann"), unseen] {
        store.insert_user(&known).unwrap();
        assert_eq!(store.user(&known.id).unwrap(), Some(known));
    }
}

pub fn a_known_person_is_not_stored_as_new_nor_an_unknown_one_changed(store: &mut dyn Store) {
    store_users(store, &["ann"]);
    assert!(store.insert_user(&User::unseen(id("ann"), at(9))).is_err());
    assert_eq!(store.user(&id("ann")).unwrap(), Some(user("ann")));
    assert!(store.update_user(&user("ben")).is_err());
    assert_eq!(store.user(&id("ben")).unwrap(), None);
}

pub fn a_person_changes_but_for_the_first_sight(store: &mut dyn Store) {
    store_users(store, &["ann"]);
    let changed = User {
        name: "Ann B".to_owned(),
        username: String::new(),
        email: None,
        avatar_url: Some("https://example.com/a.png".to_owned()),
        created_at: at(9),
        updated_at: at(9),
        ..user("ann")
    };
    store.update_user(&changed).unwrap();
    assert_eq!(store.user(&id("ann")).unwrap(), Some(User { created_at: T0, ..changed }));
}

pub fn a_deleted_person_is_not_there(store: &mut dyn Store) {
    store_users(store, &["ann", "ben"]);
    store.delete_user(&id("ann")).unwrap();
    store.delete_user(&id("nobody")).unwrap();
    assert_eq!(store.user(&id("ann")).unwrap(), None);
    assert_eq!(store.user(&id("ben")).unwrap(), Some(user("ben")));
}

pub fn the_last_deletion_of_a_user_is_known_also_after_a_new_sign_in(store: &mut dyn Store) {
    assert_eq!(store.deleted_at(&id("ann")).unwrap(), None);
    for seconds in [1, 2] {
        store.put_deletion(&id("ann"), at(seconds)).unwrap();
        store_users(store, &["ann"]);
        assert_eq!(store.deleted_at(&id("ann")).unwrap(), Some(at(seconds)));
        store.delete_user(&id("ann")).unwrap();
    }
    assert_eq!(store.deleted_at(&id("ben")).unwrap(), None);
}

pub fn people_share_a_space_or_do_not(store: &mut dyn Store) {
    store_users(store, &["ann", "ben", "eve"]);
    for name in ["ann", "ben"] {
        store.put_member(&home(), &id(name), Role::Member, T0).unwrap();
    }
    assert!(store.share_space(&id("ann"), &id("ben")).unwrap());
    assert!(!store.share_space(&id("ann"), &id("eve")).unwrap());
    store.remove_member(&home(), &id("ben"), T0).unwrap();
    assert!(!store.share_space(&id("ann"), &id("ben")).unwrap());
}

pub fn users_who_never_signed_in_and_are_in_no_space_are_found_oldest_first(store: &mut dyn Store) {
    store_users(store, &["ann"]);
    for (n, name) in ["ben", "eve", "changed", "here", "signed"].into_iter().enumerate() {
        store.insert_unseen_user(&User::unseen(id(name), at(n as i64))).unwrap();
        assert!(!store.has_signed_in(&id(name)).unwrap());
    }
    assert!(store.has_signed_in(&id("ann")).unwrap());
    store.update_user(&User { name: "C".to_owned(), updated_at: at(9), ..User::unseen(id("changed"), at(2)) }).unwrap();
    for name in ["here", "eve"] {
        store.put_member(&home(), &id(name), Role::Member, T0).unwrap();
    }
    store.put_signed_in(&id("signed")).unwrap();
    assert!(store.has_signed_in(&id("signed")).unwrap());
    assert_eq!(store.unseen_users(at(9), 9).unwrap(), [id("ben")]);
    store.remove_member(&home(), &id("eve"), T0).unwrap();
    assert_eq!(store.unseen_users(at(9), 9).unwrap(), [id("ben"), id("eve")]);
    assert_eq!(store.unseen_users(at(9), 1).unwrap(), [id("ben")]);
    assert_eq!(store.unseen_users(at(1), 9).unwrap(), [id("ben")]);
}
