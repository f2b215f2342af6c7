//! The upgrade from long-polling to WebSocket: a probe becomes the session's transport, and no packet is lost or overtakes another.

use wire::websocket::{Incoming, Reader, Window};

use super::Worker;
use crate::app::{App, DisconnectReason};
use crate::id::Id;
use crate::shard::{CloseAction, ConnectionKey, NewTransport, PendingClose, Phase, Shard, Transport};

impl<A: App> Worker<A> {
    /// Begins a probe: a WebSocket that is to take over a session. If the session cannot be upgraded, the WebSocket is closed at once.
    pub(super) fn begin_probe(&mut self, session: Id, transport: Transport, deflate: Option<Window>) -> Option<ConnectionKey> {
        let session = self.session(session);
        let free = session.filter(|session| match &self.shard.connections[session.slot as usize].transport {
            Transport::Polling(polling) => polling.probe.is_none() && polling.close_state.is_none(),
            Transport::WebSocket(_) => false,
        });
        let Some(session) = free else {
            let key = self.shard.insert_connection(NewTransport::closing(transport));
            self.close_rejected(key, 0, "");
            return None;
        };
        let (endpoint, version) = {
            let connection = &self.shard.connections[session.slot as usize];
            (connection.endpoint, connection.version)
        };
        let phase = Phase::Probing(session);
        let probe = self.shard.insert_connection(NewTransport { endpoint, version, deflate, phase, transport });
        if let Transport::Polling(polling) = &mut self.shard.connections[session.slot as usize].transport {
            polling.probe = Some(probe);
        }
        self.shard.connections[probe.slot as usize].end_due = self.shard.tick_after(self.shard.config.upgrade_timeout);
        self.shard.schedule(probe.slot);
        Some(probe)
    }

    /// Handles a message on a probing WebSocket: `2probe`, then `5` (which some clients send without the former). Any other message ends
    /// the probe; the session continues.
    pub(super) fn probe(&mut self, key: ConnectionKey, session: ConnectionKey, message: Incoming<'_>) {
        match message {
            Incoming::Text("2probe") => {
                self.shard.send_text(key.slot, "3probe");
                let connection = &mut self.shard.connections[session.slot as usize];
                let Transport::Polling(polling) = &mut connection.transport else { return };
                polling.probed = true;
                if polling.get.is_some() {
                    if connection.outbox.is_empty() {
                        self.shard.send_text(session.slot, "6");
                    }
                    self.shard.respond_to_poll(session.slot);
                }
            }
            Incoming::Text("5") => self.promote(key, session),
            Incoming::Pong(_) => {}
            _ => self.shard.pending_closes.push(PendingClose::Connection(
                key,
                DisconnectReason::TransportError,
                CloseAction::CloseFrame(0, String::new()),
            )),
        }
    }

    /// Removes the probe from its session.
    pub(super) fn forget_probe(&mut self, session: ConnectionKey) {
        if self.shard.is_alive(session)
            && let Transport::Polling(polling) = &mut self.shard.connections[session.slot as usize].transport
        {
            polling.probe = None;
            polling.probed = false;
        }
    }

    fn promote(&mut self, key: ConnectionKey, session: ConnectionKey) {
        let mut probe = self.shard.connections.remove(key.slot as usize);
        let Transport::WebSocket(socket) = &mut probe.transport else { return };
        if socket.stream.reregister(self.poll.registry(), session.slot as usize).is_err() {
            return self.forget_probe(session);
        }
        let connection = &mut self.shard.connections[session.slot as usize];
        // The probe's own output (`3probe`) goes first.
        let mut outbox = probe.outbox;
        while let Some(frames) = connection.outbox.pop(&mut self.shard.spare) {
            outbox.push(frames, &mut self.shard.spare);
        }
        connection.outbox = outbox;
        connection.deflate = probe.deflate;
        let polling = std::mem::replace(&mut connection.transport, probe.transport);
        if let Transport::Polling(polling) = polling
            && let Some(get) = polling.get
        {
            Shard::<A>::respond_with_packet(probe.version, get, "1");
        }
        self.shard.mark_for_flush(session.slot);
        self.promoted = Some(session);
    }

    /// Continues reading, now for the session, with the input that the probe's reader has kept.
    pub(super) fn continue_as(&mut self, session: ConnectionKey, reader: Reader) {
        if let Transport::WebSocket(socket) = &mut self.shard.connections[session.slot as usize].transport {
            socket.reader = reader;
        }
        self.handle_buffered(session);
        if self.shard.is_alive(session) {
            self.shard.mark_readable(session.slot);
        }
    }
}
