//! Responses to long-polling requests.

use wire::engineio::Version;
use wire::engineio::payload::Encoder;
use wire::websocket::{Frames, Opcode};

use super::{Shard, Transport};
use crate::app::App;
use crate::shard_request::{PollResponse, Responder};

impl<A: App> Shard<A> {
    /// Answers a waiting GET with one packet.
    pub(crate) fn respond_with_packet(version: Version, get: Responder, packet: &str) {
        let mut payload = Encoder::new(version, false);
        payload.push_text(packet);
        let (body, content_type) = payload.finish();
        let _ = get.send(PollResponse::Payload(body.into(), content_type));
    }

    /// Answers a waiting GET with all messages that wait for this client. Without a GET or without messages it does nothing.
    pub(crate) fn respond_to_poll(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        let Transport::Polling(polling) = &mut connection.transport else { return };
        if connection.outbox.is_empty() {
            return;
        }
        let Some(get) = polling.get.take() else { return };
        let mut payload = Encoder::new(connection.version, connection.base64);
        while let Some(frames) = connection.outbox.pop(&mut self.spare) {
            for (opcode, bytes) in Frames::new(&frames) {
                match (opcode, connection.version) {
                    // Only whole text packets are ever put into an outbox, so this is always UTF-8.
                    (Opcode::Text, _) => payload.push_text(&String::from_utf8_lossy(bytes)),
                    // On a version 3 WebSocket a binary has a type byte, which the payload writes by itself.
                    (Opcode::Binary, Version::V3) => payload.push_binary(&bytes[1..]),
                    (Opcode::Binary, Version::V4) => payload.push_binary(bytes),
                    _ => {}
                }
            }
        }
        let (body, content_type) = payload.finish();
        let _ = get.send(PollResponse::Payload(body.into(), content_type));
        self.note_outbox(slot);
        if self.connections[slot as usize].catching_up > 0 {
            self.mark_for_flush(slot);
        }
    }
}
