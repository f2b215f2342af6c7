//! The household contract.

use contracts::household::HouseholdContract;
use contracts::{ClientMessage, Contract, Outcome};
use domain::ids::RoomKind;
use insta::assert_snapshot;

use crate::transcripts;

#[test]
fn events_are_encoded() {
    assert_snapshot!(transcripts::events(&HouseholdContract));
}

#[test]
fn connection_messages_are_encoded() {
    assert_snapshot!(transcripts::connection_messages(&HouseholdContract));
}

#[test]
fn join_and_leave_accept_ids_as_text_number_or_object() {
    let long = format!(r#"["join:household",{{"householdId":"{}"}}]"#, "x".repeat(201));
    let requests = [
        r#"["join:household",{"householdId":"5"}]"#,
        r#"["join:household",{"householdId":5}]"#,
        r#"["join:household", { "householdId" : 5 } ]"#,
        r#"["join:household",5]"#,
        r#"["join:household","h-1"]"#,
        r#"["join:household",{"householdId":"5","more":[1]},"and more"]"#,
        r#"["leave:household",{"householdId":"5"}]"#,
        r#"["join:household"]"#,
        r#"["join:household",null]"#,
        r#"["join:household",{}]"#,
        r#"["join:household",{"household":"5"}]"#,
        r#"["join:household",{"householdId":null}]"#,
        r#"["join:household",{"householdId":5.5}]"#,
        r#"["join:household",{"householdId":{"householdId":5}}]"#,
        r#"["join:household",{"householdId":""}]"#,
        r#"["join:household",{"householdId":"a\u0000b"}]"#,
        r#"["leave:household",[5]]"#,
        r#"["leave:household",["householdId","5"]]"#,
        &long,
        r#"["join:trip",{"tripId":"5"}]"#,
        r#"["task:create",{"title":"x"}]"#,
    ];
    assert_snapshot!(transcripts::requests(&HouseholdContract, &requests));
}

#[test]
fn message_of_the_raw_websocket_is_unknown() {
    assert!(HouseholdContract.parse(&ClientMessage::Text("join:household")).is_none());
}

#[test]
fn replies_are_encoded() {
    let room = RoomKind::Household.room(5);
    let results = [("join:household", Outcome::Joined(room.clone())), ("leave:household", Outcome::Left(room))];
    assert_snapshot!(transcripts::replies(&HouseholdContract, &results));
}
