//! The deadlines of the connections of one shard: an ordered list of ticks, one entry for each connection. Between deadlines it costs
//! nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The width of a tick. Times are rounded down, so no deadline is late by more than the loop itself is.
const TICK: Duration = Duration::from_millis(8);

/// A time, counted in ticks from the start of the shard; 0 is never due.
pub(crate) type Tick = u64;

/// The owner of a deadline: a slot and its generation.
pub(crate) type Due = (u32, u32);

pub(crate) struct Timers {
    start: Instant,
    queue: BTreeMap<Tick, Vec<Due>>,
}

impl Timers {
    pub fn new(start: Instant) -> Self {
        Self { start, queue: BTreeMap::new() }
    }

    /// The tick that contains a time; the first is 1.
    pub fn tick(&self, at: Instant) -> Tick {
        (at.saturating_duration_since(self.start).as_millis() / TICK.as_millis()) as Tick + 1
    }

    pub fn add(&mut self, tick: Tick, due: Due) {
        self.queue.entry(tick).or_default().push(due);
    }

    /// The time at which the next tick is due.
    pub fn next(&self) -> Option<Instant> {
        let tick = *self.queue.keys().next()?;
        Some(self.start + Duration::from_millis((tick - 1) * TICK.as_millis() as u64))
    }

    /// Takes one tick that is due at `now`.
    pub fn pop(&mut self, now: Instant) -> Option<(Tick, Vec<Due>)> {
        let entry = self.queue.first_entry()?;
        (*entry.key() <= (now.saturating_duration_since(self.start).as_millis() / TICK.as_millis()) as Tick + 1)
            .then(|| entry.remove_entry())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tick_is_due_at_its_own_time_even_after_years() {
        let start = Instant::now();
        for tick in [2, 1000, 1 << 32, (1 << 32) + 7] {
            let mut timers = Timers::new(start);
            timers.add(tick, (0, 0));
            let due = timers.next().unwrap();
            assert_eq!(timers.tick(due), tick);
            assert!(timers.pop(due - TICK).is_none());
            assert_eq!(timers.pop(due), Some((tick, vec![(0, 0)])));
        }
    }
}
