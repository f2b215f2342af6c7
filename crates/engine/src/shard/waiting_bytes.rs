//! Counts the bytes that wait in a connection: incomplete input, and output that its client does not read. The application sums them, and
//! may reject more. A connection in which nothing waits for longer than a turn costs nothing here.

use super::{CloseAction, ConnectionKey, PendingClose, Shard, SocketKey, Transport};
use crate::app::{App, DisconnectReason};
use crate::outbox::Outbox;

/// The most input of a connection before one of its sockets is accepted, in bytes: a connection request, with its token, has to fit.
const MAX_INPUT_BEFORE_ACCEPTED: usize = 16 * 1024;

/// Less input than this is not counted: the rest of one read is mostly handled with the next.
const MIN_COUNTED_INPUT: usize = 2 * 1024;

/// Less output than this is not counted.
pub(super) const MIN_COUNTED_OUTPUT: usize = 16 * 1024;

/// Counts are rounded up to a multiple of this.
const REPORT_GRANULARITY: usize = 4 * 1024;

/// The close code and reason for a connection in which too many bytes wait.
const TOO_MUCH: (u16, &str) = (1013, "too much data waits");

/// The application's reference to a connection. It is invalid once the connection has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionRef(ConnectionKey);

/// The last counts of a connection.
#[derive(Default, Debug)]
pub(crate) struct WaitingBytes {
    /// The bytes of the outbox when its memory was measured last,
    outbox: usize,
    /// and its memory then.
    output: usize,
    /// The number that the application received last.
    counted: usize,
}

impl WaitingBytes {
    /// The memory of an outbox. It is measured again when the bytes have doubled or halved, so each message costs next to no time.
    fn measure(&mut self, outbox: &Outbox) -> usize {
        let bytes = outbox.bytes();
        if bytes < MIN_COUNTED_OUTPUT {
            (self.outbox, self.output) = (0, 0);
        } else if bytes >= 2 * self.outbox || bytes <= self.outbox / 2 {
            (self.outbox, self.output) = (bytes, outbox.memory_bytes());
        }
        self.output
    }
}

impl<A: App> Shard<A> {
    /// The most bytes of one message of a connection.
    pub(crate) fn max_input(&self, slot: u32) -> usize {
        let max_payload = self.config.max_payload;
        if self.connections[slot as usize].accepted { max_payload } else { max_payload.min(MAX_INPUT_BEFORE_ACCEPTED) }
    }

    /// Counts the bytes that wait in a connection, if they have changed. The inputs are the connection, and the function that receives the number;
    /// see [`App::waiting_bytes_changed`].
    pub(crate) fn count_waiting(&mut self, key: ConnectionKey, count: impl FnOnce(&mut Self, ConnectionRef, usize) -> bool) {
        let Some(connection) = self.connections.get_mut(key.slot as usize).filter(|known| known.generation == key.generation) else {
            return;
        };
        let buffered = match &connection.transport {
            Transport::WebSocket(socket) => socket.reader.buffered_bytes(),
            Transport::Polling(_) => 0,
        };
        let input = buffered + connection.pending_attachments.as_ref().map_or(0, |pending_attachments| pending_attachments.bytes());
        if connection.waiting.is_none() && input < MIN_COUNTED_INPUT && connection.outbox.bytes() < MIN_COUNTED_OUTPUT {
            return;
        }
        let waiting = connection.waiting.get_or_insert_default();
        let input = if input < MIN_COUNTED_INPUT { 0 } else { input };
        let bytes = (input + waiting.measure(&connection.outbox)).next_multiple_of(REPORT_GRANULARITY);
        let before = waiting.counted;
        if bytes == 0 {
            connection.waiting = None;
        }
        // A smaller number is counted only when it is at most half of the last.
        if bytes == before || (bytes < before && bytes > before / 2) {
            return;
        }
        if count(self, ConnectionRef(key), bytes) {
            if let Some(waiting) = &mut self.connections[key.slot as usize].waiting {
                waiting.counted = bytes;
            }
        } else {
            self.end_waiting(key, CloseAction::CloseFrame(TOO_MUCH.0, TOO_MUCH.1.into()));
        }
    }

    /// Ends a connection in which too many bytes wait, without waiting for its client.
    pub fn drop_connection(&mut self, connection: ConnectionRef) {
        self.end_waiting(connection.0, CloseAction::Drop);
    }

    fn end_waiting(&mut self, key: ConnectionKey, action: CloseAction) {
        let Some(connection) = self.connections.get_mut(key.slot as usize).filter(|known| known.generation == key.generation) else {
            return;
        };
        if let Transport::WebSocket(socket) = &mut connection.transport {
            socket.reader = Default::default();
        }
        connection.pending_attachments = None;
        self.pending_closes.push(PendingClose::Connection(key, DisconnectReason::TooSlow, action));
    }

    /// The data that the gate made of a connection's first request.
    pub fn handshake_of(&mut self, connection: ConnectionRef) -> Option<&mut A::Handshake> {
        let known = self.connections.get_mut(connection.0.slot as usize)?;
        if known.generation == connection.0.generation { known.handshake.as_deref_mut() } else { None }
    }

    /// The first accepted socket of a connection.
    pub fn socket_of(&self, connection: ConnectionRef) -> Option<SocketKey> {
        let known = self.connections.get(connection.0.slot as usize).filter(|known| known.generation == connection.0.generation)?;
        let slot = *known.sockets.iter().find(|&&slot| self.sockets[slot as usize].data.is_some())?;
        Some(SocketKey::new(self.index, slot, self.sockets[slot as usize].generation))
    }
}

impl super::PendingAttachments {
    /// The memory that it takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let attachments: usize = self.attachments.iter().map(|attachment| attachment.capacity() + size_of::<Vec<u8>>()).sum();
        self.text.capacity() + attachments
    }
}
