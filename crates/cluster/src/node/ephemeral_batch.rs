//! Ephemeral events that wait to be published together.

use std::time::{Duration, Instant};

use crate::wire::EphemeralFrame;

/// How long ephemeral events are gathered.
const COLLECT_INTERVAL: Duration = Duration::from_millis(3);

/// With this many bytes a batch is published at once.
const MAX_BYTES: usize = 64 << 10;

/// The events of the next batch.
#[derive(Debug, Default)]
pub struct EphemeralBatch {
    events: Vec<EphemeralFrame>,
    bytes: usize,
    since: Option<Instant>,
}

impl EphemeralBatch {
    /// Adds an event. Returns the batch if it is large enough.
    pub fn add(&mut self, event: EphemeralFrame, now: Instant) -> Option<Vec<EphemeralFrame>> {
        self.bytes += event.body.len() + 1;
        self.events.push(event);
        self.since.get_or_insert(now);
        (self.bytes >= MAX_BYTES).then(|| self.take())
    }

    /// When to call [`EphemeralBatch::take_due`].
    pub fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + COLLECT_INTERVAL)
    }

    /// The batch, if it is due.
    pub fn take_due(&mut self, now: Instant) -> Option<Vec<EphemeralFrame>> {
        self.due().filter(|due| *due <= now).map(|_| self.take())
    }

    /// The batch, due or not; `None` if there are no events.
    pub fn take_all(&mut self) -> Option<Vec<EphemeralFrame>> {
        self.since.map(|_| self.take())
    }

    fn take(&mut self) -> Vec<EphemeralFrame> {
        (self.since, self.bytes) = (None, 0);
        std::mem::take(&mut self.events)
    }
}
