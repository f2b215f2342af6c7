//! How many connections the system allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many descriptors this process may have; `None` for no limit.
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Raises the soft limit of open files to the hard one, as Node does: the usual soft limit of 1024 would end a server at a thousand clients.
/// Returns the limit that holds, `None` for no limit. If the system refuses, the old one stays.
pub fn raise() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    if raised.is_ok() { limit.maximum } else { limit.current }
}
