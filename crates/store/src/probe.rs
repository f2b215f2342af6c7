//! Whether a database can be used, found out without a lock and without a change.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use domain::ids::Timestamp;
use rusqlite::{Connection, OpenFlags};

use crate::database::{Location, OpenError, parse_url};
use crate::migrations;
use crate::postgres::{Link, Purpose, is_postgres_url, parse};

/// A database that can be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DatabaseProbe {
    /// The version of its schema. `None` for a database that the start of the server creates.
    pub schema: Option<i64>,
    /// The version of the newest schema that this program knows. The start of the server updates an older one.
    pub newest_schema: i64,
    /// The time of PostgreSQL's clock. `None` for SQLite, which has no clock of its own.
    pub time: Option<Timestamp>,
}

/// Connects to the database of a URL, also while a server uses it. It blocks the thread. `holder` is the name of this process in PostgreSQL's list of sessions.
///
/// # Errors
/// An [`OpenError`]: the database cannot be reached or read, or a newer program has written it.
pub fn probe(url: &str, holder: &str) -> Result<DatabaseProbe, OpenError> {
    let newest_schema = migrations::newest();
    let (schema, time) = if is_postgres_url(url) { probe_postgres(url, holder)? } else { (probe_sqlite(url)?, None) };
    match schema {
        Some(theirs) if theirs > newest_schema => Err(OpenError::Newer { theirs, ours: newest_schema }),
        _ => Ok(DatabaseProbe { schema, newest_schema, time }),
    }
}

fn probe_sqlite(url: &str) -> Result<Option<i64>, OpenError> {
    let path = match parse_url(url)? {
        Location::Memory => return Ok(None),
        Location::File(path) => path,
    };
    if fs::metadata(&path).is_ok_and(|file| file.len() == 0) || is_absent(&path) {
        return Ok(None);
    }
    let named = |error: rusqlite::Error| OpenError::Failed(format!("{}: {error}", path.display()));
    let connection =
        Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(named)?;
    let newest = "SELECT COALESCE(MAX(version), 0) FROM migrations";
    connection.query_row(newest, (), |row| row.get(0)).map(Some).map_err(named)
}

fn is_absent(path: &Path) -> bool {
    fs::metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

fn probe_postgres(url: &str, holder: &str) -> Result<(Option<i64>, Option<Timestamp>), OpenError> {
    let mut link = Link::open(&Arc::new(parse(url)?), Purpose::Other, holder)?;
    let now = migrations::read(&mut link, "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT")?;
    let time = now.first().map(|row| row.get(0)).map(Timestamp);
    let has_schema = migrations::read(
        &mut link,
        "SELECT COUNT(*)::BIGINT FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = 'migrations'",
    )?;
    if has_schema.first().is_none_or(|row| row.get::<_, i64>(0) == 0) {
        return Ok((None, time));
    }
    let schema = migrations::read(&mut link, "SELECT COALESCE(MAX(version), 0)::BIGINT FROM migrations")?;
    Ok((schema.first().map(|row| row.get(0)), time))
}
