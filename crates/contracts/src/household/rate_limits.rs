//! The rate limits of this contract.

use limits::rate_limit::RateLimitClass;

/// The changes of a user's profile. Each is an event in every household of the user.
pub(super) const PROFILE_CHANGES: RateLimitClass = RateLimitClass::per_minute("profile changes", 10);
