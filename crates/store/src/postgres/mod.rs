//! PostgreSQL as a driver.
//!
//! Read in this order:
//!
//! - `url`: what the URL of the database says. `tls`: TLS as its `sslmode` demands. `problem`: why a database cannot be used.
//! - `session`: one connection with its prepared statements, and how many statements share a round trip.
//! - `link`: a session that is replaced after it was lost, with its checks. `server_locks`: the locks that identify the servers of a database.
//! - `answers`: the questions of a batch, which are answered in few round trips.
//! - `combined`: many equal statements as one.
//! - `driver`: statements on a link, alone or in a transaction. `open_transaction`: the state of a transaction.
//! - `transactions`: the beginning, the parts, and the commit of a transaction. `event_buffer`: its events, which are written at its end.
//!   `lost_commits`: whether the database still has what this server has seen.
//! - `usage`: the usage of quotas that nodes share.
//! - `server`: a database that was found, migrated and locked.

mod answers;
mod combined;
mod driver;
mod event_buffer;
mod link;
mod lost_commits;
mod open_transaction;
mod problem;
mod server;
mod server_locks;
mod session;
mod tls;
mod transactions;
mod url;
mod usage;

pub(crate) use driver::Postgres;
pub(crate) use link::{Link, Purpose};
pub use problem::PostgresProblem;
pub(crate) use problem::describe;
pub(crate) use server::PostgresServer;
pub(crate) use server_locks::{LOCKS, RUNNING_NODES, lock_number};
pub(crate) use session::Request;
pub(crate) use url::{is_postgres_url, parse};
