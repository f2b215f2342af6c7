//! Ephemeral events that wait to be published together.

use std::time::{Duration, Instant};

use crate::wire::EphemeralFrame;

/// The shortest time between two batches. An event after a longer pause is published at once.
const COLLECT_INTERVAL: Duration = Duration::from_millis(3);

/// Each node adds so much to this time in a large cluster. Redis sends each batch to every node, so batches at a fixed rate would grow with the square of
/// the nodes.
const COLLECT_INTERVAL_OF_NODE: Duration = Duration::from_micros(500);

/// With this many bytes a batch is published at once.
const MAX_BYTES: usize = 64 << 10;

/// The events of the next batch.
#[derive(Debug, Default)]
pub struct EphemeralBatch {
    events: Vec<EphemeralFrame>,
    bytes: usize,
    /// When the first of the events was added.
    since: Option<Instant>,
    /// The earliest time of the next batch.
    next_at: Option<Instant>,
    /// The nodes of the cluster, without this one.
    others: u32,
}

impl EphemeralBatch {
    /// Sets the number of the other nodes, from which the length of the batches follows.
    pub fn set_others(&mut self, others: usize) {
        self.others = u32::try_from(others).unwrap_or(u32::MAX);
    }

    /// Adds an event. Returns the batch if it is due, or large enough.
    pub fn add(&mut self, event: EphemeralFrame, now: Instant) -> Option<Vec<EphemeralFrame>> {
        self.bytes += event.body.len() + 1;
        self.events.push(event);
        self.since.get_or_insert(now);
        if self.bytes >= MAX_BYTES { Some(self.take(now)) } else { self.take_due(now) }
    }

    /// When to call [`EphemeralBatch::take_due`].
    pub fn due(&self) -> Option<Instant> {
        self.since.map(|since| self.next_at.map_or(since, |next_at| next_at.max(since)))
    }

    /// The batch, if it is due.
    pub fn take_due(&mut self, now: Instant) -> Option<Vec<EphemeralFrame>> {
        self.due().filter(|due| *due <= now).map(|_| self.take(now))
    }

    /// The batch, due or not; `None` if there are no events.
    pub fn take_all(&mut self, now: Instant) -> Option<Vec<EphemeralFrame>> {
        self.since.map(|_| self.take(now))
    }

    fn take(&mut self, now: Instant) -> Vec<EphemeralFrame> {
        (self.since, self.bytes) = (None, 0);
        self.next_at = Some(now + COLLECT_INTERVAL.max(COLLECT_INTERVAL_OF_NODE.saturating_mul(self.others)));
        std::mem::take(&mut self.events)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn an_event_after_a_pause_is_published_at_once_and_others_are_gathered() {
        let (mut batch, mut now) = (EphemeralBatch::default(), Instant::now());
        for (others, milliseconds) in [(0, 3), (6, 3), (8, 4), (20, 10), (99, 49)] {
            batch.set_others(others);
            let mut add = |now| batch.add(EphemeralFrame { body: Bytes::from_static(b"typing") }, now).map(|events| events.len());
            now += Duration::from_secs(1);
            assert_eq!((add(now), add(now), add(now)), (Some(1), None, None), "{others} other nodes");
            assert_eq!(batch.take_due(now + Duration::from_millis(milliseconds) - Duration::from_micros(1)), None, "{others} other nodes");
            assert_eq!(batch.take_due(now + Duration::from_millis(milliseconds + 1)).map(|events| events.len()), Some(2));
            assert_eq!(batch.due(), None);
        }
    }
}
