//! Statistics of the writer, counted a batch at a time.

use std::time::Duration;

use domain::error::DomainError;

/// The bounds of the buckets of commit times, in seconds: from the sync of an SSD to that of a failing disk.
const COMMIT_SECONDS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// The bounds of the buckets of batch sizes, in commands.
const BATCH_COMMANDS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The writer's counts since the start, and the length of its queue.
#[derive(Clone, PartialEq, Debug)]
pub struct WriterStats {
    /// Commands that wait in the queue now.
    pub waiting: usize,
    /// Commands that failed because their batch could not be committed.
    pub lost: u64,
    /// Commands that were executed again because their transaction had failed.
    pub repeated: u64,
    /// Round trips of the writer to PostgreSQL; 0 for SQLite.
    pub round_trips: u64,
    /// How often the writer has connected to PostgreSQL again.
    pub reconnects: u64,
    /// Events that were committed.
    pub persisted_events: u64,
    /// How often memory was released because a burst of commands had ended.
    pub idle_periods: u64,
    /// The sizes of the batches, in commands.
    pub batches: Histogram,
    /// The durations of the commits, in seconds.
    pub commits: Histogram,
}

impl Default for WriterStats {
    fn default() -> Self {
        let (batches, commits) = (Histogram::new(BATCH_COMMANDS), Histogram::new(COMMIT_SECONDS));
        Self { waiting: 0, lost: 0, repeated: 0, round_trips: 0, reconnects: 0, persisted_events: 0, idle_periods: 0, batches, commits }
    }
}

impl WriterStats {
    /// Counts a batch of `commands` commands. `committed`: how long its commit took (`None`: it needed no commit), or the error that rolled it back.
    pub(crate) fn batch(&mut self, commands: usize, committed: &Result<Option<Duration>, DomainError>) {
        self.batches.observe(commands as f64);
        match committed {
            Ok(Some(took)) => self.commits.observe(took.as_secs_f64()),
            Ok(None) => {}
            Err(_) => self.lost += commands as u64,
        }
    }
}

/// A histogram: the number of values in each bucket.
#[derive(Clone, PartialEq, Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// An empty histogram with these upper bounds of its buckets, ascending.
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    /// Counts a value.
    pub fn observe(&mut self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket] += 1;
        self.sum += value;
    }

    /// The sum of all values.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The number of values.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The inclusive upper bound of each bucket, and the number of values in this bucket alone; the last bound is infinite.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        self.bounds.iter().copied().chain([f64::INFINITY]).zip(self.counts.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_counted_in_the_first_bucket_that_fits() {
        let mut histogram = Histogram::new(&[1.0, 10.0]);
        for value in [0.5, 1.0, 1.5, 10.0, 11.0] {
            histogram.observe(value);
        }
        assert_eq!(histogram.buckets().collect::<Vec<_>>(), [(1.0, 2), (10.0, 2), (f64::INFINITY, 1)]);
        assert_eq!((histogram.count(), histogram.sum()), (5, 24.0));
    }

    #[test]
    fn commands_of_a_lost_batch_are_counted_as_lost() {
        let mut stats = WriterStats::default();
        stats.batch(3, &Ok(Some(Duration::from_millis(2))));
        stats.batch(4, &Ok(None));
        stats.batch(5, &Err(DomainError::Unavailable("the disk is full".into())));
        assert_eq!((stats.lost, stats.batches.count(), stats.commits.count()), (5, 3, 1));
    }
}
