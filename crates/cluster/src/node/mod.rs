//! A node: its decisions ([`NodeCore`]), and the tasks that execute them ([`ClusterNode`]).

mod backoff;
mod cluster_node;
mod core;
mod ephemeral_batch;
mod lease_task;
mod log_task;
mod publish_task;
mod shared;
mod sink;
mod stats;
mod subscribe_task;

pub use cluster_node::{ClusterConfig, ClusterError, ClusterNode};
pub use core::{CoreOutput, NodeCore};
pub use sink::ClusterSink;
pub use stats::ClusterStats;
