//! Reads messages from the sockets' bytes.

use std::io;

use wire::websocket::{self, Incoming, Input, Limits, Opcode};

use super::Worker;
use crate::app::{App, DisconnectReason};
use crate::config::Protocol;
use crate::shard::{CloseAction, ConnectionKey, FlushPriority, PendingClose, Phase, Transport};

/// The most bytes of a frame's head (RFC 6455 §5.2).
const MAX_FRAME_HEAD: usize = 14;

impl<A: App> Worker<A> {
    /// Reads once from a connection and handles every whole message that it has now.
    pub(super) fn read(&mut self, slot: u32) {
        let Some(connection) = self.shard.connections.get_mut(slot as usize) else { return };
        if std::mem::take(&mut connection.readable) == FlushPriority::Idle {
            return;
        }
        let key = ConnectionKey { slot, generation: connection.generation };
        if connection.pauses > 0 {
            return;
        }
        if !matches!(connection.transport, Transport::WebSocket(_)) {
            return self.resume_post(key);
        }
        self.handle_buffered(key);
        let Some(connection) = self.shard.connections.get_mut(slot as usize).filter(|c| c.generation == key.generation && c.pauses == 0)
        else {
            return;
        };
        if connection.readable == FlushPriority::Later {
            // The kept input has used up the connection's share.
            return;
        }
        // The connection may have to keep all bytes of one read.
        let most = self.shard.max_input(slot).saturating_add(MAX_FRAME_HEAD).min(self.buffer.len());
        let Transport::WebSocket(socket) = &mut self.shard.connections[slot as usize].transport else { return };
        let mut buffer = std::mem::take(&mut self.buffer);
        let read = socket.stream.read(&mut buffer[..most]);
        let drained = matches!(read, Ok(got) if socket.stream.is_drained(got, most));
        match read {
            Ok(0) => self.hang_up(key),
            Ok(got) => {
                let connection = &mut self.shard.connections[slot as usize];
                if connection.phase == Phase::Closing {
                    // Later input is ignored; only the end of the stream counts.
                    self.shard.mark_readable(slot);
                    self.buffer = buffer;
                    return;
                }
                // After a hang-up epoll reports no further edge, so the end itself has to be read too.
                if !drained || connection.hung_up {
                    self.shard.mark_readable(slot);
                }
                self.handle(key, Input::new(&mut buffer[..got]));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.shard.mark_readable(slot),
            Err(_) => self.shard.pending_closes.push(PendingClose::Connection(key, DisconnectReason::TransportError, CloseAction::Drop)),
        }
        self.buffer = buffer;
    }

    /// Ends a connection whose client has closed its side.
    fn hang_up(&mut self, key: ConnectionKey) {
        self.shard.pending_closes.push(PendingClose::Connection(key, DisconnectReason::TransportClose, CloseAction::Drop));
    }

    /// Handles the input that was kept while the connection was paused.
    pub(super) fn handle_buffered(&mut self, key: ConnectionKey) {
        let has_buffered = match self.shard.connections.get(key.slot as usize).map(|connection| &connection.transport) {
            Some(Transport::WebSocket(socket)) => socket.reader.has_buffered(),
            _ => false,
        };
        if has_buffered {
            self.handle(key, Input::new(&mut []));
        }
    }

    /// Handles messages until they run out, the connection is paused, or it ends.
    pub(super) fn handle(&mut self, key: ConnectionKey, mut input: Input<'_>) {
        let Some(connection) = self.shard.connections.get_mut(key.slot as usize).filter(|c| c.generation == key.generation) else { return };
        let deflate = connection.deflate.is_some();
        let paused = connection.pauses > 0;
        let Transport::WebSocket(socket) = &mut connection.transport else { return };
        if paused {
            return socket.reader.buffer_unread(input);
        }
        let mut reader = std::mem::take(&mut socket.reader);
        self.budget.begin_connection();
        loop {
            let limits = Limits { max_message: self.shard.max_input(key.slot), deflate };
            match reader.next(&mut input, &limits) {
                Ok(None) => break,
                Ok(Some(message)) => {
                    self.budget.spend(message.len());
                    self.message(key, message);
                }
                Err(violation) => {
                    let action = CloseAction::CloseFrame(violation.code(), violation.to_string());
                    self.shard.pending_closes.push(PendingClose::Connection(key, DisconnectReason::TransportError, action));
                    return;
                }
            }
            self.close_pending();
            if let Some(session) = self.promoted.take() {
                reader.buffer_unread(input);
                return self.continue_as(session, reader);
            }
            // The application may have ended or paused the connection, so the slot is read again.
            match self.shard.connections.get(key.slot as usize).filter(|c| c.generation == key.generation) {
                Some(connection) if connection.phase == Phase::Closing => return,
                Some(connection) if connection.pauses > 0 => {
                    reader.buffer_unread(input);
                    break;
                }
                Some(_) if self.budget.is_connection_over() => {
                    reader.buffer_unread(input);
                    self.shard.defer_reading(key.slot);
                    break;
                }
                Some(_) => {}
                None => return,
            }
        }
        if let Some(connection) = self.shard.connections.get_mut(key.slot as usize).filter(|c| c.generation == key.generation)
            && let Transport::WebSocket(socket) = &mut connection.transport
        {
            socket.reader = reader;
        }
        self.shard.count_waiting(key, |shard, connection, bytes| self.app.waiting_bytes_changed(shard, connection, bytes));
    }

    fn message(&mut self, key: ConnectionKey, message: Incoming<'_>) {
        let Some(connection) = self.shard.connections.get(key.slot as usize) else { return };
        let phase = connection.phase;
        let protocol = self.shard.config.endpoints[connection.endpoint as usize].protocol;
        match (message, phase) {
            (_, Phase::Closing) => {}
            (Incoming::Ping(payload), _) => {
                let mut pong = Vec::with_capacity(payload.len() + 2);
                websocket::encode(&mut pong, Opcode::Pong, payload);
                self.shard.send_scratch(key.slot, pong);
            }
            (Incoming::Close { code, .. }, _) => {
                // The client's code is sent back, as RFC 6455 §5.5.1 requires.
                let code = if code == 1005 { 0 } else { code };
                self.shard.pending_closes.push(PendingClose::Connection(
                    key,
                    DisconnectReason::TransportClose,
                    CloseAction::CloseFrame(code, String::new()),
                ));
            }
            (message, Phase::Probing(session)) => self.probe(key, session, message),
            (Incoming::Pong(_), Phase::Open) => {
                if protocol == Protocol::Raw {
                    self.shard.ponged(key.slot);
                }
            }
            (Incoming::Text(text), Phase::Open) if protocol == Protocol::Raw => self.plain_text(key, text),
            (Incoming::Binary(bytes), Phase::Open) if protocol == Protocol::Raw => self.plain_binary(key, bytes),
            (Incoming::Text(text), Phase::Open) => self.engine_text(key, text),
            (Incoming::Binary(bytes), Phase::Open) => self.engine_binary(key, bytes),
        }
    }
}
