//! What a shard has done and what it holds, for whoever watches the server. Plain numbers of one thread: counting costs a delivery next to
//! nothing.

use super::{Phase, Shard, Transport};
use crate::app::App;
use crate::config::Protocol;

/// What was counted since the start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Counts {
    pub delivered: u64,
    pub dropped: u64,
    pub conflated: u64,
    pub too_slow: u64,
}

/// What a shard has done since its start, and what it holds now.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Figures {
    /// Times that something said to many was put into somebody's outbox.
    pub delivered: u64,
    /// Times that something volatile was not, because its receiver could not take it at that instant.
    pub dropped: u64,
    /// Times that something took the place of something older that waited for somebody who does not keep up.
    pub conflated: u64,
    /// Connections that were closed because too much waited for them.
    pub too_slow: u64,
    /// Open connections by WebSocket, but for the plain ones.
    pub websocket: u64,
    /// Open long-polling connections.
    pub polling: u64,
    /// Open plain WebSockets.
    pub raw: u64,
    /// Rooms with somebody in them.
    pub rooms: u64,
    /// Bytes that wait to be written, for all connections together.
    pub outbox_bytes: u64,
}

impl Figures {
    /// Adds those of another shard. A room that is on both counts twice.
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
    /// What this shard has done and what it holds. It costs a look at each connection, so it is for once in a while.
    pub fn figures(&self) -> Figures {
        let super::figures::Counts { delivered, dropped, conflated, too_slow } = self.counts;
        let mut figures = Figures { delivered, dropped, conflated, too_slow, rooms: self.rooms.len() as u64, ..Figures::default() };
        for (_, connection) in &self.connections {
            figures.outbox_bytes += connection.outbox.bytes() as u64;
            if connection.phase != Phase::Open {
                continue;
            }
            let raw = self.config.endpoints[connection.endpoint as usize].protocol == Protocol::Raw;
            match &connection.transport {
                Transport::WebSocket(_) if raw => figures.raw += 1,
                Transport::WebSocket(_) => figures.websocket += 1,
                Transport::Polling(_) => figures.polling += 1,
            }
        }
        figures
    }
}
