//! Latencies, as the generator's monotonic clock saw them.

use std::time::Duration;

/// Microseconds, a sample each.
#[derive(Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    pub fn add(&mut self, latency: Duration) {
        self.0.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    /// The value below which `share` of the samples lie.
    pub fn percentile(&mut self, share: f64) -> f64 {
        if self.0.is_empty() {
            return f64::NAN;
        }
        let place = ((self.0.len() - 1) as f64 * share).round() as usize;
        f64::from(*self.0.select_nth_unstable(place).1)
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
    fn percentiles_of_a_hundred_and_one_samples() {
        let mut latencies: Latencies = (0..=100).rev().map(Duration::from_micros).collect();
        assert_eq!((latencies.percentile(0.5), latencies.percentile(0.99)), (50.0, 99.0));
    }
}
