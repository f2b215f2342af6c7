//! The system clock. Only this module reads it; all other code receives the time as a parameter.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use domain::ids::Timestamp;

/// Seconds since 1970-01-01T00:00:00Z.
pub fn seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Microseconds since 1970-01-01T00:00:00Z. A node follows the clock of the database: see [`follow`].
pub fn now() -> Timestamp {
    Timestamp(system_micros().saturating_add(AHEAD.load(Ordering::Relaxed)))
}

/// Makes [`now`] follow the clock of the database, whose present time is `time`: nodes compare times that other nodes have stored.
pub fn follow(time: Timestamp) {
    let ahead = time.0.saturating_sub(system_micros());
    if ahead.abs() > NOTABLE_MICROS {
        tracing::warn!(
            seconds = ahead / 1_000_000,
            "the clock of PostgreSQL differs from that of this machine; this node follows PostgreSQL"
        );
    }
    AHEAD.store(ahead, Ordering::Relaxed);
}

/// How far the clock of the database is ahead of this machine's, in microseconds.
static AHEAD: AtomicI64 = AtomicI64::new(0);

/// From which difference on a log line names it.
const NOTABLE_MICROS: i64 = 1_000_000;

fn system_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
