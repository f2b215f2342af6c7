use std::borrow::Cow;

use wire::socketio::json::{ack, connect, connect_error, decode, disconnect, event};
use wire::socketio::{DecodeError, Packet};

/// A decoded packet as one line.
fn formatted(text: &str) -> String {
    match decode(text) {
        Ok(Packet::Connect { nsp, auth }) => format!("connect {nsp} {auth:?}"),
        Ok(Packet::Disconnect { nsp }) => format!("disconnect {nsp}"),
        Ok(Packet::Event { nsp, id, event: Some(event), attachments }) => {
            format!("event {nsp} {id:?} {attachments} {} {:?}", event.name, event.args.iter().collect::<Vec<_>>())
        }
        Ok(Packet::Event { nsp, id, event: None, attachments }) => format!("nothing {nsp} {id:?} {attachments}"),
        Ok(Packet::Ack { nsp, id, args, attachments }) => {
            format!("ack {nsp} {id:?} {attachments} {:?}", args.iter().collect::<Vec<_>>())
        }
        Ok(Packet::ConnectError { nsp, data }) => format!("connect_error {nsp} {data}"),
        Err(error) => format!("{error:?}"),
    }
}

fn check(text: &str, expected: &str) {
    assert_eq!(formatted(text), expected, "{text:?}");
}

fn check_error(texts: &[&str], error: DecodeError) {
    for text in texts {
        assert_eq!(decode(text), Err(error), "{text:?}");
    }
}

