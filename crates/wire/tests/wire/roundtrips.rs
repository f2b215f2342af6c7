//! Tests with generated values that packets are read again after they were written, and that the crate's JSON agrees with serde_json.

use serde_json::Value;
use wire::engineio::payload::{Encoder, decode};
use wire::engineio::{EnginePacket, Version};
use wire::socketio::{DecodeError, Packet, json, msgpack};
use wire::websocket::{Frames, Limits, Opcode, Window, deflate, encode};

use crate::support::{Dice, Seen, frame, read_in_pieces};

/// A JSON value of at most this depth, with numbers that both formats can express.
fn value(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => Value::from(dice.below(2) == 0),
        2 => Value::from(dice.next() >> dice.below(64)),
        3 => Value::from((dice.next() >> dice.below(64)) as i64),
        4 => Value::from(f64::from_bits(dice.next())),
        5 => Value::from(dice.text(40)),
        6 => (0..dice.below(20)).map(|_| value(dice, depth - 1)).collect(),
        _ => Value::Object((0..dice.below(20)).map(|_| (dice.text(10), value(dice, depth - 1))).collect()),
    }
}

fn args(dice: &mut Dice) -> Vec<String> {
    (0..dice.below(7)).map(|_| value(dice, 3).to_string()).collect()
}

#[test]
fn events_and_acks_survive_both_formats() {
    let mut dice = Dice(1);
    for _ in 0..2000 {
        let (nsp, name, args) = (dice.one_of(&["/", "/chat"]), format!("n{}", dice.text(20)), args(&mut dice));
        let id = if dice.below(2) == 0 { Some(dice.next() >> dice.below(64)) } else { None };
        let check = |packet: Result<Packet<'_>, DecodeError>| match packet {
            Ok(Packet::Event { nsp: n, id: i, event: Some(event), attachments: 0 }) => {
                assert_eq!((n, i, event.name.as_ref()), (nsp, id, name.as_str()));
                assert_eq!(event.args.iter().collect::<Vec<_>>(), args);
            }
            Ok(Packet::Ack { nsp: n, id: i, args: a, attachments: 0 }) => {
                assert_eq!((n, i), (nsp, id));
                assert_eq!(a.iter().collect::<Vec<_>>(), args);
            }
            other => panic!("{other:?}"),
        };
        let mut texts = String::new();
        check(json::decode(&json::event(nsp, id, 0, &name, &args.join(","))[1..]));
        check(msgpack::decode(&msgpack::event(nsp, id, &name, &args.join(","), &[]), &mut texts, &mut Vec::new()));
        if let Some(id) = id {
            check(json::decode(&json::ack(nsp, id, 0, &args.join(","))[1..]));
            check(msgpack::decode(&msgpack::ack(nsp, id, &args.join(","), &[]), &mut texts, &mut Vec::new()));
        }
    }
}

#[test]
fn attachments_survive_msgpack() {
    let mut dice = Dice(2);
    for count in 0..=10 {
        let attachments: Vec<Vec<u8>> = (0..count).map(|_| dice.some_bytes(400)).collect();
        let placeholders: Vec<String> = (0..count).map(|num| format!("{{\"a\":[{{\"_placeholder\":true,\"num\":{num}}}]}}")).collect();
        let borrowed: Vec<&[u8]> = attachments.iter().map(Vec::as_slice).collect();
        let packet = msgpack::event("/", None, "m", &placeholders.join(","), &borrowed);
        let (mut texts, mut read) = (String::new(), Vec::new());
        let Ok(Packet::Event { event: Some(event), .. }) = msgpack::decode(&packet, &mut texts, &mut read) else { panic!() };
        assert_eq!(event.args.raw(), placeholders.join(","));
        assert_eq!(read, attachments);
    }
}

