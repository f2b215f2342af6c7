use domain::ports::Store;
use domain::spaces::Role;
use domain::users::User;

use crate::{T0, at, home, id, store_users, user};

pub fn stored_user_is_read_back_unchanged(store: &mut dyn Store) {
    assert_eq!(store.user(&id("ann")).unwrap(), None);
    let unseen = User::unseen(id("ben"), T0);
    for known in [user("ann"), unseen] {
        store.insert_user(&known).unwrap();
        assert_eq!(store.user(&known.id).unwrap(), Some(known));
    }
}

pub fn insert_of_existing_or_update_of_missing_user_fails(store: &mut dyn Store) {
    store_users(store, &["ann"]);
    assert!(store.insert_user(&User::unseen(id("ann"), at(9))).is_err());
    assert_eq!(store.user(&id("ann")).unwrap(), Some(user("ann")));
    assert!(store.update_user(&user("ben")).is_err());
    assert_eq!(store.user(&id("ben")).unwrap(), None);
}

pub fn update_changes_all_but_the_creation_of_a_user(store: &mut dyn Store) {
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

pub fn deleted_user_is_not_found(store: &mut dyn Store) {
    store_users(store, &["ann", "ben"]);
    store.delete_user(&id("ann")).unwrap();
    store.delete_user(&id("unknown")).unwrap();
    assert_eq!(store.user(&id("ann")).unwrap(), None);
    assert_eq!(store.user(&id("ben")).unwrap(), Some(user("ben")));
}

pub fn last_deletion_of_a_user_stays_after_a_new_sign_in(store: &mut dyn Store) {
    assert_eq!(store.deleted_at(&id("ann")).unwrap(), None);
    for seconds in [1, 2] {
        store.put_deletion(&id("ann"), at(seconds)).unwrap();
        store_users(store, &["ann"]);
        assert_eq!(store.deleted_at(&id("ann")).unwrap(), Some(at(seconds)));
        store.delete_user(&id("ann")).unwrap();
    }
    assert_eq!(store.deleted_at(&id("ben")).unwrap(), None);
}

pub fn users_share_a_space_if_both_are_members(store: &mut dyn Store) {
    store_users(store, &["ann", "ben", "eve"]);
    for name in ["ann", "ben"] {
        store.put_member(&home(), &id(name), Role::Member, T0).unwrap();
    }
    assert!(store.share_space(&id("ann"), &id("ben")).unwrap());
    assert!(!store.share_space(&id("ann"), &id("eve")).unwrap());
    store.remove_member(&home(), &id("ben"), T0).unwrap();
    assert!(!store.share_space(&id("ann"), &id("ben")).unwrap());
}

pub fn unseen_users_without_spaces_are_listed_oldest_first(store: &mut dyn Store) {
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
