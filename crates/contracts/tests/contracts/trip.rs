//! The trip contract.

use contracts::Outcome;
use contracts::trip::TripContract;
use domain::ids::RoomKind;
use insta::assert_snapshot;

use crate::transcripts;

#[test]
fn events_are_encoded() {
    assert_snapshot!(transcripts::events(&TripContract));
}

#[test]
fn connection_messages_are_encoded() {
    assert_snapshot!(transcripts::connection_messages(&TripContract));
}

#[test]
fn requests_are_parsed() {
    let requests = [
        r#"["trip:join",{"tripId":"5"}]"#,
        r#"["trip:join",5]"#,
        r#"["trip:join"]"#,
        r#"["trip:join",[5]]"#,
        r#"["trip:leave",{"tripId":5}]"#,
        r#"["trip:update",{"tripId":5,"changes":{"name":"Roma","color":"red"}}]"#,
        r#"["trip:update",{"tripId":5,"changes":{"description":null,"startDate":"2025-12-31"}}]"#,
        r#"["trip:update",{"tripId":5,"changes":{"name":null}}]"#,
        r#"["trip:update",{"tripId":5,"changes":{"endDate":5}}]"#,
        r#"["trip:update",{"tripId":5,"changes":[1]}]"#,
        r#"["trip:update",{"tripId":5}]"#,
        r#"["trip:update",{"changes":{}}]"#,
        r#"["ping"]"#,
        r#"["join:household",{"householdId":"5"}]"#,
    ];
    assert_snapshot!(transcripts::requests(&TripContract, &requests));
}

#[test]
fn replies_are_encoded() {
    let room = RoomKind::Trip.room(5);
    let results = [("trip:join", Outcome::Joined(room.clone())), ("trip:leave", Outcome::Left(room)), ("ping", Outcome::Pong)];
    assert_snapshot!(transcripts::replies(&TripContract, &results));
}
