//! The workspace contract.

use contracts::Outcome;
use contracts::workspace::WorkspaceContract;
use domain::error::DomainError;
use domain::ids::RoomKind;
use insta::assert_snapshot;

use crate::sample_objects::{alice, bob};
use crate::transcripts;

const CLOSES_ON_FORBIDDEN: bool = true;

fn contract() -> WorkspaceContract {
    WorkspaceContract::new(CLOSES_ON_FORBIDDEN)
}

#[test]
fn events_are_encoded_in_envelopes() {
    assert_snapshot!(transcripts::events(&contract()));
}

#[test]
fn connection_messages_are_encoded_in_envelopes() {
    assert_snapshot!(transcripts::connection_messages(&contract()));
}

#[test]
fn invalid_envelope_is_rejected_with_its_field() {
    let send = |metadata: &str| format!(r#"{{"type":"send_message","room":"channel:1","data":{{"content":"x","metadata":{metadata}}}}}"#);
    let bomb = send(&"[".repeat(5000));
    let deep = send(&format!("{}{}", "[".repeat(500), "]".repeat(500)));
    let requests = [
        r#"{"type":"ping"}"#,
        r#" {"type":"ping","room":5,"data":[1],"more":{}}"#,
        r#"{"type":"join_room","room":"channel:456"}"#,
        r#"{"type":"join_room","room":"project:p-1"}"#,
        r#"{"type":"join_room","room":"task:1"}"#,
        r#"{"type":"join_room","room":"user:7"}"#,
        r#"{"type":"leave_room","room":"channel:456"}"#,
        r#"{"type":"send_message","room":"channel:456","data":{"content":"Hello"}}"#,
        r#"{"type":"send_message","room":"channel:456","data":{"content":"H\n","metadata":{"a":[1]}}}"#,
        r#"{"type":"send_message","room":"channel:456","data":{"content":"Hello","metadata":null}}"#,
        "",
        "ping",
        "null",
        r#"["ping"]"#,
        r#""ping""#,
        r#"{"type":"ping""#,
        r#"{"type":"ping","type":"ping"}"#,
        r#"{"type":"ping"} {}"#,
        &bomb,
        "{}",
        r#"{"type":null}"#,
        r#"{"type":5}"#,
        r#"{"type":"typing","room":"channel:1"}"#,
        r#"{"type":"join_room"}"#,
        r#"{"type":"join_room","room":null}"#,
        r#"{"type":"join_room","room":456}"#,
        r#"{"type":"join_room","room":"channel"}"#,
        r#"{"type":"join_room","room":"channel:"}"#,
        r#"{"type":"join_room","room":"kitchen:1"}"#,
        r#"{"type":"join_room","room":"household:1"}"#,
        r#"{"type":"join_room","room":"channel:a\nb"}"#,
        r#"{"type":"leave_room","room":"user:7"}"#,
        r#"{"type":"send_message","data":{"content":"Hello"}}"#,
        r#"{"type":"send_message","room":"channel:1"}"#,
        r#"{"type":"send_message","room":"channel:1","data":["Hello"]}"#,
        r#"{"type":"send_message","room":"channel:1","data":{}}"#,
        r#"{"type":"send_message","room":"channel:1","data":{"content":5}}"#,
        r#"{"type":"send_message","room":"channel:1","data":{"content":"\ud800"}}"#,
        r#"{"type":"send_message","room":"channel:1","data":{"content":"x","client_id":[5]}}"#,
        &deep,
        r#"{"type":"auth_refresh","data":{"token":"a.b.c"}}"#,
        r#"{"type":"auth_refresh","data":{}}"#,
        r#"{"type":"auth_refresh"}"#,
    ];
    assert_snapshot!(transcripts::requests(&contract(), &requests));
}

#[test]
fn socketio_event_is_unknown() {
    assert_eq!(transcripts::parse_event(&contract(), r#"["join_room",{"room":"channel:1"}]"#), transcripts::UNKNOWN);
}

#[test]
fn replies_are_envelopes() {
    let room = RoomKind::Channel.room(456);
    let results = [
        ("join_room", Outcome::EnteredAmong { room: room.clone(), present: vec![alice(), bob()], count: 102 }),
        ("leave_room", Outcome::Left(room)),
        ("ping", Outcome::Pong),
    ];
    assert_snapshot!(transcripts::replies(&contract(), &results));
}

#[test]
fn forbidden_room_closes_the_connection_only_if_configured() {
    for error in [DomainError::NotFound("Channel"), DomainError::Forbidden("Only an admin may do this")] {
        let [closing, open] =
            [true, false].map(|closes| transcripts::reply(&WorkspaceContract::new(closes), "join_room", Err(&error), false));
        assert_eq!((closing.close, open.close), (Some((4403, "Forbidden")), None), "{error:?}");
        assert_eq!(closing.messages, open.messages);
    }
}
