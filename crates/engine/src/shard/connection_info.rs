//! The state of connections, for operators.

use wire::engineio::Version;

use super::{Shard, SocketKey};
use crate::app::App;
use crate::config::Protocol;

/// The state of a socket's connection at one time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionInfo {
    /// The version of Engine.IO: 3 or 4. `None` for a plain WebSocket.
    pub engineio: Option<u8>,
    /// Whether permessage-deflate was negotiated.
    pub compresses: bool,
    /// The bytes that wait to be written to the client.
    pub outbox_bytes: usize,
    /// Whether the client has still to answer the last ping.
    pub awaits_pong: bool,
}

impl<A: App> Shard<A> {
    /// The state of a socket's connection. `None` if the socket has ended.
    pub fn connection_info(&self, key: SocketKey) -> Option<ConnectionInfo> {
        let connection = self.connections.get(self.socket(key)?.connection as usize)?;
        let is_plain =
            self.config.endpoints.get(usize::from(connection.endpoint)).is_some_and(|endpoint| endpoint.protocol == Protocol::Raw);
        let version = if connection.version == Version::V3 { 3 } else { 4 };
        Some(ConnectionInfo {
            engineio: (!is_plain).then_some(version),
            compresses: connection.deflate.is_some(),
            outbox_bytes: connection.outbox.bytes(),
            awaits_pong: connection.awaiting_pong,
        })
    }

    /// The accepted sockets whose slots are not below `slot`, in the order of their slots. A socket keeps its slot, so a list can continue after the slot
    /// of its last entry.
    pub fn sockets_from(&self, slot: u32) -> impl Iterator<Item = (u32, SocketKey)> {
        self.sockets().map(|key| (key.slot(), key)).filter(move |(known, _)| *known >= slot)
    }
}
