//! Whether new connections are taken at all. Whoever is turned away here has done nothing wrong, and is told when to come again.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The door of the whole server. It is looked at for each handshake, so looking costs no lock.
#[derive(Default)]
pub struct Admission {
    /// When the server will be gone, once it is told to stop.
    ends: OnceLock<Instant>,
}

/// Why nobody is let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Closed {
    /// The server stops.
    Stopping {
        /// Whole seconds after which it is gone, and another may be there.
        retry_after: u64,
    },
}

impl Closed {
    /// The word that programs read; part of the public API.
    pub fn code(self) -> &'static str {
        match self {
            Self::Stopping { .. } => "stopping",
        }
    }

    /// The same for people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Stopping { .. } => "the server is stopping",
        }
    }

    /// Whole seconds after which it is worth trying again.
    pub fn retry_after(self) -> u64 {
        match self {
            Self::Stopping { retry_after } => retry_after,
        }
    }
}

impl Admission {
    /// Lets nobody in any more: the server will be gone after this time.
    pub fn stop(&self, over: Duration) {
        // Who says so twice has said it before.
        let _ = self.ends.set(Instant::now() + over);
    }

    /// Why nobody is let in, if nobody is.
    pub fn closed(&self) -> Option<Closed> {
        let left = self.ends.get()?.saturating_duration_since(Instant::now());
        Some(Closed::Stopping { retry_after: left.as_secs() + 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_stops_lets_nobody_in_and_says_when_it_will_be_gone() {
        let admission = Admission::default();
        assert_eq!(admission.closed(), None);
        admission.stop(Duration::from_secs(3600));
        let closed = admission.closed().unwrap();
        assert!((3500..=3601).contains(&closed.retry_after()), "{closed:?}");
    }
}
