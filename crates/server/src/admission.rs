//! Whether new connections are taken at all. Whoever is turned away here has done nothing wrong, and is told when to come again.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// After how many seconds a client that was refused for want of memory may try again.
const MEMORY_PAUSE: u64 = 10;

/// The door of the whole server. It is looked at for each handshake, so looking costs no lock.
#[derive(Default)]
pub struct Admission {
    /// When the server will be gone, once it is told to stop.
    ends: OnceLock<Instant>,
    short_of_memory: AtomicBool,
}

/// Why nobody is let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Closed {
    /// The server stops.
    Stopping {
        /// Whole seconds after which it is gone, and another may be there.
        retry_after: u64,
    },
    /// The server uses as much memory as it may.
    Memory,
}

impl Closed {
    /// The word that programs read; part of the public API.
    pub fn code(self) -> &'static str {
        match self {
            Self::Stopping { .. } => "stopping",
            Self::Memory => "short_of_memory",
        }
    }

    /// The same for people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Stopping { .. } => "the server is stopping",
            Self::Memory => "the server is short of memory",
        }
    }

    /// Whole seconds after which it is worth trying again.
    pub fn retry_after(self) -> u64 {
        match self {
            Self::Stopping { retry_after } => retry_after,
            Self::Memory => MEMORY_PAUSE,
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
        if let Some(ends) = self.ends.get() {
            let left = ends.saturating_duration_since(Instant::now());
            return Some(Closed::Stopping { retry_after: left.as_secs() + 1 });
        }
        self.short_of_memory.load(Ordering::Relaxed).then_some(Closed::Memory)
    }

    /// Lets nobody in while there is too little memory.
    pub fn short_of_memory(&self, short: bool) {
        self.short_of_memory.store(short, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_let_in_for_want_of_memory_or_when_the_server_stops() {
        let admission = Admission::default();
        assert_eq!(admission.closed(), None);
        admission.short_of_memory(true);
        assert_eq!(admission.closed(), Some(Closed::Memory));
        admission.short_of_memory(false);
        assert_eq!(admission.closed(), None);
        admission.stop(Duration::from_secs(3600));
        let closed = admission.closed().unwrap();
        assert!((3500..=3601).contains(&closed.retry_after()), "{closed:?}");
    }
}
