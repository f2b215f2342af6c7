//! Ends of sockets and connections. The application or the engine requests them, and `Worker::reap` carries them out after the
//! application's turn.

use super::{ConnectionKey, EncodedPacket, Shard, SocketKey};
use crate::app::{App, DisconnectReason};
use crate::encoding::Format;

/// How a connection's transport is brought to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum CloseAction {
    /// Drop the connection: the client has disconnected, or must not receive any more messages.
    Drop,
    /// A close frame with this code (0: without one) and reason, then wait for the client's; long-polling: a close packet.
    CloseFrame(u16, String),
}

/// A socket or connection that ends when the application's turn is over; `Worker::reap` carries out all ends.
#[derive(Debug)]
pub(crate) enum PendingClose {
    Socket(SocketKey, DisconnectReason),
    Connection(ConnectionKey, DisconnectReason, CloseAction),
}

impl<A: App> Shard<A> {
    /// Ends a socket, whose client receives DISCONNECT, or with `close` its whole connection.
    pub fn disconnect(&mut self, key: SocketKey, close: bool) {
        let Some(socket) = self.socket(key) else { return };
        let (encoding, connection) = (socket.encoding, socket.connection);
        if socket.is_socketio() && socket.data.is_some() {
            self.send_packet(connection, encoding, |nsp, format| match format {
                Format::MsgPack => EncodedPacket::Binary(wire::socketio::msgpack::disconnect(nsp)),
                _ => EncodedPacket::Text(wire::socketio::json::disconnect(nsp)),
            });
        }
        self.pending_closes.push(PendingClose::Socket(key, DisconnectReason::ServerNamespaceDisconnect));
        if close {
            self.end_connection(connection, DisconnectReason::ForcedServerClose, CloseAction::CloseFrame(0, String::new()));
        }
    }

    /// Closes a socket's whole connection with a WebSocket close code and reason, which the client of a plain endpoint receives.
    pub fn close(&mut self, key: SocketKey, code: u16, reason: &str) {
        let Some(connection) = self.socket(key).map(|socket| socket.connection) else { return };
        self.end_connection(connection, DisconnectReason::ForcedServerClose, CloseAction::CloseFrame(code, reason.to_owned()));
    }

    /// Ends all connections of this shard at once, without any further input or output. Clients reconnect, and may resume their sockets.
    pub fn drop_connections(&mut self) {
        let slots: Vec<u32> = self.connections.iter().map(|(slot, _)| slot as u32).collect();
        for slot in slots {
            self.end_connection(slot, DisconnectReason::ForcedClose, CloseAction::Drop);
        }
    }

    pub(crate) fn end_connection(&mut self, slot: u32, reason: DisconnectReason, action: CloseAction) {
        let key = self.key_of(slot);
        self.pending_closes.push(PendingClose::Connection(key, reason, action));
    }

    /// Removes a socket and frees its slots in rooms.
    pub(crate) fn remove_socket(&mut self, slot: u32) {
        let encoding = self.sockets[slot as usize].encoding;
        for membership in std::mem::take(&mut self.sockets[slot as usize].memberships) {
            self.free_member_slot(membership.slot, encoding);
        }
        let socket = self.sockets.remove(slot as usize);
        if self.renamed.get(&socket.id) == Some(&slot) {
            self.renamed.remove(&socket.id);
        }
        if let Some(connection) = self.connections.get_mut(socket.connection as usize) {
            connection.sockets.retain(|other| *other != slot);
            connection.catching_up -= u8::from(socket.catch_up.is_some());
            if socket.paused {
                self.lift_pause(socket.connection);
            }
        }
    }
}
