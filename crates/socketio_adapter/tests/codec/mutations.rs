//! Seeded mutations of recorded messages, and random bytes: each gives a message or an error, and no panic. A message that is decoded can be
//! encoded again.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngCore, SeedableRng};
use socketio_adapter::codec::{MessageText, broadcast, request, response};

use super::recorded::messages;

const ROUNDS: usize = 60_000;

#[test]
fn mutated_messages_cause_no_panic() {
    let seed = 20_261_130;
    let mut dice = StdRng::seed_from_u64(seed);
    let recorded: Vec<Vec<u8>> = messages().into_iter().map(|message| message.bytes).collect();
    let (mut accepted, mut rejected) = (0, 0);
    for _ in 0..ROUNDS {
        let bytes = if dice.random_bool(0.05) { random(&mut dice) } else { mutated(recorded.choose(&mut dice).unwrap(), &mut dice) };
        if check(&bytes) {
            accepted += 1;
        } else {
            rejected += 1;
        }
    }
    assert!(accepted > ROUNDS / 30 && rejected > ROUNDS / 10, "{accepted} accepted, {rejected} rejected");
}

#[test]
fn truncated_messages_cause_no_panic() {
    for message in messages() {
        for length in 0..message.bytes.len() {
            check(&message.bytes[..length]);
        }
    }
}

/// Decodes bytes as each kind of message. Returns whether one of them accepts the bytes.
fn check(bytes: &[u8]) -> bool {
    let mut is_accepted = false;
    if let Ok(message) = broadcast::decode(bytes) {
        is_accepted = true;
        let encoded = broadcast::encode(&message.uid, &message.namespace, &message.broadcast).unwrap();
        assert_eq!(broadcast::decode(&encoded).unwrap().broadcast.to, message.broadcast.to);
    }
    if let Ok(message) = request::decode(bytes) {
        is_accepted = true;
        // Events for servers may have a name that is reserved in events for clients; those are not encoded.
        if let Ok(encoded) = request::encode("u", message.id.as_deref(), "/", &message.request) {
            assert_eq!(request::decode(&encoded).unwrap().request.kind(), message.request.kind());
        }
    }
    let Ok(text) = MessageText::read(bytes) else { return is_accepted };
    if let Ok(response) = response::decode(&text) {
        is_accepted = true;
        let _ = (response.request_id(), response.socket_ids(), response.sockets(), response.rooms(), response.ack(), response.answer());
    }
    is_accepted
}

/// One to four small changes.
fn mutated(message: &[u8], dice: &mut StdRng) -> Vec<u8> {
    let mut bytes = message.to_vec();
    for _ in 0..dice.random_range(1..5) {
        let at = dice.random_range(0..=bytes.len());
        match dice.random_range(0..7) {
            0 => bytes.insert(at, dice.random()),
            1 => {
                bytes.insert(at, *b"\"\\{}[],:0-.eE\x00\x80\x90\xa0\xc0\xc1\xc4\xc7\xcb\xd6\xd9\xdc\xdd\xde\xdf\xff".choose(dice).unwrap())
            }
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 if at < bytes.len() => bytes[at] ^= 1 << dice.random_range(0..8),
            4 if at < bytes.len() => bytes[at] = dice.random(),
            // A piece of the message again, so that lengths and nesting change.
            5 => {
                let piece = bytes[at.saturating_sub(8)..at].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}

fn random(dice: &mut StdRng) -> Vec<u8> {
    let mut bytes = vec![0; dice.random_range(0..80)];
    dice.fill_bytes(&mut bytes);
    bytes
}
