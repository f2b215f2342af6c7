//! Why a PostgreSQL database cannot be used, and how to mend it.

use std::error::Error as _;

use thiserror::Error;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// The oldest version of PostgreSQL that the server supports.
pub(crate) const OLDEST_VERSION: u32 = 13;

/// Why a PostgreSQL database cannot be used. Each message is one line for the operator, and contains no password. `server` is the address and the
/// name of the database.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum PostgresProblem {
    /// The URL cannot be read.
    #[error("DATABASE_URL: {0}; write it as postgres://USER:PASSWORD@HOST:5432/DATABASE")]
    Url(String),
    /// TLS cannot be set up.
    #[error("PostgreSQL at {server}: TLS failed ({reason}); check sslmode and sslrootcert in DATABASE_URL")]
    Tls {
        /// The address and the database.
        server: String,
        /// What failed.
        reason: String,
    },
    /// No connection can be made.
    #[error("PostgreSQL at {server} cannot be reached ({reason}); check that it runs, and the host and port in DATABASE_URL")]
    Unreachable {
        /// The address and the database.
        server: String,
        /// The error of the system.
        reason: String,
    },
    /// The server rejects the user or the password.
    #[error("PostgreSQL at {server} rejects the user or the password ({reason}); check both in DATABASE_URL, and pg_hba.conf")]
    Rejected {
        /// The address and the database.
        server: String,
        /// What the server says.
        reason: String,
    },
    /// The database does not exist.
    #[error("PostgreSQL at {server} has no such database; create it with: CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0")]
    NoDatabase {
        /// The address and the database.
        server: String,
        /// The name of the database.
        name: String,
    },
    /// The server is too old.
    #[error("PostgreSQL at {server} has the version {version}; Roomcast needs {OLDEST_VERSION} or newer")]
    TooOld {
        /// The address and the database.
        server: String,
        /// The version that the server reports.
        version: String,
    },
    /// The encoding of the database does not have every character.
    #[error("the database at {server} has the encoding {encoding}; create one with ENCODING 'UTF8' TEMPLATE template0")]
    Encoding {
        /// The address and the database.
        server: String,
        /// The encoding of the database.
        encoding: String,
    },
    /// The server is a standby, which cannot write.
    #[error("PostgreSQL at {server} is a standby and cannot write; name the primary, or all hosts with target_session_attrs=read-write")]
    Standby {
        /// The address and the database.
        server: String,
    },
    /// The database has tables of another program.
    #[error("the database at {server} belongs to another program (it has the table {table}); create an empty database for Roomcast")]
    Foreign {
        /// The address and the database.
        server: String,
        /// One of the tables.
        table: String,
    },
    /// Another server has locked the database. Neither is a node.
    #[error("the database at {server} is in use by {holder}; stop that server first, because several nodes need REDIS_URL")]
    InUse {
        /// The address and the database.
        server: String,
        /// The name of that server, as it gave it to PostgreSQL.
        holder: String,
    },
    /// This server is a node, and a server that is no node has locked the database.
    #[error("the database at {server} is in use by {holder}, which is no node; stop that server, or set its REDIS_URL, too")]
    SingleServer {
        /// The address and the database.
        server: String,
        /// The name of that server, as it gave it to PostgreSQL.
        holder: String,
    },
    /// This server is no node, and nodes use the database.
    #[error(
        "the database at {server} is in use by the node {holder}; set REDIS_URL, so that this server is a node, too, or stop the nodes"
    )]
    NodesRun {
        /// The address and the database.
        server: String,
        /// The name of one of the nodes, as it gave it to PostgreSQL.
        holder: String,
    },
    /// Another node has the same id.
    #[error("NODE_ID={id}: the node {holder} uses this id in the database at {server}; set another NODE_ID, or stop that node")]
    NodeInUse {
        /// The address and the database.
        server: String,
        /// The id.
        id: String,
        /// The name of that node, as it gave it to PostgreSQL.
        holder: String,
    },
    /// PostgreSQL returned an error.
    #[error("PostgreSQL at {server}: {reason}")]
    Failed {
        /// The address and the database.
        server: String,
        /// What the server says.
        reason: String,
    },
}

impl PostgresProblem {
    /// The problem behind an error while a connection was made. `name` is the name of the database.
    pub(crate) fn of_connecting(server: &str, name: &str, error: &Error) -> Self {
        let (server, reason) = (server.to_owned(), describe(error));
        match error.code() {
            Some(code) if *code == SqlState::INVALID_CATALOG_NAME => Self::NoDatabase { server, name: name.to_owned() },
            Some(code) if code.code().starts_with("28") => Self::Rejected { server, reason },
            Some(_) => Self::Failed { server, reason },
            None if reason.contains("TLS") => Self::Tls { server, reason },
            None if reason.contains("password missing") || reason.contains("authentication") => Self::Rejected { server, reason },
            None => Self::Unreachable { server, reason },
        }
    }

    /// The problem behind an error on an open connection.
    pub(crate) fn failed(server: &str, error: &Error) -> Self {
        Self::Failed { server: server.to_owned(), reason: describe(error) }
    }
}

/// An error in one line: what the server says, or the errors of the connection.
pub(crate) fn describe(error: &Error) -> String {
    if let Some(error) = error.as_db_error() {
        let detail = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        return one_line(&format!("{}{detail}", error.message()));
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
        source = error.source();
    }
    one_line(&text)
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
