//! Socket.IO packets: namespaces, events, acknowledgements.

use wire::engineio::Version;
use wire::socketio::{DecodeError, Packet, json, msgpack};

use super::Worker;
use crate::app::{Acknowledgement, App, Connect, DisconnectReason, Event};
use crate::encoding::{Format, Namespace};
use crate::id::MAX_SLOTS;
use crate::shard::{CloseAction, ConnectionKey, PendingAttachments, PendingClose, SocketKey};

/// The most bytes of the query that a client of Socket.IO 2 appends to a namespace in CONNECT. A longer one is answered with CONNECT_ERROR.
const MAX_CONNECT_QUERY: usize = 4096;

/// The most memory of a packet with all its attachments, as a multiple of the largest message. Beyond, the connection is closed.
const MAX_ATTACHED: usize = 4;

impl<A: App> Worker<A> {
    /// Handles an Engine.IO text message.
    pub(super) fn socketio_text(&mut self, key: ConnectionKey, text: &str) {
        if self.shard.config.parser == Format::MsgPack || self.shard.connections[key.slot as usize].pending_attachments.is_some() {
            return self.broken(key);
        }
        match json::decode(text) {
            // Attachments are kept only for accepted sockets.
            Ok(Packet::Event { attachments, nsp, .. } | Packet::Ack { attachments, nsp, .. })
                if attachments > 0 && self.joined(key, nsp).is_some() =>
            {
                let pending_attachments = PendingAttachments { text: text.to_owned(), expected: attachments, attachments: Vec::new() };
                self.shard.connections[key.slot as usize].pending_attachments = Some(Box::new(pending_attachments));
            }
            decoded => self.decoded(key, decoded, &[]),
        }
    }

    /// Handles an Engine.IO binary message: an attachment, or a whole msgpack packet.
    pub(super) fn socketio_binary(&mut self, key: ConnectionKey, bytes: Vec<u8>) {
        if self.shard.config.parser == Format::MsgPack {
            let (mut json, mut attachments) = (String::new(), Vec::new());
            return match msgpack::decode(&bytes, &mut json, &mut attachments) {
                Ok(packet) => self.decoded(key, Ok(packet), &attachments),
                Err(_) => self.broken(key),
            };
        }
        let slot = &mut self.shard.connections[key.slot as usize].pending_attachments;
        let Some(pending_attachments) = slot else { return self.broken(key) };
        let most = self.shard.config.max_payload.saturating_mul(MAX_ATTACHED);
        if pending_attachments.bytes() + bytes.len() > most {
            return self.broken(key);
        }
        pending_attachments.attachments.push(bytes);
        if pending_attachments.attachments.len() == pending_attachments.expected
            && let Some(whole) = slot.take()
        {
            self.decoded(key, json::decode(&whole.text), &whole.attachments);
        }
    }

    fn decoded(&mut self, key: ConnectionKey, packet: Result<Packet<'_>, DecodeError>, attachments: &[Vec<u8>]) {
        match packet {
            Ok(Packet::Connect { nsp, auth }) => self.connect(key, nsp, auth),
            Ok(Packet::Event { nsp, id, event, .. }) => match (self.joined(key, nsp), event) {
                (Some(socket), Some(event)) => {
                    let event = Event { name: &event.name, args: event.args, attachments, ack: id };
                    self.app.event(&mut self.shard, socket, event);
                }
                (Some(_), None) => {}
                (None, _) => self.broken(key),
            },
            Ok(Packet::Ack { nsp, id, args, .. }) => match self.joined(key, nsp) {
                Some(socket) => {
                    let pending_acks = self.shard.socket_mut(socket).and_then(|socket| socket.pending_acks.as_mut());
                    let known = pending_acks.zip(id).and_then(|(pending_acks, id)| pending_acks.take(id));
                    if let Some(id) = known {
                        self.app.acknowledged(&mut self.shard, socket, Acknowledgement { id, args, attachments });
                    }
                }
                None => self.broken(key),
            },
            Ok(Packet::Disconnect { nsp }) => match self.joined(key, nsp) {
                Some(socket) => self.shard.pending_closes.push(PendingClose::Socket(socket, DisconnectReason::ClientNamespaceDisconnect)),
                None => self.broken(key),
            },
            Ok(Packet::ConnectError { .. }) | Err(_) => self.broken(key),
        }
    }

