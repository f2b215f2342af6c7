//! Several nodes as one server: events by offset over Redis, the list of nodes, and presence. It knows no events of the domain: bodies are bytes.
//!
//! Read in this order:
//!
//! - [`identity`]: the names of a node and of its cluster.
//! - [`wire`]: the messages between nodes, as bytes.
//! - [`sequencer`]: puts events into the order of their offsets, and finds gaps. [`EventLogReader`]: the log from which gaps are read.
//!   [`EventStream`]: the sequencer, shared by threads.
//! - [`membership`]: the nodes, and this node's lease. [`presence`]: who is online, on all nodes.
//! - [`shared_limits`]: limits that hold over all nodes.
//! - [`node`]: all decisions of a node together, and its tasks. [`redis`]: URL, connections, and the script of the lease.

mod event_log;
mod event_stream;
pub mod identity;
pub mod membership;
pub mod node;
pub mod presence;
pub mod redis;
pub mod sequencer;
pub mod shared_limits;
pub mod wire;

pub use event_log::{EventLogError, EventLogReader};
pub use event_stream::{EventSink, EventStream, OrderedAction};
