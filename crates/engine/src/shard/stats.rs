//! The counters of a shard, for monitoring. They are plain numbers of one thread, so counting costs a delivery next to nothing.

use super::{Phase, Shard, Transport};
use crate::app::App;
use crate::config::Protocol;

/// Counters since the start; see [`ShardStats`].
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct DeliveryCounts {
    pub delivered: u64,
    pub dropped: u64,
    pub conflated: u64,
    pub too_slow: u64,
}

/// A shard's counters since its start, and its present sizes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ShardStats {
    /// The number of times that a broadcast was put into a connection's outbox.
    pub delivered: u64,
    /// The number of times that a volatile broadcast was dropped, because its receiver could not take it at that instant.
    pub dropped: u64,
    /// The number of times that a message replaced an older one that waited for a client which does not keep up.
    pub conflated: u64,
    /// Connections that were closed because too much output waited for them.
    pub too_slow: u64,
    /// Open connections by WebSocket, without the plain ones.
    pub websocket: u64,
    /// Open long-polling connections.
    pub polling: u64,
    /// Open plain WebSockets.
    pub raw: u64,
    /// Rooms with members.
    pub rooms: u64,
    /// The bytes that wait to be written to all connections.
    pub outbox_bytes: u64,
}

impl ShardStats {
    /// Adds the counters of another shard. A room that is on both counts twice.
    pub fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.dropped += other.dropped;
        self.conflated += other.conflated;
        self.too_slow += other.too_slow;
        self.websocket += other.websocket;
        self.polling += other.polling;
        self.raw += other.raw;
        self.rooms += other.rooms;
        self.outbox_bytes += other.outbox_bytes;
    }
}

impl<A: App> Shard<A> {
    /// The counters of this shard. The method visits each connection, so it must not be called often.
    pub fn stats(&self) -> ShardStats {
        let DeliveryCounts { delivered, dropped, conflated, too_slow } = self.counts;
        let mut stats = ShardStats { delivered, dropped, conflated, too_slow, rooms: self.rooms.len() as u64, ..ShardStats::default() };
        for (_, connection) in &self.connections {
            stats.outbox_bytes += connection.outbox.bytes() as u64;
            if connection.phase != Phase::Open {
                continue;
            }
            let raw = self.config.endpoints[connection.endpoint as usize].protocol == Protocol::Raw;
            match &connection.transport {
                Transport::WebSocket(_) if raw => stats.raw += 1,
                Transport::WebSocket(_) => stats.websocket += 1,
                Transport::Polling(_) => stats.polling += 1,
            }
        }
        stats
    }
}
