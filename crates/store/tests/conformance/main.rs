//! One suite for every database: it tests the contract of each store trait of the domain on an empty store.
//!
//! A new database needs a `mod` beside `sqlite` and no tests of its own.

#![allow(clippy::unwrap_used)]

use domain::chat::Message;
use domain::ids::{EntityId, RoomId, RoomKind, Timestamp, UserId};
use domain::notifications::Notification;
use domain::ports::Store;
use domain::spaces::Space;
use domain::tasks::Task;
use domain::users::User;

mod blocks;
mod calls;
mod chat;
mod event_log;
mod idempotency;
mod notifications;
mod read_markers;
mod recovery;
mod removals;
mod sessions;
mod spaces;
mod tasks;
mod trips;
mod users;

/// Makes a test of each check for each database.
macro_rules! suite {
    ($($area:ident { $($check:ident,)* })*) => {
        mod sqlite {
            $(mod $area {
                $(#[test]
                fn $check() {
                    crate::in_sqlite(crate::$area::$check);
                })*
            })*
        }
    };
}

suite! {
    users {
        a_person_is_read_back_as_stored,
        a_person_changes_but_for_the_first_sight,
        a_known_person_is_not_stored_as_new_nor_an_unknown_one_changed,
        a_deleted_person_is_not_there,
        the_last_deletion_of_a_user_is_known_also_after_a_new_sign_in,
        people_share_a_space_or_do_not,
        users_who_never_signed_in_and_are_in_no_space_are_found_oldest_first,
    }
    spaces {
        a_space_is_read_back_with_its_members_in_the_order_of_joining,
        a_space_changes_but_for_its_beginning,
        a_known_space_is_not_stored_as_new_nor_an_unknown_one_changed,
        a_role_is_a_members_only,
        a_channel_is_as_open_as_its_project,
        a_standing_is_what_its_parts_are,
        what_is_in_an_archived_space_is_archived,
        a_departure_counts_only_while_one_is_away,
        the_end_of_no_membership_is_no_departure,
        rooms_of_a_person_come_newest_first_and_by_kind,
        a_deleted_space_is_not_there,
        spaces_of_a_person_come_in_pages,
        spaces_inside_another_come_in_pages,
        contacts_are_those_who_share_a_space_each_once,
        members_come_in_pages_in_the_order_of_joining,
        memberships_are_counted_for_the_space_and_for_the_user,
        an_admin_is_known_while_there_is_one,
        the_longest_member_has_acted_if_any_member_has,
        members_are_found_by_their_handle,
        contacts_have_both_acted_in_a_space_and_have_not_blocked_each_other,
        users_who_left_by_choice_are_distinguished_from_those_who_were_removed,
    }
    blocks {
        blocks_of_a_user_come_latest_first_in_pages_and_end,
    }
    tasks {
        a_task_is_read_back_as_stored,
        a_task_changes_but_for_its_beginning,
        a_known_task_is_not_stored_as_new_nor_an_unknown_one_changed,
        assignees_stand_in_the_order_of_assigning_and_each_once,
        a_task_has_a_status_and_a_priority_or_neither,
        a_deleted_task_is_nobodys,
        tasks_of_a_space_come_newest_first_in_pages,
        tasks_of_a_person_are_those_of_the_space,
    }
    chat {
        a_message_is_read_back_with_its_sender,
        a_known_message_is_not_stored_as_new_nor_an_unknown_one_changed,
        a_message_of_a_deleted_person_keeps_the_id,
        a_message_is_found_by_its_senders_own_id,
        messages_come_newest_first_in_pages,
        a_deleted_message_is_not_there_and_its_senders_own_id_is_free,
    }
    read_markers {
        a_mark_is_a_persons_own_in_a_room_and_never_goes_back,
        whoever_begins_to_read_has_read_nothing_by_that,
        the_newest_message_up_to_another_is_found,
        unread_are_the_others_messages_behind_the_mark,
        unread_are_counted_in_all_rooms_of_a_kind,
        a_deleted_persons_marks_are_gone,
    }
    trips {
        a_trips_details_are_read_back_as_stored_and_changed,
        a_deleted_trip_has_no_details,
    }
    notifications {
        a_notification_is_read_back_as_stored,
        a_notification_changes_only_in_being_read,
        a_known_notification_is_not_stored_as_new_nor_an_unknown_one_changed,
        notifications_of_a_person_come_newest_first_in_pages,
        all_of_a_persons_are_read_at_once_and_counted,
        a_deleted_persons_notifications_are_gone,
    }
    calls {
        a_call_is_read_back_with_its_participants_in_the_order_of_coming,
        a_room_has_one_open_call,
        a_known_call_is_not_stored_as_new_nor_an_unknown_one_changed,
        calls_come_newest_first_in_pages,
    }
    event_log {
        each_room_counts_for_itself_and_offsets_only_grow,
        every_event_is_read_back_as_recorded,
        facts_are_read_behind_an_offset_up_to_a_limit,
        the_last_offset_is_that_of_the_last_fact,
        old_facts_are_deleted_some_at_a_time_and_the_last_one_stays,
        holes_are_known_until_all_facts_before_them_are_too_old,
        a_fact_is_found_by_its_offset,
        what_everybody_has_heard_is_remembered,
    }
    sessions {
        a_session_is_read_back_as_stored,
        a_session_that_comes_back_is_whose_and_where_it_was,
        a_known_session_is_not_stored_as_new_nor_an_unknown_one_changed,
        the_end_of_a_session_is_written_down_with_what_has_arrived,
        a_session_is_deleted_with_its_rooms,
        what_everybody_has_heard_counts_for_those_who_were_there_then,
        sessions_that_are_there_or_left_lately_are_found_with_their_rooms,
        old_sessions_are_forgotten_with_their_rooms_some_at_a_time,
        a_session_joins_a_room_once_and_leaves_it,
        a_session_that_has_left_a_room_may_join_it_again,
        rooms_that_somebody_may_hear_are_those_of_a_member_and_what_is_inside_them,
        whoever_is_removed_is_in_the_space_and_in_what_is_inside_it_on_no_session,
        a_member_is_one_since_the_offset_of_that_moment,
        an_offset_is_good_up_to_where_the_next_life_of_the_journal_began,
        of_the_journals_lives_the_newest_hundred_are_known,
    }
    recovery {
        whoever_comes_back_goes_on_from_the_larger_of_what_is_offered_and_what_is_confirmed,
        a_session_is_its_persons_alone_where_it_was_and_not_for_ever,
        nothing_is_remembered_of_whoever_has_no_place,
        whoever_says_since_when_is_believed_if_that_is_of_this_journal,
        a_room_that_is_lost_meanwhile_is_not_come_back_to,
        a_room_that_one_is_in_without_asking_is_not_come_back_to_if_it_was_left,
        a_room_that_may_not_be_heard_is_not_joined,
        a_member_may_stay_in_a_room_until_the_removal,
        a_session_that_cannot_go_on_is_followed_by_a_new_one,
        a_start_ends_who_was_here_and_reads_what_is_recent,
        a_start_knows_who_was_here,
        old_facts_and_sessions_are_forgotten,
        catching_up_goes_through_the_rooms_that_one_may_hear,
        a_message_before_one_became_a_member_is_before_its_offset,
    }
    removals {
        a_removal_is_stored_until_it_ends_and_the_oldest_continues_first,
    }
    idempotency {
        an_answer_is_kept_for_its_scope_and_key,
        a_large_answer_is_kept_as_a_reference_or_not_at_all,
        an_answer_counts_only_if_it_is_recent,
        old_answers_are_forgotten_some_at_a_time,
    }
}

