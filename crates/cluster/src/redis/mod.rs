//! Redis: its URL, its errors, and the script of the lease.

mod connector;
mod describe_error;
mod lease_store;
mod server_version;
mod url;

pub use connector::RedisConnector;
pub use lease_store::{LeaseStore, TakeLeaseError};
pub use url::{RedisUrl, RedisUrlError};
