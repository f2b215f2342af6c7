//! The pause before a connection is opened again.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(50);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(2);

/// Twice as long after each failure, and random by a quarter, so that many nodes do not connect at the same moment.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The connection works.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The pause after a failure. `random`: any number.
    pub fn next(&mut self, random: u32) -> Duration {
        let pause = (FIRST * 2_u32.pow(self.failures.min(16))).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        pause - pause * (random % 256) / 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_stay_below_the_longest() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u128> = (0..8).map(|_| backoff.next(0).as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
        backoff.reset();
        let pause = backoff.next(u32::MAX);
        assert!(pause < FIRST && pause > FIRST * 7 / 10, "{pause:?}");
    }
}
