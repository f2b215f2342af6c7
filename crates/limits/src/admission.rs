//! Whether the server admits new connections. A rejected client has done nothing wrong, so it receives a retry delay.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The retry delay in seconds for a client that was rejected because the server is short of memory.
const MEMORY_RETRY_SECONDS: u64 = 10;

/// The admission state of the whole server. Every handshake reads it, so reading takes no lock.
#[derive(Default)]
pub struct Admission {
    /// The time at which a stopping server will have ended.
    ends: OnceLock<Instant>,
    short_of_memory: AtomicBool,
}

/// The reason why the server admits no connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdmissionClosed {
    /// The server stops.
    Stopping {
        /// The seconds until the server has ended, and another may have started.
        retry_after: u64,
    },
    /// The server uses as much memory as it may.
    Memory,
}

impl AdmissionClosed {
    /// The code for programs; part of the public API.
    pub fn code(self) -> &'static str {
        match self {
            Self::Stopping { .. } => "stopping",
            Self::Memory => "short_of_memory",
        }
    }

    /// The text of the error message.
    pub fn description(self) -> &'static str {
        match self {
            Self::Stopping { .. } => "the server is stopping",
            Self::Memory => "the server is short of memory",
        }
    }

    /// The retry delay in whole seconds.
    pub fn retry_after(self) -> u64 {
        match self {
            Self::Stopping { retry_after } => retry_after,
            Self::Memory => MEMORY_RETRY_SECONDS,
        }
    }
}

impl Admission {
    /// Admits no more connections. `over` is the time until the server has ended.
    pub fn stop(&self, over: Duration) {
        // The first call sets the time; later ones change nothing.
        let _ = self.ends.set(Instant::now() + over);
    }

    /// The reason why the server admits no connections; `None` if it admits them.
    pub fn closed(&self) -> Option<AdmissionClosed> {
        if let Some(ends) = self.ends.get() {
            let left = ends.saturating_duration_since(Instant::now());
            return Some(AdmissionClosed::Stopping { retry_after: left.as_secs() + 1 });
        }
        self.short_of_memory.load(Ordering::Relaxed).then_some(AdmissionClosed::Memory)
    }

    /// Admits no connections while the server is short of memory.
    pub fn short_of_memory(&self, short: bool) {
        self.short_of_memory.store(short, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_memory_and_a_stop_close_admission() {
        let admission = Admission::default();
        assert_eq!(admission.closed(), None);
        admission.short_of_memory(true);
        assert_eq!(admission.closed(), Some(AdmissionClosed::Memory));
        admission.short_of_memory(false);
        assert_eq!(admission.closed(), None);
        admission.stop(Duration::from_secs(3600));
        let closed = admission.closed().unwrap();
        assert!((3500..=3601).contains(&closed.retry_after()), "{closed:?}");
    }
}
