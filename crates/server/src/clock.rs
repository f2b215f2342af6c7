//! The system clock. Only this module reads it; all other code receives the time as a parameter.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::ids::Timestamp;

/// Seconds since 1970-01-01T00:00:00Z.
pub fn seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Microseconds since 1970-01-01T00:00:00Z.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
