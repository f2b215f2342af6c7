//! The nodes, and clients that send single requests.

pub mod client;
pub mod cluster;
