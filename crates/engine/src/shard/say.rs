//! Saying something: to one socket, in answer to one, and to many.

use std::rc::Rc;
use std::sync::Arc;

use wire::engineio::Version;
use wire::socketio::{json, msgpack};
use wire::websocket;

use super::{Shard, SocketKey};
use crate::app::App;
use crate::broadcast::{self, Broadcast, Saying, Stamp, encode_saying};
use crate::outbox::Frames;
use crate::voice::{Format, Voice};

impl<A: App> Shard<A> {
    /// Says something to one socket.
    pub fn emit(&mut self, key: SocketKey, saying: &Saying) {
        let Some(socket) = self.socket(key) else { return };
        let (voice, slot) = (socket.voice, socket.connection);
        let mut out = std::mem::take(&mut self.scratch);
        encode_saying(&mut out, saying, voice, &self.config.namespaces, Stamp::IfMistaken(self.stamps()));
        self.send_scratch(slot, out);
    }

    /// The same as an event whose answer comes to [`App::acknowledged`] under the id that is given back.
    pub fn emit_with_ack(&mut self, key: SocketKey, name: &str, args: &str) -> Option<u64> {
        let id = self.ack_ids;
        let socket = self.socket_mut(key)?;
        socket.awaited.get_or_insert_default().0.push(id);
        let (voice, slot) = (socket.voice, socket.connection);
        self.ack_ids += 1;
        self.send_packet(slot, voice, |nsp, format| match format {
            Format::MsgPack => Encoded::Binary(msgpack::event(nsp, Some(id), name, args, &[])),
            _ => Encoded::Text(json::event(nsp, Some(id), 0, name, args)),
        });
        Some(id)
    }

    /// Answers a client's event. `args` are raw JSON values joined by commas, attachments as placeholders.
    pub fn ack(&mut self, key: SocketKey, id: u64, args: &str, attachments: &[Vec<u8>]) {
        let Some(socket) = self.socket(key) else { return };
        let (voice, slot) = (socket.voice, socket.connection);
        let mut out = std::mem::take(&mut self.scratch);
        let nsp = self.namespace_name(voice.namespace);
        if voice.format == Format::MsgPack {
            let attachments: Vec<&[u8]> = attachments.iter().map(Vec::as_slice).collect();
            broadcast::binary(&mut out, &msgpack::ack(nsp, id, args, &attachments), voice);
        } else {
            broadcast::text(&mut out, json::ack(nsp, id, attachments.len(), args).as_bytes(), voice);
            broadcast::binaries(&mut out, attachments, voice);
        }
        self.send_scratch(slot, out);
    }

    /// Says something to many, on every shard. It takes its place in the order of all broadcasts when this turn of the application ends;
    /// what is emitted to a single socket until then reaches that socket first.
    pub fn broadcast(&mut self, broadcast: Broadcast) {
        self.outgoing.push(Arc::new(broadcast));
    }

    /// Puts whole frames into a connection's outbox.
    pub(crate) fn send(&mut self, slot: u32, frames: Frames) {
        self.connections[slot as usize].outbox.push(frames, &mut self.spare);
        self.after_push(slot);
    }

    pub(crate) fn send_connect_error(&mut self, slot: u32, voice: Voice, message: &str, data: Option<&str>) {
        let message = json_string(message);
        let v2 = self.connections[slot as usize].version == Version::V3;
        let error = match data {
            // A client of Socket.IO 2 is given the data, or the message alone.
            Some(data) if v2 => data.to_owned(),
            None if v2 => message,
            Some(data) => format!(r#"{{"message":{message},"data":{data}}}"#),
            None => format!(r#"{{"message":{message}}}"#),
        };
        self.send_packet(slot, voice, |nsp, format| match format {
            Format::MsgPack => Encoded::Binary(msgpack::connect_error(nsp, &error)),
            _ => Encoded::Text(json::connect_error(nsp, &error)),
        });
    }

    /// Sends one Socket.IO packet without attachments.
    pub(crate) fn send_packet(&mut self, slot: u32, voice: Voice, packet: impl FnOnce(&str, Format) -> Encoded) {
        let mut out = std::mem::take(&mut self.scratch);
        match packet(self.namespace_name(voice.namespace), voice.format) {
            Encoded::Text(text) => broadcast::text(&mut out, text.as_bytes(), voice),
            Encoded::Binary(bytes) => broadcast::binary(&mut out, &bytes, voice),
        }
        self.send_scratch(slot, out);
    }

    /// Sends an Engine.IO text packet, or a control frame's bytes as they are.
    pub(crate) fn send_text(&mut self, slot: u32, text: &str) {
        let mut out = std::mem::take(&mut self.scratch);
        websocket::encode(&mut out, websocket::Opcode::Text, text.as_bytes());
        self.send_scratch(slot, out);
    }

    pub(crate) fn send_scratch(&mut self, slot: u32, mut out: Vec<u8>) {
        if !out.is_empty() {
            self.send(slot, Rc::from(&out[..]));
        }
        out.clear();
        // One large message must not be remembered for ever.
        if out.capacity() <= 1 << 16 {
            self.scratch = out;
        }
    }
}

/// A packet in one of the two formats.
pub(crate) enum Encoded {
    Text(String),
    Binary(Vec<u8>),
}

/// A text as a JSON string literal.
pub(crate) fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
