use domain::ids::EntityId;
use domain::notifications::Notification;
use domain::ports::{Page, Store};

use crate::{at, id, notification};

pub fn stored_notification_is_read_back_unchanged(store: &mut dyn Store) {
    assert_eq!(store.notification(1).unwrap(), None);
    let bare = Notification { link: None, data: None, message: String::new(), read: true, ..notification(2, "ann") };
    for stored in [notification(1, "ann"), bare] {
        store.insert_notification(&stored).unwrap();
        assert_eq!(store.notification(stored.id).unwrap(), Some(stored));
    }
}

pub fn update_changes_only_the_read_state_of_a_notification(store: &mut dyn Store) {
    store.insert_notification(&notification(1, "ann")).unwrap();
    let changed = Notification { title: "Other".to_owned(), data: None, read: true, created_at: at(9), ..notification(1, "ben") };
    store.update_notification(&changed).unwrap();
    assert_eq!(store.notification(1).unwrap(), Some(Notification { read: true, ..notification(1, "ann") }));
}

pub fn insert_of_existing_or_update_of_missing_notification_fails(store: &mut dyn Store) {
    store.insert_notification(&notification(1, "ann")).unwrap();
    assert!(store.insert_notification(&notification(1, "ben")).is_err());
    assert_eq!(store.notification(1).unwrap(), Some(notification(1, "ann")));
    assert!(store.update_notification(&notification(2, "ann")).is_err());
    assert_eq!(store.notification(2).unwrap(), None);
}

pub fn notifications_are_listed_newest_first_in_pages(store: &mut dyn Store) {
    for n in 1..=4 {
        store.insert_notification(&notification(n, "ann")).unwrap();
    }
    store.insert_notification(&notification(5, "ben")).unwrap();
    let mut ids = |limit, before| -> Vec<EntityId> {
        let page = store.notifications_of(&id("ann"), &Page { limit, before }).unwrap();
        page.iter().map(|notification| notification.id).collect()
    };
    assert_eq!(ids(9, None), [4, 3, 2, 1]);
    assert_eq!(ids(2, Some(4)), [3, 2]);
    assert!(ids(2, Some(1)).is_empty());
}

pub fn all_notifications_are_marked_read_and_counted(store: &mut dyn Store) {
    for n in 1..=3 {
        store.insert_notification(&notification(n, "ann")).unwrap();
    }
    store.insert_notification(&Notification { read: true, ..notification(4, "ann") }).unwrap();
    store.insert_notification(&notification(5, "ben")).unwrap();
    assert_eq!(store.mark_notifications_read(&id("ann")).unwrap(), 3);
    assert_eq!(store.mark_notifications_read(&id("ann")).unwrap(), 0);
    assert!(store.notification(2).unwrap().unwrap().read);
    assert!(!store.notification(5).unwrap().unwrap().read, "another's stays");
}

pub fn notifications_of_a_deleted_user_are_deleted(store: &mut dyn Store) {
    store.insert_notification(&notification(1, "ann")).unwrap();
    store.insert_notification(&notification(2, "ben")).unwrap();
    assert_eq!(store.delete_notifications_of(&id("ann"), 1000).unwrap(), 1);
    assert_eq!(store.notification(1).unwrap(), None);
    assert!(store.notification(2).unwrap().is_some());
}
