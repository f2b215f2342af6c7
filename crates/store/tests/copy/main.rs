//! A copy has every row of the source, continues its numbers, and either succeeds as a whole or leaves an empty target.

#![allow(clippy::unwrap_used, clippy::panic)]

mod filled;
mod numbers;
mod refusals;
mod rows;

use std::path::Path;

use store::{CopiedRows, CopyError, Options, copy_database};
use test_postgres::TestServer;

/// The options of a file of SQLite.
fn sqlite(path: &Path) -> Options {
    options(&format!("sqlite://{}", path.display()))
}

/// The options of a database that a test server has created.
fn postgres() -> Options {
    options(&TestServer::shared().create_database())
}

/// Each use of a database has a name of its own, as each process has.
fn options(url: &str) -> Options {
    Options { holder: "process 7 (copy)".to_owned(), ..Options::new(url) }
}

fn copy(source: &Options, target: &Options) -> Result<Vec<CopiedRows>, CopyError> {
    copy_database(source, target, &mut |_| {})
}

/// The name of a database of the test server.
fn database_of(options: &Options) -> &str {
    options.url.rsplit('/').next().unwrap()
}
