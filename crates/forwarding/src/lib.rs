//! Forwards the requests of a session to the node that owns it, so that a load balancer needs no sticky sessions.
//!
//! Read in this order:
//!
//! - `proof`: how a node proves that it forwards a request.
//! - `nodes`: the other nodes, and the end of what is forwarded to one that is gone.
//! - `connect`: connections to other nodes.
//! - `message`: heads of requests and responses on their way between nodes.
//! - `response_body`: a response that reports its loss to the owner.
//! - `pump`: one direction of a relayed WebSocket. `relay`: both directions.
//! - `stats`: counters.
//! - `forwarder`: all of it together.

mod connect;
mod forwarder;
mod message;
mod nodes;
mod proof;
mod pump;
mod relay;
mod response_body;
mod stats;

pub use forwarder::{Forwarder, ForwarderParts, Received, ResponseBody, Sender};
pub use proof::{ClusterKey, Purpose};
pub use stats::ForwardingStats;
