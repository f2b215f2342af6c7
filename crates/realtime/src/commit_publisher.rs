//! From the writer to the bus.

use std::sync::Arc;

use domain::command::Actor;
use domain::event::PersistedEvent;
use domain::ports::{Bus, BusMessage};
use engine::BatchGuard;
use limits::memory_guard;
use limits::rate_limit::RateLimits;
use store::CommitSink;

use super::{Fanout, RealtimeApp};

/// Publishes committed events. The replies and events of a batch reach each shard of this node in one message.
pub struct CommitPublisher {
    bus: Arc<dyn Bus>,
    fanout: Arc<Fanout>,
    limits: Arc<RateLimits>,
    batch: Option<BatchGuard<RealtimeApp>>,
}

impl CommitPublisher {
    /// Publishes events on `bus` to the connections of `fanout`. The cost of a command is taken from its user's budget in `limits`.
    pub fn new(bus: Arc<dyn Bus>, fanout: Arc<Fanout>, limits: Arc<RateLimits>) -> Self {
        Self { bus, fanout, limits, batch: None }
    }
}

impl CommitSink for CommitPublisher {
    fn begin(&mut self) {
        // The writer may be faster than the shards. It waits here, so that its own queue fills, which has a bound and rejects commands.
        self.fanout.wait_for_capacity();
        self.batch = self.fanout.batch();
    }

    fn charge(&mut self, actor: &Actor, reach: usize) {
        if *actor != Actor::server() {
            self.limits.charge(&actor.user, reach);
        }
    }

    fn publish(&mut self, persisted: PersistedEvent) {
        self.bus.publish(BusMessage::Persisted(persisted.into()));
    }

    fn end(&mut self) {
        self.batch = None;
    }

    fn idle(&mut self) {
        memory_guard::release_to_system();
    }
}
