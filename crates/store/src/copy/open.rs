//! The checks before a copy, and the opening of both databases.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use crate::copy::ends::{CopySource, CopyTarget};
use crate::copy::postgres::PostgresEnd;
use crate::copy::problem::{CopyError, CopyRole};
use crate::copy::sqlite::SqliteEnd;
use crate::database::{Database, OpenError, Options, Place};
use crate::postgres::{Link, PostgresProblem, Purpose, is_postgres_url, parse};

/// 1 if the database has the table of the applied migrations, else 0.
const SQLITE_HAS_MIGRATIONS: &str = "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'";
const SQLITE_HAS_TABLES: &str = "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table'";
const POSTGRES_HAS_MIGRATIONS: &str =
    "SELECT COUNT(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = 'migrations'";

/// Both databases, opened, locked, and with the current schema.
pub(super) struct OpenedEnds {
    source: Database,
    target: Database,
}

impl OpenedEnds {
    /// Opens both. The source must exist: a new one would be created by mistake.
    pub(super) fn open(source: &Options, target: &Options) -> Result<Self, CopyError> {
        for (role, options) in [(CopyRole::Source, source), (CopyRole::Target, target)] {
            if options.url == "sqlite::memory:" {
                return Err(CopyError::InMemory(role));
            }
        }
        check_source(source)?;
        let source = open(CopyRole::Source, source)?;
        check_target(target)?;
        let target = open(CopyRole::Target, target)?;
        Ok(Self { source, target })
    }

    /// Begins to read the source.
    pub(super) fn source(&self) -> Result<Box<dyn CopySource>, CopyError> {
        let role = CopyRole::Source;
        Ok(match self.source.place() {
            Place::Sqlite(file) => Box::new(SqliteEnd::source(file, self.source.options())?),
            Place::Postgres(server) => Box::new(PostgresEnd::source(server.reader().map_err(|error| CopyError::Open { role, error })?)?),
        })
    }

    /// Begins to write the target, in PostgreSQL on the session that holds the lock: the transaction has ended before another process gets the lock.
    pub(super) fn target(&self) -> Result<Box<dyn CopyTarget>, CopyError> {
        let role = CopyRole::Target;
        Ok(match self.target.place() {
            Place::Sqlite(file) => Box::new(SqliteEnd::target(file, self.target.options())?),
            Place::Postgres(server) => {
                let (session, ()) = server.start_writer(|_| Ok(())).map_err(|error| CopyError::Open { role, error })?;
                Box::new(PostgresEnd::target(session.0.into_link())?)
            }
        })
    }

    /// The path of the target's file, or the address and the name of the database.
    pub(super) fn target_name(&self) -> String {
        name(self.target.options())
    }
}

fn open(role: CopyRole, options: &Options) -> Result<Database, CopyError> {
    let in_use = |holder: &str| {
        let database = name(options);
        // Both ends have the name of this process.
        if holder.contains(&options.holder) {
            return CopyError::Same(database);
        }
        CopyError::InUse { role, database, holder: holder.to_owned() }
    };
    Database::open(options.clone()).map_err(|error| match &error {
        OpenError::InUse { holder, .. }
        | OpenError::Postgres(PostgresProblem::InUse { holder, .. } | PostgresProblem::NodesRun { holder, .. }) => in_use(holder),
        _ => CopyError::Open { role, error },
    })
}

/// Where a database is, without its password.
fn name(options: &Options) -> String {
    if is_postgres_url(&options.url) {
        return parse(&options.url).map(|target| target.server).unwrap_or_default();
    }
    sqlite_path(options).map(|path| path.display().to_string()).unwrap_or_default()
}

fn sqlite_path(options: &Options) -> Option<&Path> {
    options.url.strip_prefix("sqlite://").filter(|path| !path.is_empty()).map(Path::new)
}

fn check_source(options: &Options) -> Result<(), CopyError> {
    let not_roomcast = |reason: &str| Err(CopyError::NotRoomcast { database: name(options), reason: reason.to_owned() });
    let missing = "it has no table \"migrations\"";
    if is_postgres_url(&options.url) {
        let failed = |error: PostgresProblem| CopyError::Open { role: CopyRole::Source, error: error.into() };
        let target = Arc::new(parse(&options.url).map_err(failed)?);
        let link = Link::open(&target, Purpose::Other, &options.holder).map_err(failed)?;
        let has_migrations = PostgresEnd::source(link)?.has(POSTGRES_HAS_MIGRATIONS)?;
        return if has_migrations { Ok(()) } else { not_roomcast(missing) };
    }
    // A malformed URL fails when it is opened.
    let Some(path) = sqlite_path(options) else { return Ok(()) };
    if let Err(error) = fs::metadata(path) {
        return not_roomcast(&error.to_string());
    }
    match sqlite_has(path, SQLITE_HAS_MIGRATIONS) {
        Ok(true) => Ok(()),
        Ok(false) => not_roomcast(missing),
        Err(error) => not_roomcast(&error.to_string()),
    }
}

/// Refuses a file of another program. [`Database::open`] does the same for PostgreSQL.
fn check_target(options: &Options) -> Result<(), CopyError> {
    let Some(path) = sqlite_path(options).filter(|path| fs::metadata(path).is_ok_and(|file| file.len() > 0)) else { return Ok(()) };
    let failed = |reason: String| CopyError::Failed { role: CopyRole::Target, reason: format!("{}: {reason}", path.display()) };
    let foreign = (|| Ok(sqlite_has(path, SQLITE_HAS_TABLES)? && !sqlite_has(path, SQLITE_HAS_MIGRATIONS)?))();
    match foreign.map_err(|error: rusqlite::Error| failed(error.to_string()))? {
        true => Err(failed("the file belongs to another program; name a new file".to_owned())),
        false => Ok(()),
    }
}

fn sqlite_has(path: &Path, sql: &str) -> rusqlite::Result<bool> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.query_row(sql, (), |row| row.get::<_, i64>(0)).map(|count| count > 0)
}
