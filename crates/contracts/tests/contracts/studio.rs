//! The studio contract.

use contracts::Outcome;
use contracts::studio::StudioContract;
use domain::ids::RoomKind;
use insta::assert_snapshot;

use crate::sample_objects::{alice, bob};
use crate::transcripts;

#[test]
fn events_are_encoded() {
    assert_snapshot!(transcripts::events(&StudioContract));
}

#[test]
fn connection_messages_are_encoded() {
    assert_snapshot!(transcripts::connection_messages(&StudioContract));
}

#[test]
fn requests_are_parsed() {
    let requests = [
        r#"["join_room",{"roomId":5}]"#,
        r#"["join_room",{"roomId":"r-1"}]"#,
        r#"["join_room",5]"#,
        r#"["join_room",{}]"#,
        r#"["join_room",{"roomId":true}]"#,
        r#"["leave_room",{"roomId":5}]"#,
        r#"["message:send",{"roomId":5,"content":"Hello","type":"TEXT","clientId":1}]"#,
        r#"["message:send",{"roomId":5,"fileUrl":"https://example.com/f.png"}]"#,
        r#"["message:send",{"roomId":5}]"#,
        r#"["message:send",{"roomId":5,"content":null}]"#,
        r#"["message:send",{"roomId":5,"content":7}]"#,
        r#"["message:send",{"roomId":5,"content":"Hello","clientId":[1]}]"#,
        r#"["message:send",{"content":"Hello"}]"#,
        r#"["message:send","Hello"]"#,
        r#"["message:send"]"#,
        r#"["message:edit",{"messageId":9,"content":"Hello"}]"#,
        r#"["message:edited",{"messageId":9,"content":"Hello"}]"#,
        r#"["message:edit",{"messageId":9}]"#,
        r#"["message:edit",{"content":"Hello"}]"#,
        r#"["message:delete",{"messageId":"9","roomId":5}]"#,
        r#"["message:delete",{"messageId":[9]}]"#,
        r#"["user:typing",{"roomId":5,"userId":7}]"#,
        r#"["user:stop_typing",{"roomId":5}]"#,
        r#"["call:initiated",{"roomId":5,"callType":"AUDIO","initiatedBy":7}]"#,
        r#"["call:initiated",{"roomId":5}]"#,
        r#"["call:initiated",{"roomId":5,"callType":1}]"#,
        r#"["call:answered",{"callId":123}]"#,
        r#"["call:ended",{"callId":"123"}]"#,
        r#"["call:ended",{}]"#,
        r#"["message:new",{"roomId":5}]"#,
    ];
    assert_snapshot!(transcripts::requests(&StudioContract, &requests));
}

#[test]
fn replies_are_encoded() {
    let room = RoomKind::ChatRoom.room(5);
    let online = vec![(alice().id, "a socket".to_owned()), (bob().id, "another socket".to_owned())];
    let results = [
        ("join_room", Outcome::Moved { room: room.clone(), online }),
        ("leave_room", Outcome::Left(room)),
        ("user:typing", Outcome::Noted),
    ];
    assert_snapshot!(transcripts::replies(&StudioContract, &results));
}
