//! The pause after a failed read of the log.

use std::time::Duration;

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(1);

/// The pause before the next read: none after a success, and twice as long after each failure.
#[derive(Debug)]
pub struct Retry {
    first: Duration,
    failures: u32,
}

impl Retry {
    /// A pause that begins with `first`.
    pub fn new(first: Duration) -> Self {
        Self { first, failures: 0 }
    }

    /// A read has failed.
    pub fn fail(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// A read has succeeded.
    pub fn succeed(&mut self) {
        self.failures = 0;
    }

    /// How long to wait before the next read; `None` after a success.
    pub fn pause(&self) -> Option<Duration> {
        let doublings = self.failures.checked_sub(1)?.min(16);
        Some((self.first * 2_u32.pow(doublings)).min(LONGEST))
    }
}
