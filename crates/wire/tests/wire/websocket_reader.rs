use wire::websocket::{Incoming, Input, Limits, Reader, Violation};

use crate::support::{MASK, Seen, frame, hex, read_buffered, read_in_pieces};

const LIMITS: Limits = Limits { max_message: 1000, deflate: false };

/// Checks that the same messages are read however the stream is cut into reads.
fn check(stream: &[u8], expected: &[Seen]) {
    for sizes in [&[usize::MAX][..], &[1], &[2], &[3, 1], &[7, 5, 2], &[1, usize::MAX], &[6, usize::MAX], &[13, usize::MAX]] {
        assert_eq!(read_in_pieces(stream, sizes, &LIMITS), expected, "in pieces of {sizes:?}");
    }
    assert_eq!(read_buffered(stream, &LIMITS), expected, "kept");
}

fn check_error(stream: &[u8], violation: Violation, code: u16) {
    check(stream, &[Seen::Refused(violation)]);
    assert_eq!(violation.code(), code);
    // Messages before the violation are returned first.
    let before = frame(0x81, b"before");
    check(&[&before, stream].concat(), &[text("before"), Seen::Refused(violation)]);
}

fn text(text: &str) -> Seen {
    Seen::Text(text.to_owned())
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    check(&hex("81 85 37fa213d 7f9f4d5158"), &[text("Hello")]);
    check(&[frame(0x01, b"Hel"), frame(0x80, b"lo")].concat(), &[text("Hello")]);
    check(&hex("89 85 37fa213d 7f9f4d5158"), &[Seen::Ping(b"Hello".to_vec())]);
    check(&hex("8a 85 37fa213d 7f9f4d5158"), &[Seen::Pong(b"Hello".to_vec())]);
    check(&frame(0x82, &[9; 256]), &[Seen::Binary(vec![9; 256])]);
}

#[test]
fn every_length_around_a_boundary_is_read() {
    for length in [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 124, 125, 126, 127, 128, 255, 256, 999, 1000] {
        let payload: Vec<u8> = (0..length).map(|at| at as u8).collect();
        check(&frame(0x82, &payload), &[Seen::Binary(payload)]);
    }
    let limits = Limits { max_message: 100_000, deflate: false };
    for length in [65_535, 65_536, 100_000] {
        let stream = frame(0x82, &vec![5; length]);
        for sizes in [&[usize::MAX][..], &[4096], &[14, usize::MAX], &[15, 1, usize::MAX]] {
            assert_eq!(read_in_pieces(&stream, sizes, &limits), [Seen::Binary(vec![5; length])]);
        }
    }
}

#[test]
fn many_messages_in_one_read_are_in_order() {
    let stream: Vec<u8> = (0..50).flat_map(|number| frame(0x81, number.to_string().as_bytes())).collect();
    let expected: Vec<Seen> = (0..50).map(|number| text(&number.to_string())).collect();
    check(&stream, &expected);
}

#[test]
fn a_length_in_a_longer_form_is_read_as_other_servers_read_it() {
    let payload: Vec<u8> = b"Hello".iter().zip(MASK).map(|(byte, key)| byte ^ key).collect();
    check(&[&hex("81 fe 0004 37fa213d")[..], &payload[..4]].concat(), &[text("Hell")]);
    check(&[&hex("81 ff 0000000000000004 37fa213d")[..], &payload[..4]].concat(), &[text("Hell")]);
}

#[test]
fn control_frames_may_be_between_fragments() {
    let stream =
        [frame(0x01, b"a"), frame(0x89, b"ping"), frame(0x00, b""), frame(0x8a, b""), frame(0x80, b"b"), frame(0x81, b"next")].concat();
    check(&stream, &[Seen::Ping(b"ping".to_vec()), Seen::Pong(vec![]), text("ab"), text("next")]);
    check(&[frame(0x02, b""), frame(0x80, b"")].concat(), &[Seen::Binary(vec![])]);
}

#[test]
fn close_frame_ends_the_stream_even_inside_a_message() {
    check(&[frame(0x01, b"a"), frame(0x88, &hex("03e8"))].concat(), &[Seen::Close(1000, String::new())]);
}

