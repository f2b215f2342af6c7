//! Why a database cannot be copied.

use std::fmt;

use thiserror::Error;

use crate::database::OpenError;

/// Which of the two databases.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CopyRole {
    /// The database that is read.
    Source,
    /// The database that is written.
    Target,
}

impl fmt::Display for CopyRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// Why a database cannot be copied. Each message is one line for the operator, and contains no password. The target is empty afterwards, unless it was
/// not before.
#[derive(Debug, Error)]
pub enum CopyError {
    /// A database cannot be opened.
    #[error("{role}: {error}")]
    Open {
        /// Which database.
        role: CopyRole,
        /// The reason.
        error: OpenError,
    },
    /// A server uses a database.
    #[error("{role}: the database {database} is in use by {holder}; stop that server first, and copy again")]
    InUse {
        /// Which database.
        role: CopyRole,
        /// The path of the file, or the address and the name of the database.
        database: String,
        /// The name of the server.
        holder: String,
    },
    /// Both URLs name the same database.
    #[error("source and target are the same database {0}; name another target")]
    Same(String),
    /// The database is not stored.
    #[error("{0}: sqlite::memory: is deleted with its process; name a file, such as sqlite://data/roomcast.db")]
    InMemory(CopyRole),
    /// The source has no data of Roomcast.
    #[error("source: {database} is not a database of Roomcast ({reason}); check its URL")]
    NotRoomcast {
        /// The path of the file, or the address and the name of the database.
        database: String,
        /// What is missing.
        reason: String,
    },
    /// The target has data.
    #[error("target: the database {database} is not empty (it has rows in the table {table}); name an empty database")]
    NotEmpty {
        /// The path of the file, or the address and the name of the database.
        database: String,
        /// A table with rows.
        table: String,
    },
    /// A value of the source cannot be stored in the target.
    #[error("source: the table {table} has {problem} in its column {column}; correct it there, and copy again")]
    Value {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What the value is.
        problem: String,
    },
    /// The target has another number of rows than the source.
    #[error(
        "the source has {source_rows} rows in the table {table}, and the target {target_rows}; the target was not changed, and is to be copied again"
    )]
    Differs {
        /// The table.
        table: String,
        /// The rows in the source.
        source_rows: u64,
        /// The rows in the target.
        target_rows: u64,
    },
    /// The target's event log would continue at another offset.
    #[error(
        "the event log of the source ends at the offset {source_end}, and that of the target at {target_end}; the target was not changed"
    )]
    EventLogEnd {
        /// The last offset in the source.
        source_end: i64,
        /// The last offset in the target.
        target_end: i64,
    },
    /// A migration has made something that cannot be copied: a fault of the program.
    #[error("the schema cannot be copied: {0}")]
    Schema(String),
    /// A database returned an error.
    #[error("{role}: {reason}")]
    Failed {
        /// Which database.
        role: CopyRole,
        /// What the database says.
        reason: String,
    },
}
