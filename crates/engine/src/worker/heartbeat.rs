//! Deadlines: pings, pongs, connections without a namespace, and those that are slow to end.

use wire::engineio::Version;
use wire::websocket::{self, Opcode};

use super::Worker;
use crate::app::{App, DisconnectReason};
use crate::config::Protocol;
use crate::shard::{CloseAction, ConnectionKey, PendingClose, Phase};

impl<A: App> Worker<A> {
    pub(super) fn heartbeats(&mut self) {
        while let Some((tick, due)) = self.shard.timers.pop(self.shard.now) {
            for (slot, generation) in due {
                let connection = self.shard.connections.get_mut(slot as usize).filter(|connection| connection.generation == generation);
                // An entry may be left over from a deadline that was moved.
                let Some(connection) = connection.filter(|connection| connection.scheduled == tick) else { continue };
                connection.scheduled = 0;
                self.due(ConnectionKey { slot, generation });
                if let Some(connection) = self.shard.connections.get(slot as usize)
                    && connection.generation == generation
                {
                    self.shard.schedule(slot);
                }
            }
            self.close_pending();
        }
    }

    fn due(&mut self, key: ConnectionKey) {
        let now = self.shard.timers.tick(self.shard.now);
        let connection = &mut self.shard.connections[key.slot as usize];
        let passed = |due: u64| due > 0 && due <= now;
        if passed(connection.end_due) {
            connection.end_due = 0;
            let (reason, action) = match connection.phase {
                Phase::Open => (DisconnectReason::ForcedClose, CloseAction::CloseFrame(0, String::new())),
                Phase::Probing(_) | Phase::Closing => (DisconnectReason::TransportClose, CloseAction::Drop),
            };
            return self.shard.pending_closes.push(PendingClose::Connection(key, reason, action));
        }
        if !passed(connection.heartbeat_due) {
            return;
        }
        if connection.pauses > 0 {
            // The server itself has paused reading, so the pong may be waiting unread.
            return self.shard.restart_heartbeat(key.slot);
        }
        if connection.awaiting_pong || connection.version == Version::V3 {
            connection.heartbeat_due = 0;
            return self.shard.pending_closes.push(PendingClose::Connection(
                key,
                DisconnectReason::PingTimeout,
                CloseAction::CloseFrame(0, String::new()),
            ));
        }
        connection.awaiting_pong = true;
        connection.pings = connection.pings.saturating_add(1);
        connection.request_ack();
        self.shard.connections[key.slot as usize].last_ping = self.shard.delivered_to(key.slot);
        let connection = &self.shard.connections[key.slot as usize];
        let raw = self.shard.config.endpoints[connection.endpoint as usize].protocol == Protocol::Raw;
        let due = self.shard.tick_after(self.shard.config.ping_timeout);
        self.shard.connections[key.slot as usize].heartbeat_due = due;
        if raw {
            let mut ping = Vec::with_capacity(2);
            websocket::encode(&mut ping, Opcode::Ping, &[]);
            self.shard.send_scratch(key.slot, ping);
        } else {
            self.shard.send_text(key.slot, "2");
        }
    }
}
