//! The second player of `e2e/transcripts`: the same conversations without sockets, by the domain, the contracts and a real database alone.
//! What the steps mean is written in `e2e/transcripts/README.md`.
//!
//! - `script`: a transcript as data.
//! - `values`: what is expected of values, and what was saved.
//! - `house`: the product's parts, put together around a clock that stands still.
//! - `device`: what a person listens with.
//! - `floor`: the devices in their rooms, in the engine's place.
//! - `player`: the steps.
//!
//! To add a transcript, add its file, and its name here. All are played; there is none that only sockets could play.

// Only test functions themselves are exempt by clippy.toml; their helpers unwrap, too.
#![allow(clippy::unwrap_used)]

mod device;
mod floor;
mod house;
mod player;
mod script;
mod values;

/// A test for each transcript of a contract, and the list of them all.
macro_rules! transcripts {
    ($contract:ident: $($name:ident),* $(,)?) => {
        mod $contract {
            use crate::player::play;
            use crate::script::files;

            /// The file of a transcript, without its ending.
            fn file(name: &str) -> String {
                name.replace('_', "-")
            }

            $(#[tokio::test]
            async fn $name() {
                play(stringify!($contract), &file(stringify!($name))).await;
            })*

            #[test]
            fn no_file_is_left_out() {
                assert_eq!(files(stringify!($contract)), [$(file(stringify!($name))),*], "the files, and those that are played");
            }
        }
    };
}

transcripts! {
    household:
    a_claim_does_not_bring_back,
    a_connection_counts_once,
    a_deleted_person_leaves_everywhere,
    a_numeric_claim_is_an_id,
    a_repeated_request_is_done_once,
    an_admin_who_leaves_has_an_heir,
    an_edit_tells_all_that_it_was,
    bad_fields_are_named,
    claims_are_memberships,
    households_are_told,
    ids_may_be_numbers,
    invite_codes_open_the_door,
    lists_are_paged,
    memberships_change_live,
    nobody_connects_without_a_token,
    profiles_are_told,
    rest_works_alone,
    rooms_are_entered_by_themselves,
    rooms_are_joined_and_left,
    strangers_find_nothing,
    tasks_are_told,
}

transcripts! {
    messenger:
    a_back_end_speaks_and_asks,
    conversations_are_their_participants_own,
    messages_reach_who_has_joined,
    notifications_are_the_persons_own,
    notifications_reach_every_device,
    typing_is_told_to_the_others,
    what_is_read_is_told,
    who_is_online_is_answered,
}

transcripts! {
    studio:
    bad_payloads_are_named,
    calls_ring_and_end,
    members_come_and_go,
    messages_are_changed_by_their_sender,
    messages_reach_the_room,
    nobody_speaks_for_another,
    rooms_are_entered_one_at_a_time,
    strangers_find_nothing,
    the_history_is_paged,
    typing_is_told_to_the_others,
}

transcripts! {
    trip:
    announcements_reach_everyone,
    bad_fields_are_named,
    memberships_change_live,
    trips_are_told,
}

transcripts! {
    workspace:
    a_connection_is_welcomed_and_answered,
    bad_envelopes_are_answered,
    mentions_reach_the_person,
    messages_are_edited_and_deleted,
    messages_reach_the_room,
    nobody_is_let_in_without_a_token,
    ones_own_user_room_is_joined_already,
    projects_and_channels,
    projects_are_changed_and_archived,
    rooms_are_joined_and_left,
    tasks_are_told,
    tasks_name_what_is_wrong,
    the_cap_may_be_lifted,
    the_forbidden_room_closes,
    the_forbidden_room_may_stay_open,
    there_are_no_more_than_five,
    who_leaves_a_project_leaves_its_rooms,
    who_leaves_gives_tasks_back,
}
