use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags::TINFL_FLAG_HAS_MORE_INPUT};
use wire::websocket::{Limits, Opcode, Violation, Window, deflate, encode_compressed};

use crate::support::{Dice, Seen, frame, hex, read_buffered, read_in_pieces};

const LIMITS: Limits = Limits { max_message: 1000, deflate: true };

fn check(stream: &[u8], expected: &[Seen]) {
    for sizes in [&[usize::MAX][..], &[1], &[3, 1], &[7, usize::MAX]] {
        assert_eq!(read_in_pieces(stream, sizes, &LIMITS), expected, "in pieces of {sizes:?}");
    }
    assert_eq!(read_buffered(stream, &LIMITS), expected, "kept");
}

fn text(text: &str) -> Seen {
    Seen::Text(text.to_owned())
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    // RFC 7692 section 7.2.3: one frame, two fragments, a stored block, a final block, two blocks, nothing.
    check(&frame(0xc1, &hex("f248cdc9c90700")), &[text("Hello")]);
    check(&[frame(0x41, &hex("f248cd")), frame(0x80, &hex("c9c90700"))].concat(), &[text("Hello")]);
    check(&frame(0xc1, &hex("000500faff48656c6c6f00")), &[text("Hello")]);
    check(&frame(0xc1, &hex("f348cdc9c9070000")), &[text("Hello")]);
    check(&frame(0xc1, &hex("f248050000 00ffff cac9c90700")), &[text("Hello")]);
    check(&frame(0xc1, &hex("00")), &[text("")]);
    check(&frame(0xc2, &hex("f248cdc9c90700")), &[Seen::Binary(b"Hello".to_vec())]);
}

#[test]
fn a_frame_without_any_bytes_inflates_to_nothing() {
    check(&frame(0xc1, b""), &[text("")]);
}

#[test]
fn compressed_and_plain_messages_take_turns() {
    let stream =
        [frame(0x81, b"plain"), frame(0xc1, &hex("f248cdc9c90700")), frame(0x01, b"a"), frame(0x89, b""), frame(0x80, b"b")].concat();
    check(&stream, &[text("plain"), text("Hello"), Seen::Ping(vec![]), text("ab")]);
}

#[test]
fn no_window_passes_from_one_message_to_the_next() {
    // The second message of RFC 7692 section 7.2.3.2 refers back to the first.
    let stream = [frame(0xc1, &hex("f248cdc9c90700")), frame(0xc1, &hex("f200110000"))].concat();
    check(&stream, &[text("Hello"), Seen::Refused(Violation::Deflate)]);
}

#[test]
fn compression_without_negotiation_is_an_error() {
    let limits = Limits { deflate: false, ..LIMITS };
    assert_eq!(read_in_pieces(&frame(0xc1, b"\0"), &[1], &limits), [Seen::Refused(Violation::ReservedBits)]);
}

#[test]
fn only_the_first_frame_has_the_compression_bit() {
    check(&[frame(0x41, &hex("f248cd")), frame(0xc0, &hex("c9c90700"))].concat(), &[Seen::Refused(Violation::ReservedBits)]);
    check(&frame(0xc9, b""), &[Seen::Refused(Violation::ReservedBits)]);
}

#[test]
fn payload_that_does_not_inflate_is_an_error() {
    assert_eq!(Violation::Deflate.code(), 1007);
    for garbage in ["ff", "07", "f248cdc9c907ffffff", "0005000000"] {
        check(&frame(0xc2, &hex(garbage)), &[Seen::Refused(Violation::Deflate)]);
    }
    check(&frame(0xc1, &deflate(b"\xff\xfe", Window::Full)), &[Seen::Refused(Violation::Utf8)]);
}

#[test]
fn deflate_bomb_is_an_error_at_the_limit() {
    let bomb = deflate(&vec![b'x'; 1_000_000], Window::Full);
    assert!(bomb.len() <= LIMITS.max_message, "the header must not give it away");
    check(&frame(0xc1, &bomb), &[Seen::Refused(Violation::TooBig)]);
    check(&[frame(0x41, &bomb[..500]), frame(0x80, &bomb[500..])].concat(), &[Seen::Refused(Violation::TooBig)]);
    check(&frame(0xc1, &deflate(&[b'x'; 1000], Window::Full)), &[text(&"x".repeat(1000))]);
    check(&frame(0xc1, &deflate(&[b'x'; 1001], Window::Full)), &[Seen::Refused(Violation::TooBig)]);
}

/// The smallest number of bits for each window.
const SMALLEST: [(Window, u32); 3] = [(Window::Small, 8), (Window::Medium, 12), (Window::Full, 15)];

/// Payloads of this length: noise, one repeated byte, and text that repeats at a distance shorter or longer than the smallest windows.
fn payloads(dice: &mut Dice, length: usize) -> [Vec<u8>; 5] {
    let repeated = |unit: &[u8]| unit.iter().copied().cycle().take(length).collect::<Vec<u8>>();
    let (near, far) = (dice.bytes(255), dice.bytes(4000));
    [dice.bytes(length), vec![b'x'; length], repeated(b"{\"key\":\"value\"},"), repeated(&near), repeated(&far)]
}

#[test]
fn deflated_message_has_no_tail_and_inflates_to_the_original() {
    let mut dice = Dice(7);
    let limits = Limits { max_message: 1 << 20, deflate: true };
    for length in [0, 1, 2, 5, 100, 1000, 4096, 65_536, 300_000] {
        for payload in payloads(&mut dice, length) {
            for (window, _) in SMALLEST {
                let deflated = deflate(&payload, window);
                assert!(!deflated.ends_with(&[0, 0, 0xff, 0xff]));
                let read = read_in_pieces(&frame(0xc2, &deflated), &[usize::MAX], &limits);
                assert_eq!(read, [Seen::Binary(payload.clone())], "{length} bytes with {window:?}");
            }
        }
    }
}

#[test]
fn a_message_never_refers_back_further_than_the_window() {
    let mut dice = Dice(8);
    for length in [16, 64, 255, 256, 257, 1024, 4096, 5000, 8192, 16_384, 32_768, 65_536, 131_072] {
        for payload in payloads(&mut dice, length) {
            for (window, bits) in SMALLEST {
                let inflated = inflate_with(&deflate(&payload, window), 1 << bits);
                assert!(inflated == payload, "{length} bytes for a client with {bits} bits");
            }
        }
    }
}

/// Inflates with a ring of only `window` bytes: a reference further back yields other bytes.
fn inflate_with(deflated: &[u8], window: usize) -> Vec<u8> {
    let (mut decompressor, mut ring, mut at, mut out) = (DecompressorOxide::new(), vec![0; window], 0, Vec::new());
    let mut rest = &[deflated, &[0, 0, 0xff, 0xff]].concat()[..];
    loop {
        let (status, read, written) = decompress(&mut decompressor, rest, &mut ring, at, TINFL_FLAG_HAS_MORE_INPUT);
        rest = &rest[read..];
        out.extend_from_slice(&ring[at..at + written]);
        at = (at + written) % window;
        match status {
            TINFLStatus::HasMoreOutput => {}
            TINFLStatus::NeedsMoreInput => return out,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_compressed_message_is_smaller() {
    let json = "{\"type\":\"message\",\"text\":\"hello\"},".repeat(30);
    let mut out = Vec::new();
    encode_compressed(&mut out, Opcode::Text, &deflate(json.as_bytes(), Window::Full));
    assert!(out.len() < json.len() / 10, "{} of {}", out.len(), json.len());
}