    /// Handles a CONNECT packet. A second one for the same namespace is a protocol error.
    pub(super) fn connect(&mut self, key: ConnectionKey, nsp: &str, auth: Option<&str>) {
        // Clients of Socket.IO 2 may append a query to the name, which is their auth object.
        let v2 = self.shard.connections[key.slot as usize].version == Version::V3;
        let (name, query) = if v2 { nsp.split_once('?').unwrap_or((nsp, "")) } else { (nsp, "") };
        if query.len() > MAX_CONNECT_QUERY {
            let error = format!(r#""The query of a namespace has at most {MAX_CONNECT_QUERY} bytes""#);
            return self.send_rejection(key, name, &error);
        }
        let query = (!query.is_empty()).then(|| crate::http::query_to_json(query));
        let known = self.shard.config.namespaces.iter().position(|known| known == name);
        let Some(index) = known else { return self.reject_unknown(key, nsp) };
        let namespace = Namespace(index as u8);
        if self.in_namespace(key, namespace).is_some() {
            return self.broken(key);
        }
        let Some(socket) = self.add_socket(key, namespace) else { return self.broken(key) };
        self.app.connect(&mut self.shard, socket, Connect { namespace, auth: auth.or(query.as_deref()).unwrap_or("{}") });
    }

    /// Rejects a namespace that does not exist. If a client requests many of them, the application may close its connection.
    fn reject_unknown(&mut self, key: ConnectionKey, nsp: &str) {
        let connection = &mut self.shard.connections[key.slot as usize];
        let judged = connection.handshake.as_deref_mut().map_or(Ok(()), |handshake| self.app.connect_unknown(handshake));
        if let Err(rejection) = judged {
            let action = CloseAction::CloseFrame(rejection.code.unwrap_or_default(), rejection.message);
            return self.shard.pending_closes.push(PendingClose::Connection(key, DisconnectReason::ForcedServerClose, action));
        }
        self.send_rejection(key, nsp, r#"{"message":"Invalid namespace"}"#);
    }

    /// Sends CONNECT_ERROR for a namespace of this name, with these data as JSON.
    fn send_rejection(&mut self, key: ConnectionKey, nsp: &str, data: &str) {
        let encoding = self.shard.encoding(&self.shard.connections[key.slot as usize], Namespace::PLAIN);
        self.shard.send_packet(key.slot, encoding, |_, format| match format {
            Format::MsgPack => crate::shard::EncodedPacket::Binary(msgpack::connect_error(nsp, data)),
            _ => crate::shard::EncodedPacket::Text(json::connect_error(nsp, data)),
        });
    }

    /// Makes a socket that the application has still to accept. `None` if the shard has [`MAX_SLOTS`] sockets.
    pub(super) fn add_socket(&mut self, key: ConnectionKey, namespace: Namespace) -> Option<SocketKey> {
        if self.shard.sockets.len() >= MAX_SLOTS {
            return None;
        }
        let connection = &self.shard.connections[key.slot as usize];
        // A client of Socket.IO 2 uses its session's id as its socket's id.
        let inherited = (connection.version == Version::V3 && namespace == Namespace(0)).then_some(connection.id);
        Some(self.shard.insert_socket(key.slot, namespace, inherited))
    }

    fn in_namespace(&self, key: ConnectionKey, namespace: Namespace) -> Option<SocketKey> {
        let sockets = &self.shard.connections[key.slot as usize].sockets;
        let slot = *sockets.iter().find(|&&slot| self.shard.sockets[slot as usize].encoding.namespace == namespace)?;
        Some(SocketKey::new(self.shard.index, slot, self.shard.sockets[slot as usize].generation))
    }

    /// The accepted socket of a namespace.
    fn joined(&self, key: ConnectionKey, nsp: &str) -> Option<SocketKey> {
        let index = self.shard.config.namespaces.iter().position(|known| known == nsp)?;
        let socket = self.in_namespace(key, Namespace(index as u8))?;
        self.shard.sockets[socket.slot() as usize].data.is_some().then_some(socket)
    }

    /// Ends the whole connection with a close, because the client broke the Socket.IO protocol.
    fn broken(&mut self, key: ConnectionKey) {
        self.shard.pending_closes.push(PendingClose::Connection(
            key,
            DisconnectReason::ForcedServerClose,
            CloseAction::CloseFrame(0, String::new()),
        ));
    }
}