fn in_sqlite(check: fn(&mut dyn Store)) {
    let database = store::Database::open(store::Options::new("sqlite::memory:")).unwrap();
    database.with_store(|store| check(store)).unwrap();
}

const T0: Timestamp = Timestamp(1_763_725_000_000_000);

fn at(seconds: i64) -> Timestamp {
    T0.minus_seconds(-seconds)
}

fn id(name: &str) -> UserId {
    UserId::new(name)
}

/// A user with all fields of the profile.
fn user(name: &str) -> User {
    User {
        id: id(name),
        name: format!("{name} Ünal"),
        username: name.to_owned(),
        email: Some(format!("{name}@example.com")),
        avatar_url: None,
        created_at: T0,
        updated_at: T0,
    }
}

fn store_users(store: &mut dyn Store, names: &[&str]) {
    for name in names {
        store.insert_user(&user(name)).unwrap();
    }
}

fn space(room: &RoomId) -> Space {
    Space {
        room: room.clone(),
        name: "Home".to_owned(),
        parent: None,
        invite_code: Some("ABCD2345".to_owned()),
        created_by: id("ann"),
        created_at: T0,
        updated_at: T0,
        archived_at: None,
        member_count: 0,
        members: Vec::new(),
    }
}

fn home() -> RoomId {
    RoomKind::Household.room("home")
}

fn task(id: EntityId) -> Task {
    Task {
        id,
        room: home(),
        title: "Dishes".to_owned(),
        description: Some("All of them; \"quotes\" too".to_owned()),
        category: None,
        due_date: Some("2025-12-31".to_owned()),
        completed: false,
        completed_at: None,
        assigned_to: Vec::new(),
        progress: None,
        created_by: user("ann"),
        created_at: T0,
        updated_at: T0,
    }
}

fn message(id: EntityId, sender: &str) -> Message {
    Message {
        id,
        room: RoomKind::Channel.room(7),
        sender: user(sender),
        content: "Hello 👋".to_owned(),
        sort: Some("IMAGE".to_owned()),
        file_url: Some("https://example.com/a.png".to_owned()),
        metadata: Some(serde_json::json!({"reply_to": 789, "nested": {"a": [1, null]}})),
        client_id: None,
        created_at: T0,
        edited_at: None,
    }
}

fn notification(id: EntityId, user: &str) -> Notification {
    Notification {
        id,
        user: self::id(user),
        kind: "order".to_owned(),
        title: "Sent".to_owned(),
        message: "Your \"order\" is on its way".to_owned(),
        link: Some("/orders/7".to_owned()),
        data: Some(serde_json::json!({"orderId": 7})),
        read: false,
        created_at: T0,
    }
}
