//! Sending messages: to one socket, as an acknowledgement, and as a broadcast.

use std::rc::Rc;
use std::sync::Arc;

use wire::engineio::Version;
use wire::socketio::{EncodeError, check_args, json, msgpack};
use wire::websocket;

use super::{Shard, SocketKey};
use crate::app::App;
use crate::broadcast::Broadcast;
use crate::encode::{self, EventPacket, PositionSuffix, encode_message};
use crate::encoding::{Encoding, Format};
use crate::json::json_string;
use crate::message::OutboundMessage;
use crate::outbox::Frames;

impl<A: App> Shard<A> {
    /// Sends a message to one socket. No message is sent if the socket has ended, or is a socket of Socket.IO that is not accepted, because
    /// its client expects CONNECT first.
    pub fn emit(&mut self, key: SocketKey, message: &OutboundMessage) {
        let Some(socket) = self.socket(key).filter(|socket| socket.data.is_some() || !socket.is_socketio()) else { return };
        let (encoding, slot) = (socket.encoding, socket.connection);
        let mut out = std::mem::take(&mut self.scratch);
        encode_message(&mut out, message, encoding, &self.config.namespaces, PositionSuffix::IfMistaken(self.position_context_of(key)));
        self.send_scratch(slot, out);
    }

    /// Sends an event. Its acknowledgement is passed to [`App::acknowledged`] with the returned id. Returns `None`, and sends no event, if
    /// `saying` is not an event, or the socket is not an accepted one of Socket.IO. A socket awaits at most 1,024 acknowledgements: with
    /// the next event the oldest one is no longer awaited, and is ignored if it arrives.
    pub fn emit_with_ack(&mut self, key: SocketKey, message: &OutboundMessage) -> Option<u64> {
        let OutboundMessage::Event { name, args, attachments } = message else { return None };
        let id = self.ack_ids;
        let socket = self.socket_mut(key).filter(|socket| socket.data.is_some() && socket.is_socketio())?;
        socket.pending_acks.get_or_insert_default().add(id);
        let (encoding, slot) = (socket.encoding, socket.connection);
        self.ack_ids += 1;
        let mut out = std::mem::take(&mut self.scratch);
        // The event has no position: clients look for one only in events that they do not acknowledge.
        let nsp = self.namespace_name(encoding.namespace);
        encode::encode_event(&mut out, &EventPacket { nsp, id: Some(id), name, args, attachments }, encoding);
        self.send_scratch(slot, out);
        Some(id)
    }

    /// Acknowledges a client's event. `args` are raw JSON values separated by commas, with placeholders for attachments.
    ///
    /// # Errors
    /// If the client would reject it: arguments that are not JSON, too many attachments, or a placeholder without an attachment. Nothing is
    /// sent then.
    pub fn ack(&mut self, key: SocketKey, id: u64, args: &str, attachments: &[Vec<u8>]) -> Result<(), EncodeError> {
        check_args(args, attachments.len())?;
        let Some(socket) = self.socket(key).filter(|socket| socket.data.is_some() && socket.is_socketio()) else { return Ok(()) };
        let (encoding, slot) = (socket.encoding, socket.connection);
        let mut out = std::mem::take(&mut self.scratch);
        let nsp = self.namespace_name(encoding.namespace);
        if encoding.format == Format::MsgPack {
            let attachments: Vec<&[u8]> = attachments.iter().map(Vec::as_slice).collect();
            encode::binary(&mut out, &msgpack::ack(nsp, id, args, &attachments), encoding);
        } else {
            encode::text(&mut out, json::ack(nsp, id, attachments.len(), args).as_bytes(), encoding);
            encode::binaries(&mut out, attachments, encoding);
        }
        self.send_scratch(slot, out);
        Ok(())
    }

    /// Publishes a broadcast to all shards. It takes its place in the order of all broadcasts when this turn of the application ends;
    /// messages that are emitted to a single socket until then reach that socket first.
    pub fn broadcast(&mut self, broadcast: Broadcast) {
        self.outgoing.push(Arc::new(broadcast));
    }

    /// Puts whole frames into a connection's outbox.
    pub(crate) fn send(&mut self, slot: u32, frames: Frames) {
        self.connections[slot as usize].outbox.push(frames, &mut self.spare);
        self.mark_for_flush(slot);
    }

    pub(crate) fn send_connect_error(&mut self, slot: u32, encoding: Encoding, message: &str, data: Option<&str>) {
        let message = json_string(message);
        let v2 = self.connections[slot as usize].version == Version::V3;
        let error = match data {
            // A client of Socket.IO 2 receives the data, or the message alone.
            Some(data) if v2 => data.to_owned(),
            None if v2 => message,
            Some(data) => format!(r#"{{"message":{message},"data":{data}}}"#),
            None => format!(r#"{{"message":{message}}}"#),
        };
        self.send_packet(slot, encoding, |nsp, format| match format {
            Format::MsgPack => EncodedPacket::Binary(msgpack::connect_error(nsp, &error)),
            _ => EncodedPacket::Text(json::connect_error(nsp, &error)),
        });
    }

    /// Sends one Socket.IO packet without attachments.
    pub(crate) fn send_packet(&mut self, slot: u32, encoding: Encoding, packet: impl FnOnce(&str, Format) -> EncodedPacket) {
        let mut out = std::mem::take(&mut self.scratch);
        match packet(self.namespace_name(encoding.namespace), encoding.format) {
            EncodedPacket::Text(text) => encode::text(&mut out, text.as_bytes(), encoding),
            EncodedPacket::Binary(bytes) => encode::binary(&mut out, &bytes, encoding),
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
        // One large message must not keep its memory for ever.
        if out.capacity() <= 1 << 16 {
            self.scratch = out;
        }
    }
}

/// A packet in one of the two formats.
pub(crate) enum EncodedPacket {
    Text(String),
    Binary(Vec<u8>),
}
