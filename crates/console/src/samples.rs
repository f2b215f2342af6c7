//! The values of the metrics over the last 15 minutes, in a ring of fixed size.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::metric_readings::MetricReadings;

/// The time between two samples.
pub const INTERVAL: Duration = Duration::from_secs(5);

/// The number of samples that are kept: those of 15 minutes, and the one before. The oldest ones are dropped.
pub const CAPACITY: usize = 181;

/// The families of refusals, with the place that refused.
pub const REFUSALS: [(&str, &str); 4] = [
    ("http_connections_refused", "HTTP connections"),
    ("connections_refused", "connection attempts"),
    ("requests_refused", "socket requests"),
    ("rest_requests_refused", "HTTP requests"),
];

/// The values at one time. Counters are those since the start of the server.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Sample {
    /// In seconds since 1970.
    pub at: i64,
    /// Open Socket.IO connections over WebSocket.
    pub websocket: u64,
    /// Open Socket.IO connections over long-polling.
    pub polling: u64,
    /// Open raw WebSockets.
    pub raw: u64,
    /// Open sockets.
    pub sockets: u64,
    /// Counter: events on the disk.
    pub accepted: u64,
    /// Counter: messages put into outboxes.
    pub delivered: u64,
    /// Counter: deliveries that a client has confirmed, also by a recovery.
    pub confirmed: u64,
    /// Counter: deliveries that expired.
    pub expired: u64,
    /// Counter: requests over sockets and HTTP.
    pub requests: u64,
    /// Counters: refusals, by the index of their place in [`REFUSALS`] and their code.
    pub refused: BTreeMap<(usize, &'static str), u64>,
    /// Counters: the commits, by the upper bound of their duration in seconds.
    pub commits: Vec<(f64, u64)>,
    /// Bytes of memory.
    pub memory: u64,
    /// Bytes that wait to be written to clients.
    pub outbox: u64,
    /// Commands that wait for the database.
    pub queue: u64,
    /// Nodes that are alive; 0 for a single server.
    pub nodes: u64,
    /// Seconds since the start.
    pub uptime: u64,
}

impl Sample {
    /// The sample of a time.
    pub fn of(at: i64, readings: &MetricReadings) -> Self {
        let transport = |name| readings.by_label("connections").find(|(label, _)| *label == name).map_or(0, |(_, value)| value);
        let refused = REFUSALS
            .iter()
            .enumerate()
            .flat_map(|(place, (family, _))| readings.by_label(family).map(move |(code, count)| ((place, code), count)));
        Self {
            at,
            websocket: transport("websocket"),
            polling: transport("polling"),
            raw: transport("raw"),
            sockets: readings.number("sockets"),
            accepted: readings.number("all_facts_accepted"),
            delivered: readings.number("deliveries"),
            confirmed: readings.number("all_facts_confirmed") + readings.number("all_facts_resumed"),
            expired: readings.number("all_facts_expired"),
            requests: readings.number("requests") + readings.number("rest_requests"),
            refused: refused.collect(),
            commits: readings.histogram("writer_commit_seconds").map(|commits| commits.buckets().collect()).unwrap_or_default(),
            memory: readings.number("memory_bytes"),
            outbox: readings.number("outbox_bytes"),
            queue: readings.number("writer_queue"),
            nodes: readings.number("nodes"),
            uptime: readings.number("uptime_seconds"),
        }
    }

    /// Open connections of all transports.
    pub fn connections(&self) -> u64 {
        self.websocket + self.polling + self.raw
    }

    /// The increase of a counter since an earlier sample, per second.
    pub fn rate(&self, earlier: &Self, counter: impl Fn(&Self) -> u64) -> f64 {
        let seconds = (self.at - earlier.at).max(1) as f64;
        counter(self).saturating_sub(counter(earlier)) as f64 / seconds
    }

    /// The duration in seconds that a share of the commits since an earlier sample did not exceed, interpolated within its bucket. `None` without a commit.
    pub fn commit_quantile(&self, earlier: &Self, share: f64) -> Option<f64> {
        let before = |index: usize| earlier.commits.get(index).map_or(0, |(_, count)| *count);
        let buckets = self.commits.iter().enumerate().map(|(index, (bound, count))| (*bound, count.saturating_sub(before(index))));
        quantile(&buckets.collect::<Vec<_>>(), share)
    }
}

/// The value that a share of all values did not exceed. The inputs are the buckets of a histogram with their upper bounds, and the share from 0 to 1.
fn quantile(buckets: &[(f64, u64)], share: f64) -> Option<f64> {
    let all: u64 = buckets.iter().map(|(_, count)| count).sum();
    let (mut wanted, mut lower) = (share * all as f64, 0.0);
    for (bound, count) in buckets.iter().filter(|_| all > 0) {
        let count = *count as f64;
        if count > 0.0 && wanted <= count {
            // The last bucket has no upper bound.
            return Some(if bound.is_finite() { lower + (bound - lower) * wanted / count } else { lower });
        }
        wanted -= count;
        lower = *bound;
    }
    None
}

/// The samples of the last 15 minutes. At most [`CAPACITY`]; the oldest ones are dropped.
#[derive(Default)]
pub struct Samples(Mutex<VecDeque<Sample>>);

impl Samples {
    /// Adds the values of a time.
    pub fn push(&self, at: i64, readings: &MetricReadings) {
        let mut samples = self.lock();
        if samples.len() >= CAPACITY {
            samples.pop_front();
        }
        samples.push_back(Sample::of(at, readings));
    }

    /// The samples, the oldest first.
    pub fn all(&self) -> Vec<Sample> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Sample>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ring_keeps_the_newest_samples() {
        let samples = Samples::default();
        (0..CAPACITY as i64 + 3).for_each(|at| samples.push(at, &MetricReadings::default()));
        let all = samples.all();
        assert_eq!((all.len(), all[0].at, all[CAPACITY - 1].at), (CAPACITY, 3, CAPACITY as i64 + 2));
    }

    #[test]
    fn rate_is_the_increase_per_second() {
        let earlier = Sample { at: 100, accepted: 10, ..Sample::default() };
        let later = Sample { at: 105, accepted: 30, ..Sample::default() };
        assert_eq!(later.rate(&earlier, |sample| sample.accepted), 4.0);
        // A counter that begins again has no negative rate.
        assert_eq!(earlier.rate(&later, |sample| sample.accepted), 0.0);
    }

    #[test]
    fn quantile_is_interpolated_within_its_bucket() {
        let buckets = [(1.0, 50), (2.0, 50), (f64::INFINITY, 0)];
        assert_eq!([0.5, 0.75, 0.99].map(|share| quantile(&buckets, share)), [Some(1.0), Some(1.5), Some(1.98)]);
        assert_eq!(quantile(&[(1.0, 0), (f64::INFINITY, 3)], 0.5), Some(1.0));
        assert_eq!(quantile(&[(1.0, 0), (f64::INFINITY, 0)], 0.5), None);
    }

    #[test]
    fn commit_quantile_counts_only_commits_since_the_earlier_sample() {
        let earlier = Sample { commits: vec![(1.0, 1000), (2.0, 0)], ..Sample::default() };
        let later = Sample { commits: vec![(1.0, 1000), (2.0, 10)], ..Sample::default() };
        assert_eq!(later.commit_quantile(&earlier, 0.5), Some(1.5));
        assert_eq!(later.commit_quantile(&later.clone(), 0.5), None);
    }
}
