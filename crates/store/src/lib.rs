//! The store, the only crate with SQL. It implements the store traits of `domain::ports` and has no rules of its own.
//!
//! Read in this order:
//!
//! - [`Database`]: a database, found by its URL, brought up to date and opened, by one process at a time (`lock`) or by several nodes.
//!   `file_modes`: the modes of its files.
//! - [`Writer`]: the one thread that changes the database, many commands a transaction. [`Readers`]: the threads that execute queries.
//!   `queue`: the queues of both. `outage`: rejects what waits while the database does not answer.
//! - `server_command`: commands of the server itself.
//! - [`WriterStats`]: statistics of the writer.
//! - `users`, `spaces`, `tasks`, `chat`, `calls`, `read_markers`, `trips`, `notifications`, `event_log`, `idempotency`, `sessions`, `removals`: one file an area,
//!   one SQL text for SQLite and PostgreSQL.
//! - [`copy_database`]: copies all data to another database.
//! - [`backup_sqlite`] and [`restore_sqlite`]: a copy of a SQLite database in one file, made while a server runs.
//! - [`probe`](fn@probe): whether a database can be used.
//! - `driver`: the interface of a database driver. `sqlite` and `postgres`: the two drivers.

mod backup;
mod batch;
mod blocks;
mod calls;
mod chat;
mod copy;
mod counters;
mod database;
mod driver;
mod event_log;
mod file_modes;
mod idempotency;
mod lock;
mod migrations;
mod notifications;
mod outage;
mod postgres;
mod probe;
mod queue;
mod read_markers;
mod readers;
mod removals;
mod sequences;
mod server_command;
mod sessions;
mod spaces;
mod sqlite;
mod stats;
mod tasks;
mod trips;
mod usage;
mod users;
mod writer;

pub use backup::{BackedUp, BackupError, BackupProgress, backup_sqlite, restore_sqlite};
pub use copy::{CopiedRows, CopyError, CopyProgress, CopyRole, copy_database};
pub use database::{ClusterStart, Database, NodeOptions, OpenError, Options};
pub use postgres::PostgresProblem;
pub use probe::{DatabaseProbe, probe};
pub use readers::Readers;
pub use stats::{Histogram, WriterStats};
pub use writer::{CommitSink, WaitingCommands, Writer};
