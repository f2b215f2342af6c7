//! The URL of the database, and opening it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::command::MembershipLimits;
use domain::ids::Timestamp;
use domain::ports::{Store, StoreError};
use domain::quotas::QuotaBounds;
use rusqlite::Connection;
use tempfile::TempDir;
use thiserror::Error;

use crate::driver::{Tables, Transactions};
use crate::file_modes;
use crate::lock::lock;
use crate::migrations;
use crate::postgres::{PostgresProblem, PostgresServer, is_postgres_url};
use crate::sqlite::{self, Sqlite};

/// The options for opening a database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The URL: `sqlite://data/roomcast.db` (relative), `sqlite:///var/lib/roomcast.db` (absolute), `sqlite::memory:` (deleted with the process), or
    /// `postgres://user:password@host:5432/database` with the options of libpq.
    pub url: String,
    /// How long a write waits for another program that has locked the database.
    pub busy_timeout: Duration,
    /// The most pages (of 4 KB) that the file may have; for tests of a full disk.
    pub max_pages: Option<u32>,
    /// Names this process in the error of another process that opens the same file.
    pub holder: String,
    /// The bounds of memberships.
    pub bounds: MembershipLimits,
    /// The quotas of each user.
    pub quotas: QuotaBounds,
    /// For one of several servers that use the database; `None` for a single server. It needs PostgreSQL.
    pub node: Option<NodeOptions>,
}

/// The options of a server that is a node of a cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeOptions {
    /// The id, which no other node of the cluster has.
    pub id: String,
    /// The name of the epoch that begins if no other node uses the database; a new one at each start.
    pub epoch: String,
}

/// How a node has found the database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClusterStart {
    /// The epoch of the event log, which is the same for all nodes.
    pub epoch: String,
    /// Whether no other server has used the database: this node has begun the epoch.
    pub is_first: bool,
    /// The id of the database: 16 hexadecimal digits, made with its schema.
    pub database_id: String,
    /// The time of PostgreSQL's clock when the database was opened. Nodes compare times that other nodes have stored, so they all follow this clock.
    pub time: Timestamp,
}

impl Options {
    /// The default options for a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            busy_timeout: Duration::from_secs(5),
            max_pages: None,
            holder: format!("process {}", std::process::id()),
            bounds: MembershipLimits::default(),
            quotas: QuotaBounds::default(),
            node: None,
        }
    }
}

/// Why a database cannot be used. Each message is one line for the operator, and contains no password.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The text is not the URL of a database.
    #[error("the database's URL must be sqlite://path/to/roomcast.db, sqlite::memory: or postgres://user:password@host/database, not {0}")]
    Malformed(String),
    /// The folder of the file cannot be created.
    #[error("the folder {} cannot be made: {reason}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The error of the system.
        reason: std::io::Error,
    },
    /// SQLite is for a single server.
    #[error("several nodes need PostgreSQL; set DATABASE_URL to postgres://user:password@host/database, or run a single server")]
    NodeNeedsPostgres,
    /// Another process has locked the database.
    #[error("the database {} is in use by {holder}; stop that server first, or set DATABASE_URL to another file", database.display())]
    InUse {
        /// The database's file.
        database: PathBuf,
        /// The name of that process, from the lock file.
        holder: String,
    },
    /// The database's file has several names (hard links). SQLite keeps the write-ahead log beside the name with which the file was opened, and the
    /// lock file is beside that name, too. A server that opened the file with another name would see neither.
    #[error("the database {} has {links} names (hard links); keep one of them, and copy the file where you need another", database.display())]
    Linked {
        /// The database's file.
        database: PathBuf,
        /// How many names the file has.
        links: u64,
    },
    /// A newer version of the program wrote the database.
    #[error("the database is of a newer Roomcast (schema {theirs}, this program knows {ours}); start the newer program")]
    Newer {
        /// The schema's version in the database.
        theirs: i64,
        /// The newest version that this program knows.
        ours: i64,
    },
    /// A PostgreSQL database cannot be used.
    #[error(transparent)]
    Postgres(#[from] PostgresProblem),
    /// The database or the system returned an error.
    #[error("the database cannot be opened: {0}")]
    Failed(String),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// An opened database with the current schema. Cheap to clone; a database in memory is deleted with the last clone.
#[derive(Clone, Debug)]
pub struct Database(Arc<DatabaseHandle>);

#[derive(Debug)]
struct DatabaseHandle {
    options: Options,
    place: Place,
}

/// Where the data is.
#[derive(Debug)]
pub(crate) enum Place {
    Sqlite(SqliteFile),
    Postgres(Box<PostgresServer>),
}

/// A file of SQLite.
#[derive(Debug)]
pub(crate) struct SqliteFile {
    path: PathBuf,
    /// The lock file; the lock lasts until it is closed.
    _lock: File,
    /// The folder of a database "in memory", which is a file so that it behaves like every other database. The folder is deleted with the last clone.
    _temporary: Option<TempDir>,
}

impl Database {
    /// Finds or creates the database, locks it for this process until the last clone is dropped, and brings its schema up to date. A PostgreSQL
    /// database must exist. Nodes share the lock; the first of them begins an epoch.
    ///
    /// Only the owner may access the folder and files that it creates; see [`file_modes`].
    ///
    /// # Errors
    /// An [`OpenError`], whose message is one line.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let place = if is_postgres_url(&options.url) {
            Place::Postgres(Box::new(PostgresServer::open(&options)?))
        } else if options.node.is_some() {
            return Err(OpenError::NodeNeedsPostgres);
        } else {
            Place::Sqlite(SqliteFile::open(&options)?)
        };
        Ok(Self(Arc::new(DatabaseHandle { options, place })))
    }

    /// For a node: the epoch, whether it is the first, and the id of the database. `None` for a single server.
    pub fn cluster(&self) -> Option<&ClusterStart> {
        match &self.0.place {
            Place::Sqlite(_) => None,
            Place::Postgres(server) => server.cluster(),
        }
    }

    /// The database's file; `None` for PostgreSQL.
    pub fn path(&self) -> Option<&Path> {
        match &self.0.place {
            Place::Sqlite(file) => Some(&file.path),
            Place::Postgres(_) => None,
        }
    }

    /// Runs a function on the store in one transaction, for tests and tools. The server changes the store only through the [`Writer`](crate::Writer).
    ///
    /// # Errors
    /// [`OpenError::Failed`]; nothing is changed then.
    pub fn with_store<T>(&self, work: impl FnOnce(&mut dyn Store) -> T) -> Result<T, OpenError> {
        self.with_counted_store(work).map(|(output, _)| output)
    }

    /// [`Database::with_store`] that also returns the work of the database as a reproducible number. In SQLite these are the steps of its virtual
    /// machine (`SQLITE_STMTSTATUS_VM_STEP`): a visited row costs some steps, the depth of a tree none. In PostgreSQL these are the round trips.
    ///
    /// # Errors
    /// As [`Database::with_store`].
    pub fn with_counted_store<T>(&self, work: impl FnOnce(&mut dyn Store) -> T) -> Result<(T, u64), OpenError> {
        let file = match &self.0.place {
            Place::Sqlite(file) => file,
            Place::Postgres(server) => return server.with_store(|tables| work(tables)),
        };
        let connection = file.connect(&self.0.options)?;
        let mut session = Tables(Sqlite::new(&connection));
        session.0.begin()?;
        let output = work(&mut session);
        let steps = session.0.steps();
        session.0.commit()?;
        Ok((output, steps))
    }

    /// A connection to the file, for tests of SQLite.
    #[cfg(test)]
    pub(crate) fn sqlite_connection(&self) -> Connection {
        match &self.0.place {
            Place::Sqlite(file) => file.connect(&self.0.options).unwrap(),
            Place::Postgres(_) => unreachable!("this database is SQLite"),
        }
    }

    pub(crate) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(crate) fn place(&self) -> &Place {
        &self.0.place
    }
}

