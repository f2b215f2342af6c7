//! Latencies, measured with the load generator's monotonic clock.

use std::time::Duration;

/// The samples, in microseconds.
#[derive(Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    pub fn add(&mut self, latency: Duration) {
        self.0.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    /// The value in microseconds below which the share of the samples lies, such as 0.99. NaN if there are no samples.
    pub fn percentile(&mut self, share: f64) -> f64 {
        if self.0.is_empty() {
            return f64::NAN;
        }
        let index = ((self.0.len() - 1) as f64 * share).round() as usize;
        f64::from(*self.0.select_nth_unstable(index).1)
    }
}

impl FromIterator<Duration> for Latencies {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Self {
        let mut latencies = Self::default();
        durations.into_iter().for_each(|duration| latencies.add(duration));
        latencies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_101_samples() {
        let mut latencies: Latencies = (0..=100).rev().map(Duration::from_micros).collect();
        assert_eq!((latencies.percentile(0.5), latencies.percentile(0.99)), (50.0, 99.0));
    }
}
