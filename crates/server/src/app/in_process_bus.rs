//! The bus of a single server: a call of a function in the publisher's thread, so the order of the messages stays.

use domain::ports::{Bus, BusMessage};

/// Passes each message to one listener.
pub struct InProcessBus<L> {
    listener: L,
}

impl<L: Fn(BusMessage) + Send + Sync> InProcessBus<L> {
    /// A bus that calls `listener` for each message.
    pub fn new(listener: L) -> Self {
        Self { listener }
    }
}

impl<L: Fn(BusMessage) + Send + Sync> Bus for InProcessBus<L> {
    fn publish(&self, message: BusMessage) {
        (self.listener)(message);
    }
}
