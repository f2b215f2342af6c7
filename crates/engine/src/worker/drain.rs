//! Graceful shutdown: connections are closed a share at a time, and none before its requests are answered.

use super::Worker;
use crate::app::{App, DisconnectReason};
use crate::shard::{CloseAction, PendingClose, Phase, SocketKey};

/// The close code and reason for all clients (RFC 6455 §7.4.1: 1001 is an endpoint that goes away).
pub(super) const GOING_AWAY: (u16, &str) = (1001, "server shutting down");

impl<A: App> Worker<A> {
    /// Closes as many connections as are due, so that all are closed evenly over a time: then their clients do not reconnect all at once.
    /// `left` is the part of the time that remains, from 1 to 0. A connection that still waits for a response is no longer read, and is
    /// closed in a later round. Returns the number of remaining connections.
    pub(super) fn close_some(&mut self, left: f64) -> usize {
        let open = self.slots(|phase, draining| phase == Phase::Open && !draining);
        let first = *self.drain_start_count.get_or_insert(open.len());
        let may_stay = (first as f64 * left) as usize;
        let due = open.len().saturating_sub(may_stay);
        for slot in open.into_iter().take(due) {
            let connection = &mut self.shard.connections[slot as usize];
            connection.draining = true;
            connection.pauses += 1;
        }
        for slot in self.slots(|phase, draining| phase == Phase::Open && draining) {
            if !self.is_busy(slot) {
                // Its client's close frame is still to be read.
                self.shard.lift_pause(slot);
                let (code, reason) = GOING_AWAY;
                self.shard.end_connection(slot, DisconnectReason::ServerShuttingDown, CloseAction::CloseFrame(code, reason.into()));
            }
        }
        self.close_pending();
        self.shard.connections.len()
    }

    fn slots(&self, wanted: impl Fn(Phase, bool) -> bool) -> Vec<u32> {
        let connections = self.shard.connections.iter();
        connections.filter(|(_, connection)| wanted(connection.phase, connection.draining)).map(|(slot, _)| slot as u32).collect()
    }

    fn is_busy(&self, slot: u32) -> bool {
        self.shard.connections[slot as usize].sockets.iter().any(|&slot| {
            let socket = &self.shard.sockets[slot as usize];
            socket.data.is_some() && self.app.is_busy(&self.shard, SocketKey::new(self.shard.index, slot, socket.generation))
        })
    }

    /// Closes all remaining connections because the server shuts down, and ends the thread's loop.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
        let all: Vec<u32> = self.slots(|_, _| true);
        for slot in all {
            let key = self.shard.key_of(slot);
            let (code, reason) = GOING_AWAY;
            self.shard.pending_closes.push(PendingClose::Connection(
                key,
                DisconnectReason::ServerShuttingDown,
                CloseAction::CloseFrame(code, reason.into()),
            ));
        }
        self.close_pending();
        while !self.shard.flush_queue.is_empty() {
            self.shard.flush_some(crate::shard::FlushPriority::Soon, usize::MAX);
            self.shard.flush_some(crate::shard::FlushPriority::Later, usize::MAX);
        }
    }
}
