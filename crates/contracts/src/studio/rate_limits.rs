//! The rate limits of this contract. Its specification demands them.

use limits::rate_limit::RateLimitClass;

/// The messages of a user, over sockets and REST.
pub(super) const MESSAGES: RateLimitClass = RateLimitClass::per_minute("studio messages", 10);

/// The typing events of a user.
pub(super) const TYPING: RateLimitClass = RateLimitClass::per_minute("studio typing", 30);
