//! The store, the only crate with SQL. It implements the store traits of `domain::seam` and has no rules of its own.
//!
//! Read in this order:
//!
//! - [`Database`]: a database, found by its URL, brought up to date and opened, by one process at a time (`lock`). [`private`]: the modes of its files.
//! - [`Writer`]: the one thread that changes the database, many commands a transaction. [`Readers`]: the threads that execute queries.
//! - [`Figures`]: statistics of the writer.
//! - `people`, `spaces`, `tasks`, `chat`, `calls`, `reads`, `trips`, `notifications`, `journal`, `keys`, `sessions`, `removals`: one file an area,
//!   one SQL text for SQLite and PostgreSQL.
//! - `driver`: the interface of a database driver. `sqlite`: the one driver so far.

mod batch;
mod blocks;
mod calls;
mod chat;
mod driver;
mod figures;
mod journal;
mod keys;
mod location;
mod lock;
mod marks;
mod migrations;
mod notifications;
mod people;
pub mod private;
mod queue;
mod readers;
mod reads;
mod removals;
mod sequences;
mod sessions;
mod spaces;
mod sqlite;
mod tasks;
mod trips;
mod usage;
mod writer;

pub use figures::{Figures, Histogram};
pub use location::{Database, OpenError, Options};
pub use readers::Readers;
pub use writer::{Outlet, Writer};
