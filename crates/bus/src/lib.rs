//! Brings every notice to every node. One node for now: in process, in the caller's thread, in the caller's order.

use domain::ports::{Bus, BusMessage};

/// The bus of a single node: hands each notice straight to the one listener.
pub struct InProcessBus<L> {
    listener: L,
}

impl<L: Fn(BusMessage) + Send + Sync> InProcessBus<L> {
    /// A bus whose notices all go to `listener`.
    pub fn new(listener: L) -> Self {
        Self { listener }
    }
}

impl<L: Fn(BusMessage) + Send + Sync> Bus for InProcessBus<L> {
    fn publish(&self, notice: BusMessage) {
        (self.listener)(notice);
    }
}
