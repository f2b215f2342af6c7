//! Several nodes as one server: how the events, replies and presence of this node reach the connections of all nodes, and back.
//!
//! - `event_codec`: events as bytes.
//! - [`NodeHandle`]: this node, once it has started.
//! - [`ClusterPublisher`]: committed events and replies, from the writer to all nodes.
//! - [`ClusterBus`]: ephemeral events and presence of this node.
//! - [`ConnectionSink`]: the events and the presence of all nodes, to the connections of this one.
//! - `presence_entries`: the keys and values of the presence that nodes share.
//! - `user_connections`: the connections of each user on this node, for the caps over all nodes.
//! - `delivery_delays`: how long events take.
//! - [`LogReader`]: the event log, from which a node reads what it missed.

mod cluster_bus;
mod cluster_publisher;
mod connection_sink;
mod delivery_delays;
mod event_codec;
mod log_reader;
mod node_handle;
mod presence_entries;
mod user_connections;

pub use cluster::node::ClusterNode;
pub use cluster_bus::ClusterBus;
pub use cluster_publisher::ClusterPublisher;
pub use connection_sink::{ConnectionSink, NodeObserver};
pub use delivery_delays::no_delivery_delays;
pub use log_reader::LogReader;
pub use node_handle::NodeHandle;