#[test]
fn payloads_survive_both_versions() {
    let mut dice = Dice(3);
    for _ in 0..2000 {
        let version = dice.one_of(&[Version::V3, Version::V4]);
        let mut encoder = Encoder::new(version, dice.below(2) == 0);
        let packets: Vec<Result<String, Vec<u8>>> =
            (0..dice.below(6) + 1).map(|_| if dice.below(3) == 0 { Err(dice.some_bytes(200)) } else { Ok(dice.text(200)) }).collect();
        for packet in &packets {
            match packet {
                Ok(text) => encoder.push_text(&format!("4{text}")),
                Err(bytes) => encoder.push_binary(bytes),
            }
        }
        let (body, content_type) = encoder.finish();
        let read: Vec<_> = decode(&body, version, content_type == "application/octet-stream")
            .map(|packet| match packet {
                Ok(EnginePacket::Message(text)) => Ok(text.to_owned()),
                Ok(EnginePacket::Binary(bytes)) => Err(bytes.into_owned()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(read, packets);
    }
}

#[test]
fn messages_survive_any_cutting_into_fragments_and_reads() {
    let mut dice = Dice(4);
    let limits = Limits { max_message: 1000, deflate: true };
    for _ in 0..3000 {
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for _ in 0..dice.below(5) + 1 {
            let text = dice.text(200);
            let compressed = dice.below(3) == 0;
            let payload = if compressed { deflate(text.as_bytes(), Window::Full) } else { text.clone().into_bytes() };
            let mut rest = &payload[..];
            let mut first = if compressed { 0x41 } else { 0x01 };
            while dice.below(3) == 0 {
                let (fragment, behind) = rest.split_at(dice.below(rest.len() + 1));
                stream.extend(frame(first, fragment));
                if dice.below(2) == 0 {
                    stream.extend(frame(0x89, b"between"));
                    expected.push(Seen::Ping(b"between".to_vec()));
                }
                (rest, first) = (behind, 0x00);
            }
            stream.extend(frame(first | 0x80, rest));
            expected.push(Seen::Text(text));
        }
        let sizes: Vec<usize> = (0..8).map(|_| dice.below(60) + 1).collect();
        assert_eq!(read_in_pieces(&stream, &sizes, &limits), expected);
    }
}

#[test]
fn server_frames_survive() {
    let mut dice = Dice(5);
    for _ in 0..500 {
        let mut run = Vec::new();
        let frames: Vec<(Opcode, Vec<u8>)> = (0..dice.below(5)).map(|_| (Opcode::Binary, dice.some_bytes(300))).collect();
        for (opcode, payload) in &frames {
            encode(&mut run, *opcode, payload);
        }
        assert_eq!(Frames::new(&run).map(|(opcode, payload)| (opcode, payload.to_vec())).collect::<Vec<_>>(), frames);
    }
}

/// Whether serde_json reads the text as one JSON value. Half surrogates and numbers out of range pass, as they do in JavaScript.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

#[test]
fn json_check_agrees_with_serde_json() {
    const PIECES: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\\u00e9\"",
        "\"\\ud800\"",
        "\"\\x\"",
        "\"é",
        "\"",
        "1",
        "0",
        "-",
        "-0",
        "01",
        "1.5",
        "1.",
        ".5",
        "1e5",
        "1E+5",
        "1e",
        "1e999",
        "true",
        "false",
        "null",
        "nul",
        " ",
        "\n",
        "\t",
        "\u{a0}",
        "\u{1}",
        "\\",
        "é",
        "{}",
        "[]",
        "{\"a\":1}",
        "[1,2]",
    ];
    let mut dice = Dice(6);
    let mut valid = 0;
    for _ in 0..200_000 {
        let text: String = (0..dice.below(7) + 1).map(|_| dice.one_of(PIECES)).collect();
        let ours = json::decode(&format!("3[{text}]")).is_ok();
        assert_eq!(ours, is_json(&format!("[{text}]")), "{text:?}");
        valid += usize::from(ours);
    }
    assert!(valid > 10_000, "{valid} are too few to mean anything");
}
