//! The rate limits of this contract.

use limits::rate_limit::RateLimitClass;

/// The typing events of a user. The contract's specification demands a limit without a number. With this one, a client that sends an event at
/// every key still repeats it in time, because typing lasts six seconds.
pub(super) const TYPING: RateLimitClass = RateLimitClass::per_minute("messenger typing", 60);
