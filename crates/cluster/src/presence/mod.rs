//! Presence over all nodes: each node is the only authority for its own entries, and knows the union.
//!
//! State machines: the caller passes the time. Read in this order: [`OwnPresence`], [`PeerPresence`], [`ClusterPresence`].

mod digest;
mod own;
mod peer;
mod union;

pub use own::OwnPresence;
pub use peer::{PeerPresence, PeerUpdate};
pub use union::{ClusterPresence, PresenceTransition};

#[cfg(test)]
mod tests;
