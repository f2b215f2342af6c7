//! From the writer to the bus.

use std::sync::Arc;

use domain::event::Fact;
use domain::operation::Actor;
use domain::seam::{Bus, Notice};
use engine::Hold;
use store::Outlet;

use super::{Fanout, Live};
use crate::limits::Limits;
use crate::memory;

/// Publishes what is on the disk. What a batch leads to on this node's connections, answers and facts, reaches each shard in one go.
pub struct Published {
    bus: Arc<dyn Bus>,
    fanout: Arc<Fanout>,
    limits: Arc<Limits>,
    batch: Option<Hold<Live>>,
}

impl Published {
    /// Facts go to `bus`; `fanout` knows this node's connections; what a command causes is taken from its user's budget in `limits`.
    pub fn new(bus: Arc<dyn Bus>, fanout: Arc<Fanout>, limits: Arc<Limits>) -> Self {
        Self { bus, fanout, limits, batch: None }
    }
}

impl Outlet for Published {
    fn begin(&mut self) {
        // The writer is what could be faster than the shards for long: then its queue fills instead, which has a bound, and refuses.
        self.fanout.wait_for_room();
        self.batch = self.fanout.hold();
    }

    fn charge(&mut self, actor: &Actor, reach: usize) {
        if *actor != Actor::server() {
            self.limits.charge(&actor.person, reach);
        }
    }

    fn publish(&mut self, fact: Fact) {
        self.bus.publish(Notice::Fact(fact.into()));
    }

    fn end(&mut self) {
        self.batch = None;
    }

    fn rest(&mut self) {
        memory::give_back();
    }
}
