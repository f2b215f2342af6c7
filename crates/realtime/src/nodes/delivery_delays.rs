//! How long events take from their transaction to the delivery on this node.

use std::sync::{Mutex, PoisonError};

use domain::ids::Timestamp;
use store::Histogram;

/// The bounds of the buckets, in seconds: from one machine to a node that reads the event log because Redis cannot be reached.
const BOUNDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// The delays since the start.
pub(super) struct DeliveryDelays(Mutex<Histogram>);

impl Default for DeliveryDelays {
    fn default() -> Self {
        Self(Mutex::new(no_delivery_delays()))
    }
}

impl DeliveryDelays {
    /// Counts an event of a transaction at `at` that is delivered `now`. The clock of another node may be ahead of this one.
    pub fn observe(&self, at: Timestamp, now: Timestamp) {
        let micros = now.0.saturating_sub(at.0).max(0);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).observe(micros as f64 / 1e6);
    }

    /// The delays so far.
    pub fn histogram(&self) -> Histogram {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The delays of a server that is no node.
pub fn no_delivery_delays() -> Histogram {
    Histogram::new(BOUNDS)
}
