//! Engine.IO packets of an open session.

use std::borrow::Cow;

use wire::engineio::{self, EnginePacket, Version};

use super::Worker;
use crate::app::{App, DisconnectReason};
use crate::config::Protocol;
use crate::shard::{CloseAction, ConnectionKey, PendingClose, SocketKey};

impl<A: App> Worker<A> {
    /// A text message on a WebSocket.
    pub(super) fn engine_text(&mut self, key: ConnectionKey, text: &str) {
        let version = self.shard.connections[key.slot as usize].version;
        match engineio::decode(text, version) {
            Ok(packet) => self.packet(key, packet),
            Err(_) => self.violation(key, DisconnectReason::ParseError),
        }
    }

    /// A binary message on a WebSocket.
    pub(super) fn engine_binary(&mut self, key: ConnectionKey, bytes: &[u8]) {
        let version = self.shard.connections[key.slot as usize].version;
        match engineio::decode_binary(bytes, version) {
            Ok(packet) => self.packet(key, packet),
            Err(_) => self.violation(key, DisconnectReason::ParseError),
        }
    }

    pub(super) fn packet(&mut self, key: ConnectionKey, packet: EnginePacket<'_>) {
        let connection = &self.shard.connections[key.slot as usize];
        let (version, slot) = (connection.version, key.slot);
        let protocol = self.shard.config.endpoints[connection.endpoint as usize].protocol;
        match packet {
            EnginePacket::Ping(_) if version == Version::V3 => {
                self.shard.send_text(slot, "3");
                self.shard.restart_heartbeat(slot);
            }
            // In version 4 only the server sends pings.
            EnginePacket::Ping(_) => self.violation(key, DisconnectReason::TransportError),
            EnginePacket::Pong(_) if version == Version::V4 => self.shard.ponged(slot),
            EnginePacket::Close => {
                self.shard.pending_closes.push(PendingClose::Connection(
                    key,
                    DisconnectReason::TransportClose,
                    CloseAction::CloseFrame(0, String::new()),
                ));
            }
            EnginePacket::Message(text) if protocol == Protocol::EngineIo => self.plain_text(key, text),
            EnginePacket::Binary(bytes) if protocol == Protocol::EngineIo => self.plain_binary(key, &bytes),
            EnginePacket::Message(text) => self.socketio_text(key, text),
            EnginePacket::Binary(Cow::Borrowed(bytes)) => self.socketio_binary(key, bytes.to_vec()),
            EnginePacket::Binary(Cow::Owned(bytes)) => self.socketio_binary(key, bytes),
            EnginePacket::Pong(_) | EnginePacket::Open(_) | EnginePacket::Upgrade | EnginePacket::Noop => {}
        }
    }

    /// Passes a text message without Socket.IO to the application.
    pub(super) fn plain_text(&mut self, key: ConnectionKey, text: &str) {
        if let Some(socket) = self.only_socket(key) {
            self.app.text(&mut self.shard, socket, text);
        }
    }

    /// Passes a binary message without Socket.IO to the application.
    pub(super) fn plain_binary(&mut self, key: ConnectionKey, bytes: &[u8]) {
        if let Some(socket) = self.only_socket(key) {
            self.app.binary(&mut self.shard, socket, bytes);
        }
    }

    fn only_socket(&self, key: ConnectionKey) -> Option<SocketKey> {
        let slot = *self.shard.connections[key.slot as usize].sockets.first()?;
        Some(SocketKey::new(self.shard.index, slot, self.shard.sockets[slot as usize].generation))
    }

    /// The client broke the Engine.IO protocol: the session ends at once.
    pub(super) fn violation(&mut self, key: ConnectionKey, reason: DisconnectReason) {
        self.shard.pending_closes.push(PendingClose::Connection(key, reason, CloseAction::CloseFrame(1002, reason.as_str().to_owned())));
    }
}
