use domain::ids::{EntityId, RoomKind};
use domain::ports::{Page, Store};
use domain::tasks::{Task, TaskStatus};
use domain::users::User;

use crate::{T0, at, home, id, store_users, task, user};

pub fn stored_task_is_read_back_unchanged(store: &mut dyn Store) {
    store_users(store, &["ann"]);
    assert_eq!(store.task(1).unwrap(), None);
    let bare = Task { description: None, due_date: None, completed: true, completed_at: Some(at(1)), ..task(2) };
    for stored in [task(1), bare] {
        store.insert_task(&stored).unwrap();
        assert_eq!(store.task(stored.id).unwrap(), Some(stored));
    }
}

pub fn update_changes_all_but_the_creation_of_a_task(store: &mut dyn Store) {
    store_users(store, &["ann"]);
    store.insert_task(&task(1)).unwrap();
    let changed = Task {
        room: RoomKind::Project.room(9),
        title: "Plates".to_owned(),
        description: None,
        category: Some("kitchen".to_owned()),
        due_date: None,
        completed: true,
        completed_at: Some(at(3)),
        created_by: user("eve"),
        created_at: at(3),
        updated_at: at(3),
        ..task(1)
    };
    store.update_task(&changed).unwrap();
    assert_eq!(store.task(1).unwrap(), Some(Task { room: home(), created_by: user("ann"), created_at: T0, ..changed }));
}

pub fn insert_of_existing_or_update_of_missing_task_fails(store: &mut dyn Store) {
    store_users(store, &["ann"]);
    store.insert_task(&task(1)).unwrap();
    assert!(store.insert_task(&Task { title: "Other".to_owned(), ..task(1) }).is_err());
    assert_eq!(store.task(1).unwrap(), Some(task(1)));
    assert!(store.update_task(&task(2)).is_err());
    assert_eq!(store.task(2).unwrap(), None);
}

pub fn assignees_are_listed_once_in_order_of_assignment(store: &mut dyn Store) {
    store_users(store, &["ann", "ben"]);
    store.insert_task(&task(1)).unwrap();
    assert!(store.assign(1, &id("ben"), T0).unwrap());
    assert!(store.assign(1, &id("ann"), T0).unwrap());
    assert!(!store.assign(1, &id("ben"), at(1)).unwrap());
    assert_eq!(store.task(1).unwrap().unwrap().assigned_to, [user("ben"), user("ann")]);
    assert!(store.unassign(1, &id("ben")).unwrap());
    assert!(!store.unassign(1, &id("ben")).unwrap());
    assert_eq!(store.task(1).unwrap().unwrap().assigned_to, [user("ann")]);
    store.delete_user(&id("ann")).unwrap();
    let nameless = User::unseen(id("ann"), domain::ids::Timestamp(0));
    assert_eq!(store.task(1).unwrap().unwrap().assigned_to, [nameless], "a deleted person is an id");
}

pub fn task_has_both_status_and_priority_or_neither(store: &mut dyn Store) {
    store_users(store, &["ann"]);
    let progress = |status: &str, priority: &str| Some(TaskStatus { status: status.to_owned(), priority: priority.to_owned() });
    let room = RoomKind::Project.room(9);
    let mut stored = Task { room: room.clone(), progress: progress("todo", "high"), ..task(1) };
    store.insert_task(&stored).unwrap();
    assert_eq!(store.task(1).unwrap().unwrap().progress, progress("todo", "high"));
    stored.progress = progress("done", "low");
    store.update_task(&stored).unwrap();
    store.assign(1, &id("ann"), T0).unwrap();
    assert_eq!(store.tasks_in(&room, &Page { limit: 9, before: None }).unwrap()[0].progress, progress("done", "low"));
    assert_eq!(store.tasks_of(&id("ann"), Some(&room), 9).unwrap()[0].progress, progress("done", "low"));
    store.insert_task(&task(2)).unwrap();
    assert_eq!(store.task(2).unwrap().unwrap().progress, None);
    store.delete_user(&id("ann")).unwrap();
    assert_eq!(store.task(1).unwrap().unwrap().created_by.id, id("ann"), "a deleted creator has the id only");
}

pub fn deleted_task_has_no_assignees(store: &mut dyn Store) {
    for n in [1, 2] {
        store.insert_task(&task(n)).unwrap();
        store.assign(n, &id("ann"), T0).unwrap();
    }
    store.delete_task(1).unwrap();
    store.delete_task(77).unwrap();
    assert_eq!(store.task(1).unwrap(), None);
    assert!(store.assign(1, &id("ann"), T0).unwrap(), "the assignment is gone too");
    assert_eq!(store.task(2).unwrap().unwrap().assigned_to.len(), 1);
}

pub fn tasks_of_a_space_are_listed_newest_first_in_pages(store: &mut dyn Store) {
    for n in 1..=4 {
        store.insert_task(&task(n)).unwrap();
    }
    store.insert_task(&Task { room: RoomKind::Project.room(9), ..task(5) }).unwrap();
    store.assign(4, &id("ann"), T0).unwrap();
    let mut ids =
        |limit, before| -> Vec<EntityId> { store.tasks_in(&home(), &Page { limit, before }).unwrap().iter().map(|task| task.id).collect() };
    assert_eq!(ids(9, None), [4, 3, 2, 1]);
    assert_eq!(ids(2, None), [4, 3]);
    assert_eq!(ids(2, Some(3)), [2, 1]);
    assert!(ids(2, Some(1)).is_empty());
    assert_eq!(store.tasks_in(&home(), &Page { limit: 1, before: None }).unwrap()[0].assigned_to.len(), 1);
}

pub fn tasks_of_a_user_are_listed_by_space(store: &mut dyn Store) {
    store_users(store, &["ann", "ben"]);
    for n in [3, 1, 2] {
        store.insert_task(&task(n)).unwrap();
        store.assign(n, &id("ben"), T0).unwrap();
    }
    store.insert_task(&Task { room: RoomKind::Project.room(9), ..task(5) }).unwrap();
    for n in [5, 3, 1] {
        store.assign(n, &id("ann"), T0).unwrap();
    }
    let tasks = store.tasks_of(&id("ann"), Some(&home()), 9).unwrap();
    assert_eq!(tasks.iter().map(|task| task.id).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(tasks[0].assigned_to, [user("ben"), user("ann")]);
}