impl SqliteFile {
    fn open(options: &Options) -> Result<Self, OpenError> {
        let (path, temporary) = match parse_url(&options.url)? {
            Location::File(path) => (path, None),
            Location::Memory => {
                let folder = tempfile::Builder::new().prefix("roomcast-").tempdir();
                let folder = folder.map_err(|reason| OpenError::Folder { folder: std::env::temp_dir(), reason })?;
                (folder.path().join("memory.db"), Some(folder))
            }
        };
        if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
            file_modes::make_folder(folder).map_err(|reason| OpenError::Folder { folder: folder.to_owned(), reason })?;
        }
        file_modes::make_file(&path).map_err(|error| OpenError::Failed(format!("{}: {error}", path.display())))?;
        let lock = lock(&path, &options.holder)?;
        let file = Self { path, _lock: lock, _temporary: temporary };
        migrations::apply(&mut file.connect(options)?)?;
        Ok(file)
    }

    pub(crate) fn connect(&self, options: &Options) -> Result<Connection, OpenError> {
        sqlite::connect(&self.path, options)
    }

    pub(crate) fn connect_to_read(&self, options: &Options) -> Result<Connection, OpenError> {
        sqlite::connect_to_read(&self.path, options)
    }
}

#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Location {
    File(PathBuf),
    Memory,
}

pub(crate) fn parse_url(url: &str) -> Result<Location, OpenError> {
    if url == "sqlite::memory:" {
        return Ok(Location::Memory);
    }
    // The error message has only the scheme, because the rest of a URL may contain a password.
    let Some((scheme, path)) = url.split_once("://") else { return Err(OpenError::Malformed("a URL without ://".to_owned())) };
    match scheme {
        "sqlite" if path.is_empty() || path.ends_with('/') => Err(OpenError::Malformed("sqlite:// without a file's name".to_owned())),
        "sqlite" if path.contains('?') => Err(OpenError::Malformed("sqlite:// with options behind a ?".to_owned())),
        "sqlite" => Ok(Location::File(path.into())),
        _ => Err(OpenError::Malformed(format!("{scheme}://…"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_names_a_file_or_memory() {
        assert_eq!(parse_url("sqlite://data/roomcast.db").unwrap(), Location::File("data/roomcast.db".into()));
        assert_eq!(parse_url("sqlite:///var/lib/roomcast.db").unwrap(), Location::File("/var/lib/roomcast.db".into()));
        assert_eq!(parse_url("sqlite::memory:").unwrap(), Location::Memory);
    }

    #[test]
    fn unsupported_url_is_rejected_without_its_password() {
        for (url, expected) in [
            ("mysql://u:secret@db/roomcast", "not mysql://…"),
            ("secret", "without ://"),
            ("sqlite://", "without a file's name"),
            ("sqlite://data/", "without a file's name"),
            ("sqlite://data/x.db?mode=ro", "with options"),
        ] {
            let line = parse_url(url).unwrap_err().to_string();
            assert!(line.contains(expected), "{line}");
            assert!(!line.contains("secret") && !line.contains('\n'), "{line}");
        }
    }
}
