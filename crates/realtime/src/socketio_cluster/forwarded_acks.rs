//! The acknowledgements of clients that another server waits for.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::{Acknowledgement, OutboundMessage, Shard, SocketKey};
use socketio_adapter::{AckSink, Payload};

use crate::RealtimeApp;

/// The most acknowledgements that one shard waits for. With a further one the oldest is forgotten.
const MAX_WAITING: usize = 65_536;

/// The acknowledgements that one shard waits for, by the ids of their events.
#[derive(Default)]
pub(crate) struct ForwardedAcks {
    sinks: HashMap<u64, AckSink>,
    /// The ids with the times after which the other server no longer waits, in the order of the events.
    deadlines: VecDeque<(Instant, u64)>,
}

impl ForwardedAcks {
    /// Waits for an acknowledgement, and forgets those that are over.
    fn add(&mut self, id: u64, sink: AckSink, now: Instant, timeout: Duration) {
        // A long timeout lets later entries with a short one stay longer; the bound holds all the same.
        while let Some((deadline, old)) = self.deadlines.front().copied()
            && (deadline <= now || self.deadlines.len() >= MAX_WAITING)
        {
            self.deadlines.pop_front();
            self.sinks.remove(&old);
        }
        self.sinks.insert(id, sink);
        self.deadlines.push_back((now + timeout, id));
    }

    fn take(&mut self, id: u64) -> Option<AckSink> {
        self.sinks.remove(&id)
    }
}

/// Adds up the clients of all shards that a broadcast was sent to. The sum is reported when the last shard has dropped its copy, so exactly
/// once, also if a shard has ended.
pub(super) struct ClientCount {
    clients: AtomicU64,
    acks: AckSink,
}

impl ClientCount {
    pub fn new(acks: AckSink) -> Self {
        Self { clients: AtomicU64::new(0), acks }
    }
}

impl Drop for ClientCount {
    fn drop(&mut self) {
        self.acks.client_count(self.clients.load(Ordering::Relaxed));
    }
}

impl RealtimeApp {
    /// Sends an event to sockets of this shard, and forwards their acknowledgements.
    pub(super) fn ask_sockets(
        &mut self,
        shard: &mut Shard<Self>,
        sockets: &[SocketKey],
        message: &OutboundMessage,
        count: &ClientCount,
        timeout: Duration,
    ) {
        for socket in sockets {
            if let Some(id) = shard.emit_with_ack(*socket, message) {
                self.forwarded_acks.add(id, count.acks.clone(), shard.now(), timeout);
                count.clients.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Forwards what a client has acknowledged with: its first argument, as Node's adapter does.
    pub(crate) fn forward_ack(&mut self, ack: &Acknowledgement<'_>) {
        let Some(sink) = self.forwarded_acks.take(ack.id) else { return };
        let first = ack.args.get(0).unwrap_or("null");
        // The placeholders of the first argument have the numbers of all attachments.
        sink.ack(&Payload { json: first.to_owned(), attachments: ack.attachments.to_vec() });
    }
}