#[test]
fn utf8_is_checked_over_fragments() {
    let euro = "€".as_bytes();
    check(&[frame(0x01, &euro[..1]), frame(0x00, &euro[1..2]), frame(0x80, &euro[2..])].concat(), &[text("€")]);
    check_error(&frame(0x81, b"\xff"), Violation::Utf8, 1007);
    check_error(&frame(0x81, &euro[..2]), Violation::Utf8, 1007);
    check_error(&[frame(0x01, &euro[..1]), frame(0x80, &euro[..2])].concat(), Violation::Utf8, 1007);
    // Half of a surrogate pair, an overlong zero, and a code point beyond the last character.
    check_error(&frame(0x81, b"\xed\xa0\x80"), Violation::Utf8, 1007);
    check_error(&frame(0x81, b"\xc0\x80"), Violation::Utf8, 1007);
    check_error(&frame(0x81, b"\xf4\x90\x80\x80"), Violation::Utf8, 1007);
    check(&frame(0x82, b"\xff"), &[Seen::Binary(vec![0xff])]);
}

#[test]
fn reserved_opcodes_and_bits_are_an_error() {
    for opcode in (3..8).chain(11..16) {
        check_error(&frame(0x80 | opcode, b""), Violation::ReservedOpcode(opcode), 1002);
    }
    for bits in [0x10, 0x20, 0x40, 0x70] {
        check_error(&frame(0x81 | bits, b"x"), Violation::ReservedBits, 1002);
        check_error(&frame(0x89 | bits, b"x"), Violation::ReservedBits, 1002);
    }
}

#[test]
fn frame_without_mask_is_an_error() {
    check_error(&hex("81 05 48656c6c6f"), Violation::Unmasked, 1002);
    check_error(&hex("88 00"), Violation::Unmasked, 1002);
}

#[test]
fn control_frames_are_short_and_whole() {
    check(&frame(0x89, &[1; 125]), &[Seen::Ping(vec![1; 125])]);
    check_error(&frame(0x89, &[1; 126]), Violation::LongControl, 1002);
    check_error(&frame(0x88, &[1; 126]), Violation::LongControl, 1002);
    check_error(&frame(0x09, b""), Violation::FragmentedControl, 1002);
    check_error(&frame(0x08, b""), Violation::FragmentedControl, 1002);
}

#[test]
fn fragments_must_fit_together() {
    check_error(&frame(0x80, b"x"), Violation::NothingToContinue, 1002);
    check_error(&frame(0x00, b"x"), Violation::NothingToContinue, 1002);
    check_error(&[frame(0x01, b"a"), frame(0x81, b"b")].concat(), Violation::Unfinished, 1002);
    check_error(&[frame(0x01, b"a"), frame(0x02, b"b")].concat(), Violation::Unfinished, 1002);
}

#[test]
fn close_codes_are_checked() {
    check(&frame(0x88, b""), &[Seen::Close(1005, String::new())]);
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4401, 4999_u16] {
        check(&frame(0x88, &[&code.to_be_bytes()[..], b"bye"].concat()), &[Seen::Close(code, "bye".to_owned())]);
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535_u16] {
        check_error(&frame(0x88, &code.to_be_bytes()), Violation::CloseCode, 1002);
    }
    check_error(&frame(0x88, b"\x03"), Violation::CloseCode, 1002);
    check_error(&frame(0x88, b"\x03\xe8\xff"), Violation::Utf8, 1007);
}

#[test]
fn too_large_message_is_an_error_before_it_arrives() {
    check_error(&frame(0x81, &[b'x'; 1001]), Violation::TooBig, 1009);
    // Only the header.
    check_error(&frame(0x81, &[b'x'; 1001])[..8], Violation::TooBig, 1009);
    check_error(&hex("82 ff 7fffffffffffffff 00000000"), Violation::TooBig, 1009);
    check_error(&hex("82 ff 8000000000000000 00000000"), Violation::Length, 1002);
    check_error(&hex("82 ff ffffffffffffffff 00000000"), Violation::Length, 1002);
    check(&[frame(0x01, &[b'x'; 500]), frame(0x80, &[b'x'; 500])].concat(), &[text(&"x".repeat(1000))]);
    check_error(&[frame(0x01, &[b'x'; 500]), frame(0x80, &[b'x'; 501])].concat(), Violation::TooBig, 1009);
}

