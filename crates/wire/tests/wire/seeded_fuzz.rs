//! Runs the bodies of the fuzz targets on seeded noise: random bytes, and valid input with changes.

use crate::fuzz_targets::{engineio_payload, socketio_json, socketio_msgpack, websocket};
use crate::support::{Dice, frame, hex};

const ROUNDS: usize = 20_000;

fn run(body: fn(&[u8]), seeds: &[Vec<u8>]) {
    let mut dice = Dice(seeds.len() as u64);
    for seed in seeds {
        body(seed);
    }
    for round in 0..ROUNDS {
        let input = if round % 5 == 0 { dice.some_bytes(80) } else { mutated(seeds, &mut dice) };
        body(&input);
    }
}

/// One seed, or the beginning of one and the end of another, with a few changes.
fn mutated(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut input = seeds[dice.below(seeds.len())].clone();
    if dice.below(3) == 0 {
        let other = &seeds[dice.below(seeds.len())];
        input.truncate(dice.below(input.len() + 1));
        input.extend_from_slice(&other[dice.below(other.len() + 1)..]);
    }
    for _ in 0..dice.below(4) {
        let at = dice.below(input.len() + 1);
        match dice.below(5) {
            0 => input.insert(at, dice.next() as u8),
            1 => input.insert(at, dice.one_of(b"\"\\{}[],:-+.eE0123456789/_tfnu\x1e\xff\x00\x80\xc0")),
            2 if at < input.len() => {
                input.remove(at);
            }
            3 if at < input.len() => input[at] ^= 1 << dice.below(8),
            4 if at < input.len() => input[at] = dice.next() as u8,
            _ => input.truncate(at),
        }
    }
    input
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn websocket_frames() {
    let compressed = frame(0xc1, &hex("f248cdc9c90700"));
    let streams = [
        frame(0x81, b"Hello"),
        [frame(0x01, b"Hel"), frame(0x89, b"ping"), frame(0x80, b"lo"), frame(0x88, &hex("03e8"))].concat(),
        [compressed.clone(), frame(0x82, &[1; 130]), compressed.clone()].concat(),
        [frame(0x41, &hex("f248cd")), frame(0x80, &hex("c9c90700")), frame(0x82, b"")].concat(),
        frame(0xc2, &wire::websocket::deflate(&[b'x'; 4000], wire::websocket::Window::Full)),
        frame(0xc2, &wire::websocket::deflate(&Dice(3).bytes(300), wire::websocket::Window::Full)),
    ];
    let settings = [[7, 0], [3, 5], [6, 1], [4, 2]];
    let seeds: Vec<Vec<u8>> = streams.iter().flat_map(|stream| settings.map(|front| [&front[..], stream].concat())).collect();
    run(websocket, &seeds);
}

#[test]
fn engineio_payloads() {
    let seeds = texts(&[
        "\x004hello\x1ebAQIDBA==\x1e2\x1e3probe\x1e1",
        "\x044€\x1e0{\"sid\":\"x\"}\x1e5\x1e6",
        "\x016:4hello2:4€10:b4AQIDBA==1:2",
        "\x053:4𝄞0:2:4x6:2probe",
        "\x03\x00\x06\u{7f}4hello",
        "\x01d=6%3A4hello%5Cn&x=+",
    ]);
    let binary = [&b"\x03\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04"[..], b"\x07\x00\x01\x01\xff4xxxxxxxxxx\x01\x01\xff\x04"];
    run(engineio_payload, &[seeds, binary.map(<[u8]>::to_vec).to_vec()].concat());
}

#[test]
fn socketio_json_packets() {
    run(
        socketio_json,
        &texts(&[
            "0/admin,{\"token\":\"123\"}",
            "1/admin",
            "2/chat,12[\"message\",1,\"2\",{\"3\":[true,null,-1.5e+10]}]",
            "2[\"a\\u00e9\\\"\\n\", [ ] , { } ,1,2,3]",
            "3456[\"ok\",{\"a\":{\"b\":[[[]]]}}]",
            "44/random,{\"message\":\"Invalid namespace\"}",
            "52-/x,7[\"a\",{\"_placeholder\":true,\"num\":0},{\"b\":{\"num\":1,\"_placeholder\":true}}]",
            "61-8[{\"_placeholder\":true,\"num\":0}]",
        ]),
    );
}

#[test]
fn socketio_msgpack_packets() {
    let seeds = [
        "83a47479706500a46461746181a3736964a178a36e7370a12f",
        "84a47479706502a46461746194a16d01a13281a13391c3a76f7074696f6e7381a8636f6d7072657373c3a36e7370a12f",
        "84a47479706502a46461746192a16dc403010203a2696407a36e7370a12f",
        "84a47479706503a46461746191c0a26964cd012ca36e7370a12f",
        "83a47479706504a46461746181a76d657373616765b1496e76616c6964206e616d657370616365a36e7370a72f72616e646f6d",
        "83a47479706502a46461746193a16dd6ff00000000d7ff1d53530065e071c0a36e7370a12f",
        "83a47479706502a46461746193a16dcb3fb999999999999adc000201cfffffffffffffffffa36e7370a12f",
        "83a47479706502a46461746192a16d83a161d40000a162d700000000000000000001c2a36e7370a12f",
    ];
    run(socketio_msgpack, &seeds.map(hex));
}
