//! Tests that the common messages need no memory allocation.

use allocation_counter::measure;
use wire::engineio::{self, Version};
use wire::socketio::json;
use wire::websocket::{self, Incoming, Input, Limits, Opcode, Reader, Window};

const LIMITS: Limits = Limits { max_message: 1_000_000, deflate: true };

fn check(most: u64, work: impl FnOnce()) {
    let count = measure(work).count_total;
    assert!(count <= most, "{count} allocations instead of {most}");
}

/// The masked frame of a short event.
fn frame() -> Vec<u8> {
    let payload = br#"42["message:new",{"room":{"id":7,"tags":["a","b"]},"text":"hello"},"x",1,null]"#;
    let mut frame = vec![0x81, 0x80 | payload.len() as u8, 1, 2, 3, 4];
    frame.extend(payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

#[test]
fn reading_a_small_event_allocates_nothing() {
    let mut bytes = [frame(), frame()].concat();
    let mut reader = Reader::default();
    check(0, || {
        let mut input = Input::new(&mut bytes);
        while let Ok(Some(Incoming::Text(text))) = reader.next(&mut input, &LIMITS) {
            let Ok(engineio::EnginePacket::Message(message)) = engineio::decode(text, Version::V4) else { panic!("{text}") };
            let Ok(wire::socketio::Packet::Event { event: Some(event), .. }) = json::decode(message) else { panic!("{text}") };
            assert_eq!((event.name.as_ref(), event.args.len()), ("message:new", 4));
        }
        assert!(input.is_empty() && !reader.has_buffered());
    });
}

#[test]
fn nothing_stays_allocated_when_the_stream_is_drained() {
    let stream = [frame(), vec![0xc1, 0x87, 0, 0, 0, 0, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], frame()].concat();
    let mut reader = Reader::default();
    let mut read = |stream: &[u8]| {
        for byte in stream {
            let byte = &mut [*byte];
            let mut input = Input::new(byte);
            while let Ok(Some(_)) = reader.next(&mut input, &LIMITS) {}
        }
    };
    // Each thread allocates its tables for inflating once.
    read(&stream);
    let buffered = measure(|| read(&stream));
    assert_eq!(buffered.bytes_current, 0, "{buffered:?}");
    assert!(buffered.count_total > 0);
}

#[test]
fn announced_length_allocates_nothing() {
    let mut header = [0x82, 0xff, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x40, 1, 2, 3, 4, 5];
    let mut reader = Reader::default();
    let buffered = measure(|| {
        let mut input = Input::new(&mut header);
        assert_eq!(reader.next(&mut input, &LIMITS), Ok(None));
    });
    assert!(buffered.bytes_max < 300, "{buffered:?}");
}

#[test]
fn a_packet_and_its_frame_are_one_allocation_each() {
    let mut out = Vec::new();
    check(2, || {
        let packet = json::event("/chat", Some(u64::MAX), 10, "message:new", r#"{"id":1},"text""#);
        websocket::encode(&mut out, Opcode::Text, packet.as_bytes());
    });
}

#[test]
fn deflate_bomb_allocates_no_more_than_the_limit() {
    let bomb = websocket::deflate(&vec![b'x'; 10_000_000], Window::Full);
    let mut frame = vec![0xc2, 0xfe];
    frame.extend((bomb.len() as u16).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(&bomb);
    let limits = Limits { max_message: 20_000, deflate: true };
    let mut reader = Reader::default();
    let buffered = measure(|| assert!(reader.next(&mut Input::new(&mut frame), &limits).is_err()));
    assert!(buffered.bytes_max < 100_000, "{buffered:?}");
}
