use wire::engineio::payload::{Encoder, decode, jsonp, jsonp_body};
use wire::engineio::{EnginePacket, Version};

const TEXT: &str = "text/plain; charset=UTF-8";
const OCTET_STREAM: &str = "application/octet-stream";

/// Packets as short texts: messages as they are, binary as bytes in brackets, the error at the end. The bytes behind each packet are a body
/// with the other packets.
fn decoded(body: &[u8], version: Version, binary: bool) -> Vec<String> {
    let show = |packet| match packet {
        Ok(EnginePacket::Message(text)) => text.to_owned(),
        Ok(EnginePacket::Binary(bytes)) => format!("{bytes:?}"),
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("{error:?}!"),
    };
    let formatted = |body| decode(body, version, binary).map(show).collect::<Vec<_>>();
    let all = formatted(body);
    let mut packets = decode(body, version, binary);
    for taken in 1..all.len() {
        packets.next();
        assert_eq!(formatted(&body[body.len() - packets.left()..]), all[taken..], "{body:?} behind {taken} packets");
    }
    all
}

fn check_v4(body: &str, expected: &[&str]) {
    assert_eq!(decoded(body.as_bytes(), Version::V4, false), expected, "{body:?}");
}

fn check_v3(body: &str, expected: &[&str]) {
    assert_eq!(decoded(body.as_bytes(), Version::V3, false), expected, "{body:?}");
}

fn check_v3_binary(body: &[u8], expected: &[&str]) {
    assert_eq!(decoded(body, Version::V3, true), expected, "{body:?}");
}

#[test]
fn version_4_separates_packets() {
    check_v4("4hello", &["hello"]);
    check_v4("4test1\x1e4test2\x1e4test3", &["test1", "test2", "test3"]);
    check_v4("4hello\x1ebAQIDBA==", &["hello", "[1, 2, 3, 4]"]);
    check_v4("2\x1e3probe\x1e1", &["Ping(\"\")", "Pong(\"probe\")", "Close"]);
    check_v4("4€\x1e4é", &["€", "é"]);
}

#[test]
fn version_4_stops_at_the_first_bad_packet() {
    check_v4("abc", &["UnknownType!"]);
    check_v4("4ok\x1eabc\x1e4lost", &["ok", "UnknownType!"]);
    check_v4("", &["Empty!"]);
    check_v4("4ok\x1e", &["ok", "Empty!"]);
    check_v4("\x1e4lost", &["Empty!"]);
    assert_eq!(decoded(b"4ok\x1e4\xff", Version::V4, false), ["Utf8!"]);
}

#[test]
fn version_4_has_no_binary_bodies() {
    assert_eq!(decoded(b"4hello", Version::V4, true), ["BinaryPayload!"]);
    assert_eq!(decoded(b"", Version::V4, true), ["BinaryPayload!"]);
}

#[test]
fn version_3_counts_utf16_code_units() {
    check_v3("6:4hello2:4€", &["hello", "€"]);
    check_v3("3:4𝄞2:4x", &["𝄞", "x"]);
    check_v3("10:b4AQIDBA==1:2", &["[1, 2, 3, 4]", "Ping(\"\")"]);
    check_v3("6:2probe", &["Ping(\"probe\")"]);
    check_v3("06:4hello", &["hello"]);
    // An empty payload, and an empty packet between two others.
    check_v3("0:", &[]);
    check_v3("2:4a0:2:4b", &["a", "b"]);
}

#[test]
fn version_3_rejects_wrong_lengths() {
    for body in
        ["", "6", "4hello", ":4hello", "x:4hello", "-1:4", "+6:4hello", " 6:4hello", "6:4hell", "1e1:4hello", "99999999999999999999:4"]
    {
        let error = if body.is_empty() { "Empty!" } else { "Length!" };
        check_v3(body, &[error]);
    }
    // The length ends between the two halves of one character.
    check_v3("2:4𝄞", &["Length!"]);
    check_v3("6:4hello7", &["hello", "Length!"]);
    check_v3("6:4hello3:7ab2:4x", &["hello", "UnknownType!"]);
    check_v3(&"9".repeat(400), &["Length!"]);
}

#[test]
fn version_3_has_binary_payloads() {
    check_v3_binary(b"\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04", &["hello", "[1, 2, 3, 4]"]);
    check_v3_binary(&[b"\x00\x01\x01\xff4", &[b'x'; 10][..], b"\x00\x04\xff4\xe2\x82\xac"].concat(), &["xxxxxxxxxx", "€"]);
    check_v3_binary(b"\x00\x06\xffb4AQID\x01\x01\xff\x04", &["[1, 2, 3]", "[]"]);
}

