use std::borrow::Cow;

use wire::engineio::{EnginePacket, Handshake, ParseError, Version, decode, decode_binary};

type Decoded<'a> = Result<EnginePacket<'a>, ParseError>;

fn check(version: Version, text: &str, expected: Decoded) {
    assert_eq!(decode(text, version), expected, "{text:?}");
}

fn check_both(text: &str, expected: Decoded) {
    check(Version::V3, text, expected.clone());
    check(Version::V4, text, expected);
}

fn binary(bytes: &[u8]) -> Decoded<'_> {
    Ok(EnginePacket::Binary(Cow::Borrowed(bytes)))
}

#[test]
fn each_type_has_its_digit() {
    check_both("0{\"sid\":\"x\"}", Ok(EnginePacket::Open("{\"sid\":\"x\"}")));
    check_both("1", Ok(EnginePacket::Close));
    check_both("2", Ok(EnginePacket::Ping("")));
    check_both("2probe", Ok(EnginePacket::Ping("probe")));
    check_both("3", Ok(EnginePacket::Pong("")));
    check_both("3probe", Ok(EnginePacket::Pong("probe")));
    check_both("4hello", Ok(EnginePacket::Message("hello")));
    check_both("4", Ok(EnginePacket::Message("")));
    check_both("4é€𝄞", Ok(EnginePacket::Message("é€𝄞")));
    check_both("5", Ok(EnginePacket::Upgrade));
    check_both("6", Ok(EnginePacket::Noop));
}

#[test]
fn packet_without_type_is_an_error() {
    check_both("", Err(ParseError::Empty));
    for text in ["7", "8", "9", "abc", " 4", "-1", "é", "\0", "B", "{"] {
        check_both(text, Err(ParseError::UnknownType));
    }
}

#[test]
fn binary_is_base64_after_a_b() {
    check(Version::V4, "bAQIDBA==", binary(&[1, 2, 3, 4]));
    check(Version::V4, "b", binary(&[]));
    check(Version::V3, "b4AQIDBA==", binary(&[1, 2, 3, 4]));
    check(Version::V3, "b4", binary(&[]));
    for text in ["b", "bAQIDBA==", "b2AQ==", "b9"] {
        check(Version::V3, text, Err(ParseError::UnknownType));
    }
}

/// Each row was run in Node 20: `Buffer.from(text, 'base64')`.
#[test]
fn base64_is_read_as_node_reads_it() {
    for (text, expected) in [
        ("YQ==YQ==", &b"a"[..]),
        ("YW", b"a"),
        ("YWI", b"ab"),
        ("Y", b""),
        ("YQ=", b"a"),
        ("YR==", b"a"),
        ("-_-_", b"\xfb\xff\xbf"),
        ("+/+/", b"\xfb\xff\xbf"),
        ("Y Q = =", b"a"),
        ("Y!W@I", b"ab"),
        ("YQ==b", b"a"),
        ("=YQ", b""),
        ("", b""),
        ("YWJjZ", b"abc"),
        ("YW\nJj", b"abc"),
        ("YéWI", b"ab"),
    ] {
        check(Version::V4, &format!("b{text}"), binary(expected));
    }
}

#[test]
fn a_binary_frame_is_a_message() {
    assert_eq!(decode_binary(&[1, 2, 3], Version::V4), binary(&[1, 2, 3]));
    assert_eq!(decode_binary(&[], Version::V4), binary(&[]));
    assert_eq!(decode_binary(&[4, 1, 2, 3], Version::V3), binary(&[1, 2, 3]));
    assert_eq!(decode_binary(&[4], Version::V3), binary(&[]));
    assert_eq!(decode_binary(&[], Version::V3), Err(ParseError::Empty));
    for kind in [0, 1, 2, 3, 5, 6, 7, b'4'] {
        assert_eq!(decode_binary(&[kind, 1], Version::V3), Err(ParseError::UnknownType));
    }
}

#[test]
fn the_handshake_has_five_keys_in_order() {
    let handshake = Handshake {
        sid: "lv_VI97HAXpY6yYWAAAB",
        upgrades: &["websocket"],
        ping_interval_ms: 25_000,
        ping_timeout_ms: 60_000,
        max_payload: 1_000_000,
    };
    assert_eq!(
        handshake.encode(),
        r#"0{"sid":"lv_VI97HAXpY6yYWAAAB","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":60000,"maxPayload":1000000}"#
    );
    assert!(Handshake { upgrades: &[], ..handshake }.encode().contains(r#""upgrades":[],"#));
}
