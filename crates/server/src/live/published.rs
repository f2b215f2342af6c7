//! From the writer to the bus.

use std::sync::Arc;

use domain::event::Fact;
use domain::seam::{Bus, Notice};
use engine::Hold;
use store::Outlet;

use super::{Fanout, Live};

/// Publishes what is on the disk. What a batch leads to on this node's connections, answers and facts, reaches each shard in one go.
pub struct Published {
    bus: Arc<dyn Bus>,
    fanout: Arc<Fanout>,
    batch: Option<Hold<Live>>,
}

impl Published {
    /// Facts go to `bus`; `fanout` knows this node's connections.
    pub fn new(bus: Arc<dyn Bus>, fanout: Arc<Fanout>) -> Self {
        Self { bus, fanout, batch: None }
    }
}

impl Outlet for Published {
    fn begin(&mut self) {
        // The writer is what could be faster than the shards for long: then its queue fills instead, which has a bound, and refuses.
        self.fanout.wait_for_room();
        self.batch = self.fanout.hold();
    }

    fn publish(&mut self, fact: Fact) {
        self.bus.publish(Notice::Fact(fact.into()));
    }

    fn end(&mut self) {
        self.batch = None;
    }
}
