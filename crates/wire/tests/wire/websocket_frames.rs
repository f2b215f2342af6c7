use wire::websocket::{Frames, Opcode, encode, encode_close, encode_compressed};

use crate::support::hex;

fn check(opcode: Opcode, payload: &[u8], header: &str) {
    let mut out = Vec::new();
    encode(&mut out, opcode, payload);
    assert_eq!(out, [&hex(header), payload].concat());
    assert_eq!(Frames::new(&out).collect::<Vec<_>>(), [(opcode, payload)]);
}

#[test]
fn frames_have_the_shortest_length() {
    check(Opcode::Text, b"Hello", "81 05");
    check(Opcode::Text, b"", "81 00");
    check(Opcode::Ping, b"Hello", "89 05");
    check(Opcode::Pong, b"Hello", "8a 05");
    check(Opcode::Binary, &[7; 125], "82 7d");
    check(Opcode::Binary, &[7; 126], "82 7e 00 7e");
    check(Opcode::Binary, &[7; 256], "82 7e 01 00");
    check(Opcode::Binary, &[7; 65535], "82 7e ff ff");
    check(Opcode::Binary, &[7; 65536], "82 7f 00 00 00 00 00 01 00 00");
}

#[test]
fn a_compressed_frame_has_rsv1() {
    let mut out = Vec::new();
    encode_compressed(&mut out, Opcode::Text, &hex("f248cdc9c90700"));
    assert_eq!(out, hex("c1 07 f248cdc9c90700"));
    assert_eq!(Frames::new(&out).next(), Some((Opcode::Text, &hex("f248cdc9c90700")[..])));
}

#[test]
fn a_run_of_frames_is_walked_in_order() {
    let mut out = Vec::new();
    encode(&mut out, Opcode::Text, b"451-[\"a\"]");
    encode(&mut out, Opcode::Binary, &[1; 300]);
    encode(&mut out, Opcode::Binary, &[2; 70_000]);
    encode_close(&mut out, 0, "");
    let frames: Vec<_> = Frames::new(&out).map(|(opcode, payload)| (opcode, payload.len())).collect();
    assert_eq!(frames, [(Opcode::Text, 9), (Opcode::Binary, 300), (Opcode::Binary, 70_000), (Opcode::Close, 0)]);
}

#[test]
fn a_run_that_is_cut_or_not_ours_ends_the_walk() {
    for bytes in
        ["", "81", "81 05 48", "81 7e 00", "82 7f 00 00 00 00 00 00 00", "82 7f ff ff ff ff ff ff ff ff 00", "83 00", "81 85 00 00"]
    {
        assert_eq!(Frames::new(&hex(bytes)).next(), None, "{bytes}");
    }
}

fn check_close(code: u16, reason: &str, expected: &[u8]) {
    let mut out = Vec::new();
    encode_close(&mut out, code, reason);
    assert_eq!(out, expected);
}

#[test]
fn a_close_frame_has_a_code_and_a_reason() {
    check_close(0, "never seen", &hex("88 00"));
    check_close(1000, "", &hex("88 02 03e8"));
    check_close(4401, "token expired", &[&hex("88 0f 1131")[..], b"token expired"].concat());
}

#[test]
fn a_long_reason_is_cut_at_the_end_of_a_character() {
    check_close(1001, &"x".repeat(200), &[&hex("88 7d 03e9")[..], "x".repeat(123).as_bytes()].concat());
    // 61 characters of two bytes, and the 62nd would end at byte 124.
    check_close(1001, &"é".repeat(100), &[&hex("88 7c 03e9")[..], "é".repeat(61).as_bytes()].concat());
}
