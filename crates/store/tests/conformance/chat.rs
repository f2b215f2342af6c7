use domain::chat::Message;
use domain::ids::{EntityId, RoomKind};
use domain::ports::{Page, Store};
use domain::users::User;

use crate::{T0, at, id, message, store_users};

pub fn message_is_read_back_with_its_sender(store: &mut dyn Store) {
    store_users(store, &["ann"]);
    assert_eq!(store.message(1).unwrap(), None);
    let plain = Message { metadata: None, sort: None, file_url: None, client_id: Some("c-1".to_owned()), ..message(2, "ann") };
    for sent in [message(1, "ann"), plain] {
        store.insert_message(&sent).unwrap();
        assert_eq!(store.message(sent.id).unwrap(), Some(sent));
    }
    let edited = Message { content: "Hi".to_owned(), metadata: None, edited_at: Some(at(60)), ..message(1, "ann") };
    store.update_message(&edited).unwrap();
    assert_eq!(store.message(1).unwrap(), Some(edited));
}

pub fn insert_of_existing_or_update_of_missing_message_fails(store: &mut dyn Store) {
    store_users(store, &["ann", "ben"]);
    store.insert_message(&message(1, "ann")).unwrap();
    assert!(store.insert_message(&Message { content: "Other".to_owned(), ..message(1, "ben") }).is_err());
    assert_eq!(store.message(1).unwrap(), Some(message(1, "ann")));
    assert!(store.update_message(&message(2, "ann")).is_err());
    assert_eq!(store.message(2).unwrap(), None);
}

pub fn message_of_a_deleted_user_has_the_sender_id(store: &mut dyn Store) {
    store.insert_message(&message(1, "ann")).unwrap();
    let sender = store.message(1).unwrap().unwrap().sender;
    assert_eq!(sender, User::unseen(id("ann"), domain::ids::Timestamp(0)));
}

pub fn message_is_found_by_client_id(store: &mut dyn Store) {
    store_users(store, &["ann", "ben"]);
    let client_id = Some("c-1".to_owned());
    let elsewhere = RoomKind::Channel.room(8);
    let sent = Message { client_id: client_id.clone(), ..message(1, "ann") };
    store.insert_message(&sent).unwrap();
    // Another sender, and another room, may use the same client id.
    store.insert_message(&Message { client_id: client_id.clone(), ..message(2, "ben") }).unwrap();
    store.insert_message(&Message { client_id, room: elsewhere.clone(), ..message(3, "ann") }).unwrap();
    assert_eq!(store.message_by_client_id(&sent.room, &id("ann"), "c-1").unwrap(), Some(sent.clone()));
    assert_eq!(store.message_by_client_id(&elsewhere, &id("ann"), "c-1").unwrap().unwrap().id, 3);
    assert_eq!(store.message_by_client_id(&sent.room, &id("ann"), "c-2").unwrap(), None);
    assert!(store.insert_message(&Message { client_id: sent.client_id, ..message(4, "ann") }).is_err(), "twice is a fault of the rules");
}

pub fn messages_are_listed_newest_first_in_pages(store: &mut dyn Store) {
    store_users(store, &["ann"]);
    for n in 1..=4 {
        store.insert_message(&message(n, "ann")).unwrap();
    }
    store.insert_message(&Message { room: RoomKind::Channel.room(8), created_at: T0, ..message(5, "ann") }).unwrap();
    let room = message(1, "ann").room;
    let mut ids = |limit, before| -> Vec<EntityId> {
        store.messages_in(&room, &Page { limit, before }).unwrap().iter().map(|message| message.id).collect()
    };
    assert_eq!(ids(9, None), [4, 3, 2, 1]);
    assert_eq!(ids(2, Some(4)), [3, 2]);
    assert!(ids(2, Some(1)).is_empty());
}

pub fn client_id_of_a_deleted_message_can_be_used_again(store: &mut dyn Store) {
    store_users(store, &["ann"]);
    let sent = Message { client_id: Some("c-1".to_owned()), ..message(1, "ann") };
    store.insert_message(&sent).unwrap();
    store.insert_message(&message(2, "ann")).unwrap();
    store.delete_message(1).unwrap();
    store.delete_message(99).unwrap();
    assert_eq!(store.message(1).unwrap(), None);
    assert_eq!(store.message_by_client_id(&sent.room, &id("ann"), "c-1").unwrap(), None);
    let left: Vec<EntityId> = store.messages_in(&sent.room, &Page::new(None, None)).unwrap().iter().map(|message| message.id).collect();
    assert_eq!(left, [2]);
    store.insert_message(&Message { id: 3, ..sent }).unwrap();
}
