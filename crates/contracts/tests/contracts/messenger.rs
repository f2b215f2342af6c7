//! The messenger contract.

use contracts::messenger::MessengerContract;
use contracts::{Outcome, Reply};
use domain::error::DomainError;
use domain::ids::RoomKind;
use insta::assert_snapshot;

use crate::sample_objects::{alice, bob};
use crate::transcripts;

#[test]
fn events_are_encoded() {
    assert_snapshot!(transcripts::events(&MessengerContract));
}

#[test]
fn connection_messages_are_encoded() {
    assert_snapshot!(transcripts::connection_messages(&MessengerContract));
}

#[test]
fn id_is_accepted_alone_and_in_an_object() {
    let too_many = format!(r#"["users:get-status",[{}"7"]]"#, "7,".repeat(200));
    let requests = [
        r#"["join:conversation","5"]"#,
        r#"["join:conversation",5]"#,
        r#"["join:conversation",{"conversationId":5}]"#,
        r#"["leave:conversation","c-1"]"#,
        r#"["conversation:get-online-users","5"]"#,
        r#"["user:get-status","7"]"#,
        r#"["user:get-status",{"userId":7}]"#,
        r#"["users:get-status",["7",8,"bob"]]"#,
        r#"["users:get-status",{"userIds":[]}]"#,
        r#"["notification:read","5"]"#,
        r#"["notification:read",{"notificationId":5}]"#,
        r#"["notifications:read-all"]"#,
        r#"["notifications:read-all",null]"#,
        r#"["notification:read","none"]"#,
        r#"["notification:read"]"#,
        r#"["notification:read",null]"#,
        r#"["notification:read",{"id":"5"}]"#,
        r#"["notification:read",[5]]"#,
        r#"["join:conversation"]"#,
        r#"["join:conversation",{"conversationId":null}]"#,
        r#"["join:conversation",["5"]]"#,
        r#"["typing:start",{}]"#,
        r#"["typing:stop",true]"#,
        r#"["user:get-status",""]"#,
        r#"["user:get-status"]"#,
        r#"["users:get-status"]"#,
        r#"["users:get-status",{}]"#,
        r#"["users:get-status","7"]"#,
        r#"["users:get-status",["7",null]]"#,
        r#"["users:get-status",["7",""]]"#,
        &too_many,
        r#"["message:send",{"content":"x"}]"#,
    ];
    assert_snapshot!(transcripts::requests(&MessengerContract, &requests));
}

#[test]
fn replies_are_encoded() {
    let room = RoomKind::Conversation.room(5);
    let statuses = || vec![(alice().id, true), (bob().id, false)];
    let results = [
        ("join:conversation", Outcome::Joined(room.clone())),
        ("leave:conversation", Outcome::Left(room)),
        ("typing:start", Outcome::Noted),
        ("user:get-status", Outcome::Statuses(statuses().into_iter().take(1).collect())),
        ("users:get-status", Outcome::Statuses(statuses())),
        ("conversation:get-online-users", Outcome::Online(vec![alice().id, bob().id])),
    ];
    assert_snapshot!(transcripts::replies(&MessengerContract, &results));
}

#[test]
fn rejected_query_of_online_users_returns_an_empty_list() {
    let errors =
        [DomainError::NotFound("Conversation"), DomainError::RateLimited { retry_after: 3 }, DomainError::Unavailable("full".into())];
    for error in errors {
        let reply = transcripts::reply(&MessengerContract, "conversation:get-online-users", Err(&error), true);
        assert_eq!(reply, Reply { ack: Some("[]".into()), ..Reply::default() }, "{error}");
    }
}
