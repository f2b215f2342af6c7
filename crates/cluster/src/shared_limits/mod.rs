//! Limits that hold over all nodes: the connections of a user, and budgets.
//!
//! - [`OpenConnections`]: the value of a user's online entry, with a logical time for each connection. [`excess`]: the connections that a node must close.
//! - [`UsageReports`]: what this node has charged to budgets, for the other nodes.

mod connection_caps;
mod usage_reports;

pub use connection_caps::{LogicalClock, OpenConnection, OpenConnections, excess};
pub use usage_reports::UsageReports;