#[test]
fn version_3_rejects_wrong_binary_payloads() {
    check_v3_binary(b"", &["Empty!"]);
    check_v3_binary(b"\x00", &["Length!"]);
    check_v3_binary(b"\x00\x06", &["Length!"]);
    check_v3_binary(b"\x00\xff4", &["Length!"]);
    check_v3_binary(b"\x00\x0a\xff4", &["Length!"]);
    check_v3_binary(b"\x00\x05\xff4", &["Length!"]);
    check_v3_binary(&[&b"\x00"[..], &[9; 400], b"\xff4"].concat(), &["Length!"]);
    check_v3_binary(b"\x00\x01\xff4\x02\x01\xff4", &["", "UnknownType!"]);
    check_v3_binary(b"\x00\x02\xff4\xff", &["Utf8!"]);
    check_v3_binary(b"\x00\x00\xff", &["Empty!"]);
    check_v3_binary(b"\x01\x00\xff", &["Empty!"]);
    check_v3_binary(b"\x01\x02\xff\x02x", &["UnknownType!"]);
}

/// A packet for an encoder.
enum Sent<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}
use Sent::{Binary, Text};

fn check_encoded(version: Version, b64: bool, packets: &[Sent], body: &[u8], content_type: &str) {
    let mut encoder = Encoder::new(version, b64);
    assert!(encoder.is_empty());
    for packet in packets {
        match packet {
            Text(packet) => encoder.push_text(packet),
            Binary(message) => encoder.push_binary(message),
        }
    }
    assert_eq!(encoder.is_empty(), packets.is_empty());
    assert_eq!(encoder.finish(), (body.to_vec(), if content_type == TEXT { TEXT } else { OCTET_STREAM }));
}

#[test]
fn version_4_encodes_text() {
    check_encoded(Version::V4, false, &[], b"", TEXT);
    check_encoded(Version::V4, false, &[Text("4hello")], b"4hello", TEXT);
    check_encoded(Version::V4, false, &[Text("6"), Text("1")], b"6\x1e1", TEXT);
    check_encoded(Version::V4, true, &[Text("4hello"), Binary(&[1, 2, 3, 4]), Text("2")], b"4hello\x1ebAQIDBA==\x1e2", TEXT);
    check_encoded(Version::V4, false, &[Binary(&[])], b"b", TEXT);
}

#[test]
fn version_3_encodes_text_if_no_packet_is_binary() {
    check_encoded(Version::V3, false, &[], b"0:", TEXT);
    check_encoded(Version::V3, false, &[Text("4hello"), Text("4€")], "6:4hello2:4€".as_bytes(), TEXT);
    check_encoded(Version::V3, false, &[Text("4𝄞é")], "4:4𝄞é".as_bytes(), TEXT);
    check_encoded(Version::V3, true, &[Text("4€"), Binary(&[1, 2, 3, 4])], "2:4€10:b4AQIDBA==".as_bytes(), TEXT);
}

#[test]
fn version_3_encodes_binary_if_a_packet_is_binary() {
    check_encoded(
        Version::V3,
        false,
        &[Text("4€"), Binary(&[1, 2, 3, 4]), Text("4xxxxxxxxxx")],
        b"\x00\x04\xff4\xe2\x82\xac\x01\x05\xff\x04\x01\x02\x03\x04\x00\x01\x01\xff4xxxxxxxxxx",
        OCTET_STREAM,
    );
}

#[test]
fn jsonp_is_a_call_with_the_payload() {
    assert_eq!(jsonp("0", "6:4hello"), r#"___eio[0]("6:4hello");"#);
    assert_eq!(jsonp("1a2;alert(3)", "1:6"), r#"___eio[123]("1:6");"#);
    assert_eq!(jsonp("", "4\"\\\n\u{1}é\u{2028}\u{2029}"), "___eio[](\"4\\\"\\\\\\n\\u0001é\\u2028\\u2029\");");
}

fn check_form(form: &str, expected: Option<&str>) {
    assert_eq!(jsonp_body(form).as_deref(), expected, "{form:?}");
}

#[test]
fn a_jsonp_body_is_a_form() {
    check_form("d=6%3A4hello", Some("6:4hello"));
    check_form("x=1&d=2%3A4+", Some("2:4 "));
    check_form("d=%E2%82%AC%f0%9d%84%9e", Some("€𝄞"));
    check_form("d=", Some(""));
    check_form("d", None);
    check_form("", None);
    check_form("data=x", None);
    // An invalid escape stays unchanged.
    check_form("d=100%&e", Some("100%"));
    check_form("d=%4%zz%+1", Some("%4%zz% 1"));
    check_form("d=%ff", Some("\u{fffd}"));
}

/// Each row was run through the replacements of engine.io's JSONP transport.
#[test]
fn newlines_in_a_jsonp_body_are_escaped() {
    check_form(r"d=a\nb", Some("a\nb"));
    check_form(r"d=a\\nb", Some(r"a\nb"));
    check_form(r"d=a\\\nb", Some(r"a\\nb"));
    check_form(r"d=\n\n\\n", Some("\n\n\\n"));
    check_form("d=%5Cn%5C%5Cn", Some("\n\\n"));
    check_form(r"d=\\", Some(r"\\"));
}
