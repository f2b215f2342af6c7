//! Ephemeral events that wait to be published together.

use std::time::{Duration, Instant};

use crate::wire::EphemeralFrame;

/// The time for a batch, for each other node. Redis sends each batch to every node, so batches at a fixed rate would grow with the square of the nodes.
const INTERVAL_OF_NODE: Duration = Duration::from_micros(500);

/// How many batches are published at once after a pause. Further events are gathered for the time of a batch.
const BURST: u32 = 8;

/// More nodes do not make the batches longer.
const MAX_OTHERS: u32 = 1000;

/// With this many bytes a batch is published at once.
const MAX_BYTES: usize = 64 << 10;

/// The events of the next batch.
#[derive(Debug, Default)]
pub struct EphemeralBatch {
    events: Vec<EphemeralFrame>,
    bytes: usize,
    /// When the first of the events was added.
    since: Option<Instant>,
    /// When the time of all batches so far is over.
    busy_until: Option<Instant>,
    /// The nodes of the cluster, without this one.
    others: u32,
}

impl EphemeralBatch {
    /// Sets the number of the other nodes, from which the length of the batches follows.
    pub fn set_others(&mut self, others: usize) {
        self.others = u32::try_from(others).unwrap_or(u32::MAX).min(MAX_OTHERS);
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
        let busy_until = self.busy_until.and_then(|until| until.checked_sub(self.interval() * (BURST - 1)));
        self.since.map(|since| busy_until.map_or(since, |until| until.max(since)))
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
        self.busy_until = Some(self.busy_until.map_or(now, |until| until.max(now)) + self.interval());
        std::mem::take(&mut self.events)
    }

    fn interval(&self) -> Duration {
        INTERVAL_OF_NODE.saturating_mul(self.others.max(1))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn events_after_a_pause_are_published_at_once_and_others_are_gathered() {
        let (mut batch, mut now) = (EphemeralBatch::default(), Instant::now());
        for (others, micros) in [(0, 500), (1, 500), (6, 3000), (99, 49_500)] {
            batch.set_others(others);
            let mut add = |now| batch.add(EphemeralFrame { body: Bytes::from_static(b"typing") }, now).map(|events| events.len());
            now += Duration::from_secs(1);
            for _ in 0..BURST {
                assert_eq!(add(now), Some(1), "{others} other nodes");
            }
            assert_eq!((add(now), add(now)), (None, None), "{others} other nodes");
            assert_eq!(batch.take_due(now + Duration::from_micros(micros - 1)), None, "{others} other nodes");
            assert_eq!(batch.take_due(now + Duration::from_micros(micros)).map(|events| events.len()), Some(2));
            assert_eq!(batch.due(), None);
        }
    }
}