#[test]
fn largest_length_under_no_limit_waits_for_bytes() {
    let limits = Limits { max_message: usize::MAX, deflate: true };
    let mut header = hex("82 ff 7fffffffffffffff 00000000 00");
    let mut reader = Reader::default();
    for _ in 0..3 {
        assert_eq!(reader.next(&mut Input::new(&mut header), &limits), Ok(None));
    }
}

#[test]
fn the_number_of_fragments_is_bounded() {
    let mut reader = Reader::default();
    let mut fragment = |first| reader.next(&mut Input::new(&mut frame(first, b"")), &LIMITS).map(|incoming| incoming.is_some());
    assert_eq!(fragment(0x01), Ok(false));
    for _ in 1..131_072 {
        assert_eq!(fragment(0x00), Ok(false));
    }
    assert_eq!(fragment(0x00), Err(Violation::TooManyFragments));
    assert_eq!(Violation::TooManyFragments.code(), 1009);
}

#[test]
fn a_reader_is_small() {
    assert!(size_of::<Reader>() <= 48);
    assert_eq!(size_of::<Reader>(), size_of::<usize>());
}

#[test]
fn whole_messages_leave_nothing_buffered() {
    let mut reader = Reader::default();
    let mut bytes = [frame(0x81, b"one"), frame(0x81, b"two")].concat();
    let mut input = Input::new(&mut bytes);
    assert_eq!(reader.next(&mut input, &LIMITS), Ok(Some(Incoming::Text("one"))));
    assert!(!reader.has_buffered() && !input.is_empty());
    assert_eq!(reader.next(&mut input, &LIMITS), Ok(Some(Incoming::Text("two"))));
    assert!(!reader.has_buffered() && input.is_empty());
}

#[test]
fn paused_connection_continues_where_it_stopped() {
    let mut reader = Reader::default();
    let mut first = [frame(0x81, b"one"), frame(0x81, b"two"), frame(0x81, b"three")].concat();
    let mut input = Input::new(&mut first[..20]);
    assert_eq!(reader.next(&mut input, &LIMITS), Ok(Some(Incoming::Text("one"))));
    reader.buffer_unread(input);
    assert!(reader.has_buffered());
    assert_eq!(reader.next(&mut Input::new(&mut []), &LIMITS), Ok(Some(Incoming::Text("two"))));
    assert!(reader.has_buffered(), "two bytes of the third");
    assert_eq!(reader.next(&mut Input::new(&mut []), &LIMITS), Ok(None));
    assert!(reader.has_buffered());
    // No more bytes are taken from the next read than the third frame needs.
    let mut second = [&first[20..], &frame(0x81, b"four")].concat();
    let mut input = Input::new(&mut second);
    assert_eq!(reader.next(&mut input, &LIMITS), Ok(Some(Incoming::Text("three"))));
    assert!(!reader.has_buffered() && !input.is_empty());
    assert_eq!(reader.next(&mut input, &LIMITS), Ok(Some(Incoming::Text("four"))));
    assert!(!reader.has_buffered() && input.is_empty());
}

#[test]
fn reader_without_buffered_bytes_frees_the_last_message() {
    let stream = frame(0x82, &[7; 900]);
    let (mut begin, mut end) = (stream[..500].to_vec(), stream[500..].to_vec());
    let mut reader = Reader::default();
    assert!(matches!(reader.next(&mut Input::new(&mut begin), &LIMITS), Ok(None)));
    let mut input = Input::new(&mut end);
    assert!(matches!(reader.next(&mut input, &LIMITS), Ok(Some(Incoming::Binary(_)))));
    reader.buffer_unread(input);
    assert_eq!(reader.buffered_bytes(), 0);
}
