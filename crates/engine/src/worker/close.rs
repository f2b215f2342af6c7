//! Carries out the ends of sockets and connections, and notifies the application of the reason.

use std::time::Duration;

use wire::websocket;

use super::Worker;
use crate::app::{App, DisconnectReason};
use crate::shard::{CloseAction, ConnectionKey, PendingClose, Phase, PollingCloseState, Shard, SocketKey, Transport};
use crate::shard_request::PollResponse;

/// How long the server waits for a client's close frame, or for POSTs that the client sent before it read a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The most bytes of a close frame (RFC 6455 §5.5).
const MAX_CLOSE_FRAME_BYTES: usize = 2 + 125;

/// How long the server waits for the close frame of a client that reads slowly. Until then it keeps only the message that is being written
/// to that client.
const SLOW_CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a GET may arrive after the POST that closes its session.
const LATE_GET_TIMEOUT: Duration = Duration::from_millis(50);

/// How long a long-polling session that has ended waits for a GET to notify its client.
const LAST_POLL_TIMEOUT: Duration = Duration::from_secs(30);

/// The most WebSockets of one shard that were never accepted and wait for their client's close frame. Beyond, the one that waits longest is
/// dropped: its close frame is in the kernel's buffer already. So rejected connections cannot use up all descriptors.
pub(super) const MAX_REJECTED: usize = 512;

impl<A: App> Worker<A> {
    /// Carries out all ends that were requested, including those that the application requests during this call.
    pub(super) fn close_pending(&mut self) {
        while !self.shard.pending_closes.is_empty() {
            for close in std::mem::take(&mut self.shard.pending_closes) {
                match close {
                    PendingClose::Socket(key, reason) => self.end_socket(key, reason),
                    PendingClose::Connection(key, reason, action) => self.end_connection(key, reason, action),
                }
            }
        }
    }

    fn end_socket(&mut self, key: SocketKey, reason: DisconnectReason) {
        let Some(socket) = self.shard.socket(key) else { return };
        if socket.data.is_some() {
            self.app.disconnect(&mut self.shard, key, reason);
        }
        self.shard.remove_socket(key.slot());
    }

    fn end_connection(&mut self, key: ConnectionKey, reason: DisconnectReason, action: CloseAction) {
        if !self.shard.is_alive(key) {
            return;
        }
        let connection = &self.shard.connections[key.slot as usize];
        let is_rejected = !connection.accepted;
        match connection.phase {
            Phase::Closing if action == CloseAction::Drop => return self.remove(key),
            Phase::Closing => return,
            Phase::Probing(session) => self.forget_probe(session),
            Phase::Open => {
                for slot in connection.sockets.clone() {
                    let generation = self.shard.sockets[slot as usize].generation;
                    self.end_socket(SocketKey::new(self.shard.index, slot, generation), reason);
                }
            }
        }
        if reason == DisconnectReason::TooSlow {
            self.shard.counts.too_slow += 1;
        }
        match (&mut self.shard.connections[key.slot as usize].transport, action) {
            (Transport::WebSocket(_), CloseAction::CloseFrame(code, text)) if reason == DisconnectReason::TooSlow => {
                self.send_too_slow(key, code, &text)
            }
            (Transport::WebSocket(_), CloseAction::CloseFrame(code, reason)) if is_rejected => self.close_rejected(key, code, &reason),
            (Transport::WebSocket(_), CloseAction::CloseFrame(code, reason)) => self.send_close(key, code, &reason),
            (Transport::WebSocket(_), CloseAction::Drop) => self.remove(key),
            (Transport::Polling(_), action) => self.end_polling(key, reason, action),
        }
    }

    /// Sends a close frame instead of the pending output to a client with too much of it. The client has longer than others to read the
    /// frame.
    fn send_too_slow(&mut self, key: ConnectionKey, code: u16, reason: &str) {
        let outbox = &mut self.shard.connections[key.slot as usize].outbox;
        outbox.drop_unstarted(&mut self.shard.spare);
        // The message that is partly written may be too large by itself.
        if outbox.bytes() + MAX_CLOSE_FRAME_BYTES > self.shard.config.outbox_limit {
            return self.remove(key);
        }
        self.send_close(key, code, reason);
        self.linger(key, SLOW_CLOSE_TIMEOUT);
    }

    /// Sends a close frame after all pending output, and then ignores later input.
    pub(super) fn send_close(&mut self, key: ConnectionKey, code: u16, reason: &str) {
        let mut frame = Vec::with_capacity(4 + reason.len());
        websocket::encode_close(&mut frame, code, reason);
        self.shard.send_scratch(key.slot, frame);
        self.linger(key, CLOSE_TIMEOUT);
    }

