use domain::chat::Message;
use domain::ids::{RoomId, RoomKind};
use domain::ports::Store;
use domain::spaces::Role;

use crate::{T0, id, message};

fn room(n: u32) -> RoomId {
    RoomKind::Conversation.room(n)
}

/// Stores messages 1 to 4 in a room, by ann, ben, ann and ben, and message 5 in another room.
fn talk(store: &mut dyn Store) {
    for (n, sender) in [(1, "ann"), (2, "ben"), (3, "ann"), (4, "ben")] {
        store.insert_message(&Message { room: room(1), ..message(n, sender) }).unwrap();
    }
    store.insert_message(&Message { room: room(2), ..message(5, "ben") }).unwrap();
}

pub fn read_marker_is_per_user_and_room_and_never_moves_back(store: &mut dyn Store) {
    assert_eq!(store.read_marker(&room(1), &id("ann")).unwrap(), None);
    assert_eq!(store.read_marker_of_others(&room(1), &id("ann")).unwrap(), None);
    for (number, name, mark) in [(1, "ann", 7), (1, "ben", 5), (1, "cleo", 6), (2, "ann", 3), (1, "ann", 4)] {
        store.advance_read_marker(&room(number), &id(name), mark).unwrap();
    }
    assert_eq!(store.read_marker(&room(1), &id("ann")).unwrap(), Some(7));
    assert_eq!(store.read_marker(&room(2), &id("ann")).unwrap(), Some(3));
    assert_eq!(store.read_marker_of_others(&room(1), &id("ann")).unwrap(), Some(6));
    assert_eq!(store.read_marker_of_others(&room(2), &id("ann")).unwrap(), None);
    store.advance_read_marker(&room(1), &id("ann"), 8).unwrap();
    assert_eq!(store.read_marker(&room(1), &id("ann")).unwrap(), Some(8));
}

pub fn initial_read_marker_does_not_count_as_read(store: &mut dyn Store) {
    talk(store);
    store.init_read_marker(&room(1), &id("cleo"), 2).unwrap();
    assert_eq!(store.read_marker(&room(1), &id("cleo")).unwrap(), Some(2));
    assert_eq!(store.unread_in(&room(1), &id("cleo"), 9, 9).unwrap(), [3, 4]);
    assert_eq!(store.read_marker_of_others(&room(1), &id("ann")).unwrap(), None, "no user has read a message");
    store.advance_read_marker(&room(1), &id("cleo"), 3).unwrap();
    assert_eq!(store.read_marker_of_others(&room(1), &id("ann")).unwrap(), Some(3));
    store.init_read_marker(&room(1), &id("cleo"), 4).unwrap();
    assert_eq!(store.read_marker(&room(1), &id("cleo")).unwrap(), Some(4), "back after a while");
    assert_eq!(store.read_marker_of_others(&room(1), &id("ann")).unwrap(), Some(3), "what was read stays so");
    store.init_read_marker(&room(1), &id("cleo"), 1).unwrap();
    assert_eq!(store.read_marker(&room(1), &id("cleo")).unwrap(), Some(4), "never back");
}

pub fn newest_message_up_to_an_id_is_found(store: &mut dyn Store) {
    talk(store);
    for (number, up_to, newest) in [(1, i64::MAX, Some(4)), (1, 3, Some(3)), (1, 0, None), (2, 4, None), (2, 9, Some(5)), (3, 9, None)] {
        assert_eq!(store.newest_message_in(&room(number), up_to).unwrap(), newest, "{number} up to {up_to}");
    }
}

pub fn unread_messages_are_those_of_others_after_the_marker(store: &mut dyn Store) {
    talk(store);
    assert_eq!(store.unread_in(&room(1), &id("ann"), 9, 9).unwrap(), [2, 4]);
    assert_eq!(store.unread_in(&room(1), &id("ann"), 9, 1).unwrap(), [4], "the newest");
    assert_eq!(store.unread_in(&room(1), &id("ann"), 3, 9).unwrap(), [2]);
    assert_eq!(store.unread_in(&room(1), &id("cleo"), 9, 9).unwrap(), [1, 2, 3, 4]);
    assert_eq!(store.count_unread_in(&room(1), &id("ann"), 9).unwrap(), 2);
    assert_eq!(store.count_unread_in(&room(1), &id("ann"), 3).unwrap(), 2, "2 and 4, of 2 to 4");
    assert_eq!(store.count_unread_in(&room(1), &id("ann"), 2).unwrap(), 1, "4, of 3 and 4");
    store.advance_read_marker(&room(1), &id("ann"), 2).unwrap();
    assert_eq!(store.unread_in(&room(1), &id("ann"), 9, 9).unwrap(), [4]);
    assert_eq!(store.count_unread_in(&room(1), &id("ann"), 9).unwrap(), 1);
    assert_eq!(store.count_unread_in(&room(2), &id("ben"), 9).unwrap(), 0, "one's own are read");
}

pub fn unread_messages_are_counted_in_all_rooms_of_a_kind(store: &mut dyn Store) {
    talk(store);
    store.insert_message(&Message { room: RoomKind::ChatRoom.room(1), ..message(6, "ben") }).unwrap();
    store.insert_message(&Message { room: room(3), ..message(7, "ben") }).unwrap();
    for joined in [room(1), room(2), RoomKind::ChatRoom.room(1)] {
        store.put_member(&joined, &id("ann"), Role::Member, T0).unwrap();
    }
    assert_eq!(store.count_unread_of(&id("ann"), RoomKind::Conversation, 9).unwrap(), 3);
    store.advance_read_marker(&room(1), &id("ann"), 2).unwrap();
    assert_eq!(store.count_unread_of(&id("ann"), RoomKind::Conversation, 9).unwrap(), 2);
    assert_eq!(store.count_unread_of(&id("ann"), RoomKind::ChatRoom, 9).unwrap(), 1);
    assert_eq!(store.count_unread_of(&id("ann"), RoomKind::ChatRoom, 0).unwrap(), 0, "none is looked at");
    assert_eq!(store.count_unread_of(&id("cleo"), RoomKind::Conversation, 9).unwrap(), 0);
}

pub fn read_markers_of_a_deleted_user_are_deleted(store: &mut dyn Store) {
    store.advance_read_marker(&room(1), &id("ann"), 2).unwrap();
    store.advance_read_marker(&room(1), &id("ben"), 3).unwrap();
    assert_eq!(store.delete_read_markers_of(&id("ann"), 1000).unwrap(), 1);
    assert_eq!(store.read_marker(&room(1), &id("ann")).unwrap(), None);
    assert_eq!(store.read_marker(&room(1), &id("ben")).unwrap(), Some(3));
}
