//! Messages of Node's adapter and emitter. `e2e/socketio-adapter/record-messages.js` writes the file.

use std::collections::BTreeSet;

use socketio_adapter::codec::{MessageText, broadcast, request, response};

/// A recorded message.
pub struct Recorded {
    /// `broadcast`, `request`, or `response`.
    pub kind: &'static str,
    pub channel: &'static str,
    pub bytes: Vec<u8>,
}

/// All of them.
pub fn messages() -> Vec<Recorded> {
    let lines = include_str!("recorded.txt").lines();
    lines
        .map(|line| {
            let mut parts = line.splitn(3, ' ');
            let (kind, channel, hex) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            Recorded { kind, channel, bytes: from_hex(hex) }
        })
        .collect()
}

pub fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

#[test]
fn recorded_broadcasts_are_encoded_to_the_same_bytes() {
    let mut compared = 0;
    for Recorded { kind, bytes, channel } in messages() {
        if kind != "broadcast" {
            continue;
        }
        let message = broadcast::decode(&bytes).unwrap();
        let event = message.broadcast.event.name.clone();
        assert_eq!(
            channel,
            socketio_adapter::channels::Channels::new("socket.io", &message.namespace, "").broadcast(&message.broadcast.to.rooms)
        );
        let encoded = broadcast::encode(&message.uid, &message.namespace, &message.broadcast).unwrap();
        // Emitters write the flags before the excepted rooms, and a date becomes a text.
        let is_same = message.uid != "emitter" && event != "date";
        if is_same {
            assert_eq!(encoded, bytes, "{event}");
            compared += 1;
        }
        assert_eq!(broadcast::decode(&encoded).unwrap(), message, "{event}");
    }
    assert_eq!(compared, 12);
}

#[test]
fn recorded_requests_are_encoded_to_the_same_bytes() {
    let mut kinds = BTreeSet::new();
    for Recorded { bytes, .. } in messages().into_iter().filter(|message| message.kind == "request") {
        let message = request::decode(&bytes).unwrap();
        kinds.insert(message.request.kind());
        // Emitters of joins send no uid, and every server of this crate has one.
        let Some(uid) = &message.uid else { continue };
        let namespace = message.namespace.as_deref().unwrap_or("/");
        let encoded = request::encode(uid, message.id.as_deref(), namespace, &message.request).unwrap();
        assert_eq!(encoded, bytes, "{}", String::from_utf8_lossy(&encoded));
    }
    // Only servers before version 7 of the adapter ask for the ids of sockets.
    assert_eq!(kinds, (1..=7).collect());
}

#[test]
fn recorded_responses_are_encoded_to_the_same_bytes() {
    let mut seen = 0;
    for Recorded { bytes, .. } in messages().into_iter().filter(|message| message.kind == "response") {
        let text = MessageText::read(&bytes).unwrap();
        let response = response::decode(&text).unwrap();
        let id = response.request_id().unwrap().to_owned();
        let encoded = if let Ok(ack) = response.ack() {
            match ack {
                response::AckResponse::ClientCount(count) => response::encode_client_count(&id, count),
                response::AckResponse::Ack(payload) => response::encode_ack(&id, &payload).unwrap(),
            }
        } else if let Ok(sockets) = response.sockets() {
            response::encode_sockets(&id, &sockets).unwrap()
        } else if let Ok(ids) = response.socket_ids() {
            response::encode_socket_ids(&id, &ids)
        } else if let Ok(rooms) = response.rooms() {
            response::encode_rooms(&id, &rooms)
        } else {
            response::encode_answer(&id, &response.answer().json).unwrap()
        };
        assert_eq!(encoded, bytes, "{}", String::from_utf8_lossy(&bytes));
        seen += 1;
    }
    assert_eq!(seen, 6);
}