    /// Calls [`Worker::send_close`] for a WebSocket that was never accepted.
    pub(super) fn close_rejected(&mut self, key: ConnectionKey, code: u16, reason: &str) {
        self.send_close(key, code, reason);
        self.rejected.push_back(key);
        if self.rejected.len() > MAX_REJECTED
            && let Some(oldest) = self.rejected.pop_front()
            && self.shard.is_alive(oldest)
        {
            // The connection is closing since it was rejected, so no other output waits for it.
            self.shard.flush(oldest.slot);
            self.shard.pending_closes.push(PendingClose::Connection(oldest, DisconnectReason::TransportClose, CloseAction::Drop));
        }
    }

    fn linger(&mut self, key: ConnectionKey, time: Duration) {
        let due = self.shard.tick_after(time);
        let connection = &mut self.shard.connections[key.slot as usize];
        connection.phase = Phase::Closing;
        connection.pending_attachments = None;
        connection.heartbeat_due = 0;
        connection.end_due = due;
        self.shard.schedule(key.slot);
    }

    fn end_polling(&mut self, key: ConnectionKey, reason: DisconnectReason, action: CloseAction) {
        let stopping = self.stopping;
        let connection = &mut self.shard.connections[key.slot as usize];
        let outbox_is_empty = connection.outbox.is_empty();
        let Transport::Polling(polling) = &mut connection.transport else { return };
        let probe = polling.probe.take();
        let pending = polling.get.is_some();
        match reason {
            // The client's own close is answered with an empty packet, not with a close by the server.
            DisconnectReason::TransportClose if pending => self.respond_to_get(key, "6"),
            // An earlier GET may still arrive over another TCP connection. The POST is answered after this time.
            DisconnectReason::TransportClose if action != CloseAction::Drop => {
                polling.close_state = Some(PollingCloseState::ByClient);
                self.linger(key, LATE_GET_TIMEOUT);
                return self.drop_probe(probe);
            }
            DisconnectReason::ParseError
            | DisconnectReason::TransportError
            | DisconnectReason::PingTimeout
            | DisconnectReason::TooSlow
            | DisconnectReason::TakenOver => self.respond_to_get(key, "1"),
            _ if action == CloseAction::Drop || (stopping && !pending) => {}
            _ if pending && (stopping || outbox_is_empty) => {
                self.send_polling_close(key);
                return self.drop_probe(probe);
            }
            // Pending messages are sent first, and the close with the next GET; see `Worker::respond_to_closed`.
            _ => {
                polling.close_state = Some(PollingCloseState::ByServer);
                self.linger(key, LAST_POLL_TIMEOUT);
                self.shard.respond_to_poll(key.slot);
                return self.drop_probe(probe);
            }
        }
        self.remove(key);
        self.drop_probe(probe);
    }

    /// Responds to the waiting GET with a close. POSTs that the client sends before it reads the close use another TCP connection. An error
    /// response to one might be read first: the client would then report a broken connection, not one that the server has closed.
    pub(super) fn send_polling_close(&mut self, key: ConnectionKey) {
        self.shard.send_text(key.slot, "1");
        self.shard.respond_to_poll(key.slot);
        if let Transport::Polling(polling) = &mut self.shard.connections[key.slot as usize].transport {
            polling.close_state = Some(PollingCloseState::Reported);
        }
        self.linger(key, CLOSE_TIMEOUT);
    }

    fn drop_probe(&mut self, probe: Option<ConnectionKey>) {
        if let Some(probe) = probe {
            self.shard.pending_closes.push(PendingClose::Connection(probe, DisconnectReason::TransportClose, CloseAction::Drop));
        }
    }

    fn respond_to_get(&mut self, key: ConnectionKey, packet: &str) {
        let connection = &mut self.shard.connections[key.slot as usize];
        if let Transport::Polling(polling) = &mut connection.transport
            && let Some(get) = polling.get.take()
        {
            Shard::<A>::respond_with_packet(connection.version, get, packet);
        }
    }

    /// Drops a connection and closes its descriptor, which takes it out of epoll too.
    pub(super) fn remove(&mut self, key: ConnectionKey) {
        let mut connection = self.shard.connections.remove(key.slot as usize);
        if let Transport::Polling(polling) = &mut connection.transport
            && let Some(post) = polling.last_post.take()
        {
            let _ = post.send(PollResponse::Accepted);
        }
        connection.outbox.clear(&mut self.shard.spare);
        self.shard.expire_unacked(connection.unacked);
    }
}
