//! One suite for every database: it tests the contract of each store trait of the domain on an empty store.
//!
//! A new database needs a `mod` beside `sqlite` and no tests of its own. Each test has its own database.

#![allow(clippy::unwrap_used)]

use domain::chat::Message;
use domain::ids::{EntityId, RoomId, RoomKind, Timestamp, UserId};
use domain::notifications::Notification;
use domain::ports::Store;
use domain::spaces::Space;
use domain::tasks::Task;
use domain::users::User;
use test_postgres::TestServer;

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
        mod postgres {
            $(mod $area {
                $(#[test]
                fn $check() {
                    crate::in_postgres(crate::$area::$check);
                })*
            })*
        }
    };
}

suite! {
    users {
        stored_user_is_read_back_unchanged,
        update_changes_all_but_the_creation_of_a_user,
        insert_of_existing_or_update_of_missing_user_fails,
        deleted_user_is_not_found,
        last_deletion_of_a_user_stays_after_a_new_sign_in,
        users_share_a_space_if_both_are_members,
        unseen_users_without_spaces_are_listed_oldest_first,
    }
    spaces {
        space_is_read_back_with_members_in_order_of_joining,
        update_changes_all_but_the_creation_of_a_space,
        insert_of_existing_or_update_of_missing_space_fails,
        only_members_have_a_role,
        channel_has_the_roles_of_its_project,
        standing_equals_the_separate_reads,
        channel_of_an_archived_project_is_archived,
        time_of_leaving_is_read_only_for_former_members,
        removal_of_a_non_member_stores_no_time_of_leaving,
        rooms_of_a_user_are_listed_newest_first_by_kind,
        deleted_space_is_not_found,
        spaces_of_a_user_are_listed_in_pages,
        child_spaces_are_listed_in_pages,
        contacts_are_listed_once_for_several_shared_spaces,
        members_are_listed_in_pages_in_order_of_joining,
        memberships_are_counted_for_space_and_user,
        space_has_an_admin_until_the_last_one_leaves,
        longest_member_has_acted_if_any_member_has,
        members_are_found_by_handle,
        contacts_have_both_acted_and_have_no_block,
        leaving_by_choice_differs_from_removal,
    }
    blocks {
        blocks_are_listed_latest_first_in_pages_and_can_end,
    }
    tasks {
        stored_task_is_read_back_unchanged,
        update_changes_all_but_the_creation_of_a_task,
        insert_of_existing_or_update_of_missing_task_fails,
        assignees_are_listed_once_in_order_of_assignment,
        task_has_both_status_and_priority_or_neither,
        deleted_task_has_no_assignees,
        tasks_of_a_space_are_listed_newest_first_in_pages,
        tasks_of_a_user_are_listed_by_space,
    }
    chat {
        message_is_read_back_with_its_sender,
        insert_of_existing_or_update_of_missing_message_fails,
        message_of_a_deleted_user_has_the_sender_id,
        message_is_found_by_client_id,
        messages_are_listed_newest_first_in_pages,
        client_id_of_a_deleted_message_can_be_used_again,
    }
    read_markers {
        read_marker_is_per_user_and_room_and_never_moves_back,
        initial_read_marker_does_not_count_as_read,
        newest_message_up_to_an_id_is_found,
        unread_messages_are_those_of_others_after_the_marker,
        unread_messages_are_counted_in_all_rooms_of_a_kind,
        read_markers_of_a_deleted_user_are_deleted,
    }
    trips {
        trip_details_are_read_back_as_stored_and_updated,
        deleted_trip_has_no_details,
    }
    notifications {
        stored_notification_is_read_back_unchanged,
        update_changes_only_the_read_state_of_a_notification,
        insert_of_existing_or_update_of_missing_notification_fails,
        notifications_are_listed_newest_first_in_pages,
        all_notifications_are_marked_read_and_counted,
        notifications_of_a_deleted_user_are_deleted,
    }
    calls {
        call_is_read_back_with_participants_in_order_of_joining,
        room_has_at_most_one_open_call,
        insert_of_existing_or_update_of_missing_call_fails,
        calls_are_listed_newest_first_in_pages,
    }
    event_log {
        each_room_has_its_own_seq_and_offsets_increase,
        every_event_is_read_back_as_recorded,
        events_after_an_offset_are_read_up_to_a_limit,
        range_has_an_event_with_several_offsets_by_its_last,
        last_offset_is_the_offset_of_the_last_event,
        old_events_are_deleted_in_steps_and_the_last_one_stays,
        gaps_are_stored_until_all_events_before_them_expire,
        event_is_found_by_its_offset,
    }
    sessions {
        stored_session_is_read_back_unchanged,
        update_keeps_id_user_and_namespace_of_a_session,
        insert_of_existing_or_update_of_missing_session_fails,
        end_of_a_session_stores_the_acknowledged_offset,
        deleted_session_has_no_rooms,
        offset_acknowledged_by_all_applies_to_earlier_sessions,
        connected_and_recent_sessions_are_read_with_their_rooms,
        old_sessions_are_deleted_with_their_rooms_in_steps,
        session_joins_a_room_once_and_leaves_it,
        session_can_rejoin_a_room,
        visible_rooms_are_rooms_of_memberships_and_their_channels,
        removal_from_a_space_removes_its_rooms_from_sessions,
        membership_stores_the_last_offset_at_its_start,
        offset_is_valid_up_to_the_end_of_its_epoch,
        newest_hundred_epochs_are_kept,
    }
    recovery {
        resumed_session_continues_from_the_larger_offset,
        session_resumes_only_for_its_user_namespace_and_window,
        connection_without_a_session_stores_none,
        position_is_accepted_if_it_belongs_to_this_log,
        session_does_not_resume_a_room_without_access,
        session_does_not_resume_an_automatic_room_that_it_left,
        join_of_a_room_without_access_fails,
        member_may_stay_in_a_room_until_the_removal,
        session_that_cannot_resume_is_replaced,
        start_ends_open_sessions_and_reads_recent_events,
        start_lists_the_users_who_were_connected,
        start_within_the_grace_period_expects_the_user,
        old_events_and_sessions_are_deleted,
        sync_covers_only_rooms_that_the_user_may_access,
        message_before_a_membership_has_a_smaller_offset,
    }
    removals {
        removal_is_stored_until_its_end_and_the_oldest_is_next,
    }
    idempotency {
        response_is_stored_for_its_scope_and_key,
        large_response_is_stored_as_a_reference_or_not,
        only_recent_responses_are_replayed,
        old_responses_are_deleted_in_steps,
    }
}

fn in_sqlite(check: fn(&mut dyn Store)) {
    let database = store::Database::open(store::Options::new("sqlite::memory:")).unwrap();
    database.with_store(|store| check(store)).unwrap();
}

fn in_postgres(check: fn(&mut dyn Store)) {
    let url = TestServer::shared().create_database();
    let database = store::Database::open(store::Options::new(url)).unwrap();
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