#[test]
fn connect_has_an_object_or_nothing() {
    check("0", "connect / None");
    check("0{}", "connect / Some(\"{}\")");
    check(r#"0{"token":"123"}"#, r#"connect / Some("{\"token\":\"123\"}")"#);
    check("0 {\"a\" : 1} ", "connect / Some(\"{\\\"a\\\" : 1}\")");
    check_error(&["0[]", "0null", "0\"x\"", "0true", "0 ", "0{", "0{}x", "0{\"a\"}", "0{a:1}", "0{\"a\":1,}"], DecodeError::Payload);
}

#[test]
fn a_namespace_ends_at_the_comma_or_with_the_text() {
    check("0/admin", "connect /admin None");
    check("0/admin,", "connect /admin None");
    check("0/admin,{}", "connect /admin Some(\"{}\")");
    check("0/admin?x=1,{}", "connect /admin?x=1 Some(\"{}\")");
    check("0/é,", "connect /é None");
    check("0/,{}", "connect / Some(\"{}\")");
    check("1/admin", "disconnect /admin");
    check("1/admin,", "disconnect /admin");
    check(r#"2/chat,12["a"]"#, "event /chat Some(12) 0 a []");
    // Without a comma the whole text is the namespace.
    check(r#"2/chat["a"]"#, r#"nothing /chat["a"] None 0"#);
}

#[test]
fn disconnect_has_no_data() {
    check("1", "disconnect /");
    check_error(&["1{}", "1[]", "1null", "1/admin,{}", "1 "], DecodeError::Payload);
}

#[test]
fn an_event_has_a_name_and_arguments() {
    check(r#"2["message"]"#, "event / None 0 message []");
    check(r#"2["message",1,"2",{"3":[true]}]"#, r#"event / None 0 message ["1", "\"2\"", "{\"3\":[true]}"]"#);
    check(r#"2456["m",null]"#, r#"event / Some(456) 0 m ["null"]"#);
    check(r#"20["m"]"#, "event / Some(0) 0 m []");
    check(r#"2["a\"\u00e9\n"]"#, "event / None 0 a\"é\n []");
    check(r#"2[""]"#, "event / None 0  []");
    // A number may be a name, and these names are not reserved.
    check("2[1]", "event / None 0 1 []");
    check("2[-1.5e3,2]", "event / None 0 -1.5e3 [\"2\"]");
    for name in ["error", "connection", "message", "connecting", "Connect"] {
        check(&format!("2[\"{name}\"]"), &format!("event / None 0 {name} []"));
    }
}

#[test]
fn an_event_without_data_dispatches_nothing() {
    check("2", "nothing / None 0");
    check("2123", "nothing / Some(123) 0");
    check("2/admin,", "nothing /admin None 0");
}

#[test]
fn data_without_event_is_an_error() {
    check_error(
        &[
            "2[]",
            "2{}",
            "2[null]",
            "2[true]",
            "2[[]]",
            "2[{}]",
            "2\"a\"",
            "2null",
            "2abc[\"a\"]",
            "2-1[\"a\"]",
            "2[\"a\"]x",
            "2[\"a\"",
            "2[\"a\",]",
            "2[,]",
            "2[\"a\" \"b\"]",
            "2[\"a\",1 2]",
            "2[\"a\",01]",
            "2[\"a\",1.]",
            "2[\"a\",.5]",
            "2[\"a\",+1]",
            "2[\"a\",-]",
            "2[\"a\",1e]",
            "2[\"a\",tru]",
            "2[\"a\",nulll]",
            "2[\"a\",NaN]",
            "2[\"a\",'b']",
            "2[\"a\",\"b]",
            "2[\"a\",\"\\x\"]",
            "2[\"a\",\"\\u12g4\"]",
            "2[\"a\",\"\\u12",
            "2[\"a\",\"\n\"]",
            "2[\"a\",{\"b\":}]",
            "2[\"a\",{b:1}]",
            "2[\"a\",{\"b\"1}]",
            "2[\"a\",{\"b\":1,}]",
            "2[\"a\",{1:1}]",
            "2[\"a\",[1,]]",
            "2[\"a\",[}]",
            "2\u{a0}[\"a\"]",
            "2[\"\\ud800\"]",
            "2/admin[\"a\"],x",
        ],
        DecodeError::Payload,
    );
}

#[test]
fn reserved_names_are_an_error_in_any_notation() {
    check_error(
        &[
            r#"2["connect"]"#,
            r#"2["connect_error"]"#,
            r#"2["disconnect"]"#,
            r#"2["disconnecting"]"#,
            r#"2["newListener"]"#,
            r#"2["removeListener"]"#,
            r#"2["\u0064isconnect"]"#,
            r#"51-["disconnect",{"_placeholder":true,"num":0}]"#,
        ],
        DecodeError::ReservedEvent,
    );
}

#[test]
fn an_ack_has_a_list() {
    check("3456[]", "ack / Some(456) 0 []");
    check(r#"3/admin,456["project:read"]"#, r#"ack /admin Some(456) 0 ["\"project:read\""]"#);
    check("3", "ack / None 0 []");
    check("31", "ack / Some(1) 0 []");
    check("3[null]", "ack / None 0 [\"null\"]");
    check("31[\"disconnect\"]", "ack / Some(1) 0 [\"\\\"disconnect\\\"\"]");
    check_error(&["31{}", "31null", "31\"x\"", "31[", "3x"], DecodeError::Payload);
}

#[test]
fn an_ack_id_has_a_largest() {
    check("3018446744073709551615", "ack / Some(18446744073709551615) 0 []");
    check("30000000000000000000000007", "ack / Some(7) 0 []");
    check_error(&["318446744073709551616", "2/a,99999999999999999999999[\"a\"]"], DecodeError::AckId);
    check_error(&[&format!("3{}", "9".repeat(100_000))], DecodeError::AckId);
}

#[test]
fn a_connect_error_has_a_text_or_an_object() {
    check("4\"no\"", "connect_error / \"no\"");
    check(r#"4/random,{"message":"Invalid namespace"}"#, r#"connect_error /random {"message":"Invalid namespace"}"#);
    check_error(&["4", "4[]", "4null", "41"], DecodeError::Payload);
}

#[test]
fn attachments_are_announced() {
    check(r#"51-["a",{"_placeholder":true,"num":0}]"#, r#"event / None 1 a ["{\"_placeholder\":true,\"num\":0}"]"#);
    check(r#"62-/b,789[]"#, "ack /b Some(789) 2 []");
    check(r#"510-["a"]"#, "event / None 10 a []");
    check(r#"5001-["a"]"#, "event / None 1 a []");
    check("51-", "nothing / None 1");
    // No attachment is announced: such a packet is complete.
    check(r#"5-["a"]"#, "event / None 0 a []");
    check(r#"50-["a"]"#, "event / None 0 a []");
    check(r#"60-1[]"#, "ack / Some(1) 0 []");
    check_error(&["5", "6", "51", "51[\"a\"]", "5a-[\"a\"]", "51.23-[\"a\"]", "5 1-"], DecodeError::IllegalAttachments);
    check_error(&["511-[\"a\"]", "599999999999999999999999-[\"a\"]"], DecodeError::TooManyAttachments);
    check_error(&["51-[]", "51-[{\"_placeholder\":true,\"num\":0}]", "5-1-[]"], DecodeError::Payload);
}

#[test]
fn placeholders_must_be_numbers_of_attachments() {
    let packet = |attachments: usize, placeholder: &str| format!("5{attachments}-[\"a\",{placeholder}]");
    for good in [
        r#"{"_placeholder":true,"num":0}"#,
        r#"{"num":1,"_placeholder":true}"#,
        r#"{"x":[{"_placeholder":true,"num":1},{"_placeholder":true,"num":1}]}"#,
        // None of these objects is a placeholder.
        r#"{"_placeholder":false,"num":9}"#,
        r#"{"_placeholder":"true","num":9}"#,
        r#"{"_placeholder":1}"#,
        r#"["_placeholder",true,"num",9]"#,
        r#"{"_Placeholder":true,"num":9}"#,
        r#"{"num":9}"#,
        r#"{"_placeholder":true,"num":9,"_placeholder":null}"#,
        r#"{"_placeholder":true,"num":9,"num":0}"#,
    ] {
        assert!(decode(&packet(2, good)).is_ok(), "{good}");
    }
    for bad in [
        r#"{"_placeholder":true,"num":2}"#,
        r#"{"_placeholder":true,"num":-1}"#,
        r#"{"_placeholder":true,"num":0.5}"#,
        r#"{"_placeholder":true,"num":"0"}"#,
        r#"{"_placeholder":true,"num":null}"#,
        r#"{"_placeholder":true}"#,
        r#"{"_placeholder" : true , "num" : 99999999999999999999}"#,
        r#"{"\u005fplaceholder":true,"n\u0075m":2}"#,
        r#"[[{"x":{"_placeholder":true,"num":splat}}]]"#,
    ] {
        let bad = bad.replace("splat", "7");
        assert_eq!(decode(&packet(2, &bad)), Err(DecodeError::IllegalPlaceholder), "{bad}");
        // Without attachments such an object is data like any other.
        assert!(decode(&packet(0, &bad)).is_ok(), "{bad}");
        assert!(decode(&format!("2[\"a\",{bad}]")).is_ok(), "{bad}");
    }
    check_error(&[r#"61-5[{"_placeholder":true,"num":1}]"#], DecodeError::IllegalPlaceholder);
}

#[test]
fn packet_without_type_is_an_error() {
    check_error(&[""], DecodeError::Empty);
    check_error(&["7", "8[]", "9", "abc", " 0", "-1", "é", "[\"a\"]"], DecodeError::UnknownType);
}

#[test]
fn a_nested_bomb_is_an_error() {
    let arrays = |depth: usize| format!("2[\"a\",{}{}]", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("2[\"a\",{}1{}]", "{\"a\":".repeat(depth), "}".repeat(depth));
    for bomb in [arrays, objects] {
        assert!(decode(&bomb(126)).is_ok());
        assert_eq!(decode(&bomb(127)), Err(DecodeError::TooDeep));
        assert_eq!(decode(&bomb(1_000_000)), Err(DecodeError::TooDeep));
    }
    check_error(&[&format!("0{}", "{\"a\":".repeat(1000)), &format!("2{}", "[".repeat(1000))], DecodeError::TooDeep);
}

#[test]
fn raw_arguments_are_exact_to_the_byte() {
    for (text, raw) in [
        (r#"2["m",1,"2",{"3":[true]}]"#, r#"1,"2",{"3":[true]}"#),
        (r#"2[ "m" , 1 ,  "\u00e9" , [ ] ] "#, r#"1 ,  "\u00e9" , [ ]"#),
        (r#"2["m",1.0e+2,-0]"#, "1.0e+2,-0"),
        (r#"2["m"]"#, ""),
        (r#"2["m",1,2,3,4,5,6]"#, "1,2,3,4,5,6"),
    ] {
        let Ok(Packet::Event { event: Some(event), .. }) = decode(text) else { panic!("{text}") };
        assert_eq!(event.args.raw(), raw);
        assert_eq!(event.args.is_empty(), raw.is_empty());
        assert_eq!(event.args.len(), event.args.iter().len());
        assert_eq!(event.args.get(event.args.len()), None);
    }
}

#[test]
fn a_plain_name_is_borrowed() {
    let name = |text| match decode(text) {
        Ok(Packet::Event { event: Some(event), .. }) => event.name,
        other => panic!("{other:?}"),
    };
    assert!(matches!(name("2[\"message:new\"]"), Cow::Borrowed("message:new")));
    assert!(matches!(name("2[\"\\u006d\"]"), Cow::Owned(name) if name == "m"));
}

#[test]
fn packets_are_written_as_node_writes_them() {
    assert_eq!(connect("/", r#"{"sid":"x"}"#), r#"40{"sid":"x"}"#);
    assert_eq!(connect("/admin", r#"{"sid":"x"}"#), r#"40/admin,{"sid":"x"}"#);
    assert_eq!(connect("/", ""), "40");
    assert_eq!(connect("/admin", ""), "40/admin,");
    assert_eq!(connect_error("/random", r#"{"message":"Invalid namespace"}"#), r#"44/random,{"message":"Invalid namespace"}"#);
    assert_eq!(disconnect("/"), "41");
    assert_eq!(disconnect("/admin"), "41/admin,");
    assert_eq!(event("/", None, 0, "auth", "{}"), r#"42["auth",{}]"#);
    assert_eq!(event("/", None, 0, "m", ""), r#"42["m"]"#);
    assert_eq!(event("/custom", Some(12), 0, "m", r#"1,"2""#), r#"42/custom,12["m",1,"2"]"#);
    assert_eq!(event("/", None, 0, "a\"\\\n\u{1}é", ""), "42[\"a\\\"\\\\\\n\\u0001é\"]");
    assert_eq!(
        event("/", None, 2, "m", r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#),
        r#"452-["m",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#
    );
    assert_eq!(event("/b", Some(7), 1, "m", ""), r#"451-/b,7["m"]"#);
    assert_eq!(ack("/", 456, 0, r#"1,"2",{"3":[false]}"#), r#"43456[1,"2",{"3":[false]}]"#);
    assert_eq!(ack("/", 0, 0, ""), "430[]");
    assert_eq!(ack("/b", u64::MAX, 10, ""), "4610-/b,18446744073709551615[]");
}
