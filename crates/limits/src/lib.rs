//! Limits of what clients can take of the server.
//!
//! - [`rate_limit`]: rate limits of each user and of each address.
//! - [`admission`]: whether the server admits new connections.
//! - [`memory_guard`]: the memory in use, and its effect on new connections.
//! - [`bytes_in_memory`]: the bytes of incomplete input and unwritten output, counted for each client.
//! - [`json_memory`]: how much memory a client's JSON takes when it is parsed.

pub mod admission;
mod budget_name;
pub mod bytes_in_memory;
pub mod json_memory;
pub mod memory_guard;
pub mod rate_limit;
