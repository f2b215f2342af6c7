//! One function for each decoder: it takes any bytes and checks the properties that must hold for all input. `fuzz/` runs the functions
//! under libFuzzer (this file is included there, so it uses only the crate), `fuzzing.rs` on seeded noise.

use std::borrow::Cow;

use wire::engineio::{EnginePacket, Version, payload};
use wire::socketio::{Args, MAX_ATTACHMENTS, Packet, json, msgpack};
use wire::websocket::{Incoming, Input, Limits, Reader};

/// Checks a stream of client frames: the messages do not depend on how the stream is cut into reads, and none is longer than the limit.
pub fn websocket(data: &[u8]) {
    let Some((&[settings, cut], stream)) = data.split_first_chunk::<2>() else { return };
    let limits = Limits { max_message: [0, 10, 200, 5000][usize::from(settings & 3)], deflate: settings & 4 != 0 };
    let whole = read(stream, stream.len(), &limits);
    assert_eq!(read(stream, usize::from(cut) % 40 + 1, &limits), whole);
}

fn read(stream: &[u8], piece: usize, limits: &Limits) -> Vec<String> {
    let mut reader = Reader::default();
    let mut received = Vec::new();
    let mut stream = stream.to_vec();
    for (number, piece) in stream.chunks_mut(piece.max(1)).enumerate() {
        let mut input = Input::new(piece);
        if number % 7 == 3 {
            reader.buffer_unread(input);
            input = Input::new(&mut []);
        }
        loop {
            match reader.next(&mut input, limits) {
                Ok(None) => break,
                Ok(Some(incoming)) => {
                    let length = match incoming {
                        Incoming::Text(text) => text.len(),
                        Incoming::Binary(bytes) => bytes.len(),
                        Incoming::Ping(_) | Incoming::Pong(_) | Incoming::Close { .. } => 0,
                    };
                    assert!(length <= limits.max_message);
                    received.push(format!("{incoming:?}"));
                }
                Err(violation) => {
                    received.push(format!("{violation:?}"));
                    return received;
                }
            }
        }
        assert!(input.is_empty());
    }
    received
}

/// Checks a polling body: an error ends it, and the packets that were read are read again after they were written.
pub fn engineio_payload(data: &[u8]) {
    let Some((&settings, body)) = data.split_first() else { return };
    let version = if settings & 1 == 0 { Version::V4 } else { Version::V3 };
    let packets: Vec<_> = payload::decode(body, version, settings & 2 != 0).collect();
    assert!(packets.iter().rev().skip(1).all(Result::is_ok));

    let mut encoder = payload::Encoder::new(version, settings & 4 != 0);
    let good: Vec<_> = packets.into_iter().flatten().collect();
    for packet in &good {
        match packet {
            EnginePacket::Open(data) => encoder.push_text(&format!("0{data}")),
            EnginePacket::Close => encoder.push_text("1"),
            EnginePacket::Ping(data) => encoder.push_text(&format!("2{data}")),
            EnginePacket::Pong(data) => encoder.push_text(&format!("3{data}")),
            EnginePacket::Message(data) => encoder.push_text(&format!("4{data}")),
            EnginePacket::Binary(data) => encoder.push_binary(data),
            EnginePacket::Upgrade => encoder.push_text("5"),
            EnginePacket::Noop => encoder.push_text("6"),
        }
    }
    // A version 3 binary body may contain the separator of version 4, but not the other way round, so the packets are written in the same
    // version.
    if !encoder.is_empty() {
        let (body, content_type) = encoder.finish();
        let again: Result<Vec<_>, _> = payload::decode(&body, version, content_type == payload::OCTET_STREAM).collect();
        assert_eq!(again.as_ref(), Ok(&good));
    }
    if let Ok(form) = std::str::from_utf8(body) {
        payload::jsonp_body(form);
        payload::jsonp(form, form);
    }
}

/// Checks a text packet: it is read again after it was written, and its arguments are JSON.
pub fn socketio_json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(packet) = json::decode(text) else { return };
    check_args(&packet);
    let written = match &packet {
        Packet::Connect { nsp, auth } => json::connect(nsp, auth.unwrap_or("")),
        Packet::Disconnect { nsp } => json::disconnect(nsp),
        Packet::Event { event: None, .. } | Packet::Ack { id: None, .. } => return,
        Packet::Event { nsp, id, event: Some(event), attachments } => json::event(nsp, *id, *attachments, &event.name, event.args.raw()),
        Packet::Ack { nsp, id: Some(id), args, attachments } => json::ack(nsp, *id, *attachments, args.raw()),
        Packet::ConnectError { nsp, data } => json::connect_error(nsp, data),
    };
    // A number as an event's name becomes a text.
    assert_eq!(json::decode(&written[1..]).as_ref(), Ok(&packet), "{written:?}");
}

/// Checks a msgpack packet like a text packet, as far as JSON can express it.
pub fn socketio_msgpack(data: &[u8]) {
    let (mut texts, mut attachments) = (String::new(), Vec::new());
    let Ok(packet) = msgpack::decode(data, &mut texts, &mut attachments) else { return };
    check_args(&packet);
    assert!(attachments.len() <= MAX_ATTACHMENTS);
    let borrowed: Vec<&[u8]> = attachments.iter().map(Vec::as_slice).collect();
    let written = match &packet {
        Packet::Connect { nsp, auth } => msgpack::connect(nsp, auth.unwrap_or("")),
        Packet::Disconnect { nsp } => msgpack::disconnect(nsp),
        Packet::Event { event: None, .. } | Packet::Ack { id: None, .. } => return,
        Packet::Event { nsp, id, event: Some(event), .. } => msgpack::event(nsp, *id, &event.name, event.args.raw(), &borrowed),
        Packet::Ack { nsp, id: Some(id), args, .. } => msgpack::ack(nsp, *id, args.raw(), &borrowed),
        Packet::ConnectError { nsp, data } => msgpack::connect_error(nsp, data),
    };
    // A map that only looks like a placeholder becomes one, so with attachments the second reading may differ.
    if attachments.is_empty() {
        let (mut texts, mut attachments) = (String::new(), Vec::new());
        assert_eq!(msgpack::decode(&written, &mut texts, &mut attachments).as_ref(), Ok(&packet), "{written:02x?}");
    }
}

fn check_args(packet: &Packet<'_>) {
    let none = Args::default();
    let (args, name) = match packet {
        Packet::Event { event: Some(event), .. } => (&event.args, Some(&event.name)),
        Packet::Ack { args, .. } => (args, None),
        _ => (&none, None),
    };
    assert_eq!(args.len(), args.iter().count());
    for arg in args.iter() {
        assert_eq!(arg.trim_matches([' ', '\t', '\n', '\r']), arg);
        assert!(!arg.is_empty() && args.raw().contains(arg));
        assert_eq!(
            json::decode(&format!("3[{arg}]")).map(|packet| matches!(packet, Packet::Ack { args, .. } if args.raw() == arg)),
            Ok(true)
        );
    }
    assert!(!matches!(name, Some(Cow::Borrowed("connect" | "disconnect"))));
}
