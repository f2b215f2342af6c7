//! The deadlines of a connection: its heartbeat, and its end.

use std::time::Duration;

use wire::engineio::Version;

use super::Shard;
use crate::app::App;
use crate::timers::Tick;

impl<A: App> Shard<A> {
    /// Makes sure that a connection is looked at when its earliest deadline comes.
    pub(crate) fn schedule(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        let due = [connection.heartbeat_due, connection.end_due].into_iter().filter(|&tick| tick > 0).min();
        let Some(due) = due else { return };
        if connection.scheduled == 0 || due < connection.scheduled {
            connection.scheduled = due;
            self.timers.add(due, (slot, connection.generation));
        }
    }

    pub(crate) fn tick_after(&self, wait: Duration) -> Tick {
        self.timers.tick(self.now + wait)
    }

    /// Handles the client's answer to a ping. If it answers the last ping, all messages that were written before that ping have arrived.
    pub(crate) fn ponged(&mut self, slot: u32) {
        let connection = &mut self.connections[slot as usize];
        let is_last = connection.pings == 1;
        connection.pings = connection.pings.saturating_sub(1);
        if is_last {
            let (generation, before) = (connection.generation, connection.last_received);
            connection.last_received = before.max(connection.last_ping);
            if connection.last_received > before {
                self.delivery_log.confirmed(generation, connection.last_received, self.now);
            }
            self.ack_deliveries(slot);
        }
        self.restart_heartbeat(slot);
    }

    /// The next ping comes one interval from now (for a client of Engine.IO 3: its ping must come within interval and timeout).
    pub(crate) fn restart_heartbeat(&mut self, slot: u32) {
        let connection = &self.connections[slot as usize];
        let interval = self.config.endpoints[connection.endpoint as usize].ping_interval;
        let wait = if connection.version == Version::V3 { interval + self.config.ping_timeout } else { interval };
        let due = self.tick_after(wait);
        let connection = &mut self.connections[slot as usize];
        connection.awaiting_pong = false;
        connection.heartbeat_due = due;
        self.schedule(slot);
    }
}
