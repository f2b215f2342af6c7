//! Messages are decoded as they were encoded, and no input panics the decoder.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::*;

/// How many damaged messages are decoded for each seed.
const MUTATIONS: usize = 20_000;

fn event(first: u64, count: u32, rooms: &[&str], body: &str) -> EventFrame {
    EventFrame::new(first, count, rooms.iter().copied(), Bytes::copy_from_slice(body.as_bytes()))
}

fn messages() -> Vec<Message> {
    let key = |room: &str, user: &str| PresenceKey::in_room(room, user);
    let value = |text: &'static str| Bytes::from_static(text.as_bytes());
    vec![
        Message::Events(Vec::new()),
        Message::Events(vec![
            event(1, 1, &["chat:7", "user:anna"], "{}"),
            event(2, 3, &[""], "{\"kind\":\"emitted\"}"),
            event(900_000_000_000, MAX_OFFSETS, &[], ""),
        ]),
        Message::Ephemeral(vec![EphemeralFrame { body: value("typing") }, EphemeralFrame { body: value("") }]),
        Message::Heartbeat,
        Message::PresenceChanges {
            counter: 7,
            changes: vec![
                (PresenceKey::online("anna"), PresenceChange::Set(value("c1"))),
                (key("chat:7", "ben"), PresenceChange::Ended),
                (key("chat:7", "Zoë"), PresenceChange::Left),
            ],
        },
        Message::PresenceDigest(Digest { counter: 7, entries: 35_000, hash: u64::MAX }),
        Message::PresenceRequest { of: NodeId::parse("node-2").unwrap() },
        Message::Usage(vec![("commands anna".into(), 3), ("".into(), u32::MAX)]),
        Message::PresenceList { counter: 7, part: 1, parts: 2, entries: vec![(PresenceKey::online("anna"), value("c1"))] },
    ]
}

fn envelope(message: Message) -> Envelope {
    Envelope { node: NodeId::parse("node-1").unwrap(), incarnation: Incarnation(0x1234_5678_9abc_def0), message }
}

#[test]
fn messages_are_decoded_as_they_were_encoded() {
    for message in messages() {
        let sent = envelope(message);
        assert_eq!(decode(encode(&sent)), Ok(sent));
    }
}

#[test]
fn rooms_and_offsets_of_an_event_can_be_read() {
    let event = event(5, 3, &["chat:7", "", "user:Zoë"], "body");
    assert_eq!(event.rooms().collect::<Vec<_>>(), ["chat:7", "", "user:Zoë"]);
    assert_eq!((event.first(), event.last(), &event.body()[..]), (5, 7, &b"body"[..]));
}

#[test]
fn foreign_newer_and_cut_off_messages_are_skipped() {
    let bytes = encode(&envelope(Message::Heartbeat)).to_vec();
    let change = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        decode(bytes.into())
    };
    assert_eq!(change(0, b'{'), Err(DecodeError::Foreign));
    assert_eq!(change(2, VERSION + 1), Err(DecodeError::Version));
    assert_eq!(change(3, 200), Err(DecodeError::Kind));
    assert_eq!(decode(Bytes::new()), Err(DecodeError::Foreign));
    for message in messages() {
        let bytes = encode(&envelope(message));
        for cut in MAGIC.len()..bytes.len() {
            assert_eq!(decode(bytes.slice(..cut)), Err(DecodeError::Malformed), "cut to {cut}");
        }
        let longer: Vec<u8> = bytes.iter().copied().chain([0]).collect();
        assert_eq!(decode(longer.into()), Err(DecodeError::Malformed), "a byte behind the end");
    }
}

#[test]
fn false_numbers_are_malformed() {
    for (name, numbers) in [("an offset of 0", &[1, 0, 1][..]), ("no offsets", &[1, 5, 0]), ("too many offsets", &[1, 5, 1 << 21])] {
        let mut buffer = bytes::BytesMut::from(&encode(&envelope(Message::Events(Vec::new())))[..]);
        buffer.truncate(buffer.len() - 1);
        numbers.iter().for_each(|number| varint::put_number(&mut buffer, *number));
        // An empty list of rooms, and an empty body.
        buffer.extend_from_slice(&[1, 0, 0]);
        assert_eq!(decode(buffer.freeze()), Err(DecodeError::Malformed), "{name}");
    }
}

/// Decodes a message. What is accepted can be encoded and read again, and is not larger than its bytes allow.
fn check(bytes: Vec<u8>) -> bool {
    let length = bytes.len();
    let Ok(decoded) = decode(bytes.into()) else { return false };
    if let Message::Events(events) = &decoded.message {
        assert!(events.windows(2).all(|pair| pair[0].last() < pair[1].first()), "offsets ascend");
        assert!(events.iter().flat_map(EventFrame::rooms).count() <= length);
    }
    assert_eq!(decode(encode(&decoded)), Ok(decoded));
    true
}

#[test]
fn mutated_messages_never_panic_the_decoder() {
    let originals: Vec<Vec<u8>> = messages().into_iter().map(|message| encode(&envelope(message)).to_vec()).collect();
    for seed in 0..4 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut accepted = 0;
        for _ in 0..MUTATIONS {
            let mut bytes = originals.choose(&mut random).cloned().unwrap_or_default();
            for _ in 0..random.random_range(1..4) {
                mutate(&mut bytes, &originals, &mut random);
            }
            accepted += usize::from(check(bytes));
        }
        assert!(accepted > 0, "some mutations hit a body only, so the check above runs");
    }
}

fn mutate(bytes: &mut Vec<u8>, originals: &[Vec<u8>], random: &mut StdRng) {
    if bytes.is_empty() {
        return bytes.push(random.random());
    }
    let at = random.random_range(0..bytes.len());
    match random.random_range(0..6) {
        0 => bytes[at] ^= 1 << random.random_range(0..8),
        1 => bytes[at] = random.random(),
        2 => bytes.truncate(at),
        3 => bytes.insert(at, [0, 0x7f, 0x80, 0xff][random.random_range(0..4)]),
        4 => drop(bytes.remove(at)),
        _ => {
            let other = originals.choose(random).map_or(&[][..], Vec::as_slice);
            let from = random.random_range(0..=other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
    }
}

#[test]
fn random_bytes_never_panic_the_decoder() {
    let mut random = StdRng::seed_from_u64(9);
    let header = encode(&envelope(Message::Heartbeat));
    for _ in 0..MUTATIONS {
        let mut bytes = header.to_vec();
        bytes[3] = random.random_range(0..10);
        let length = random.random_range(0..64);
        bytes.extend((0..length).map(|_| random.random::<u8>()));
        check(bytes);
    }
}
