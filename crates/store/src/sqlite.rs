//! SQLite as a driver: connections and their settings, prepared statements, and a transaction in parts.

use std::path::Path;

use domain::ports::{StoreError, StoreResult};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement, StatementStatus, ToSql, params_from_iter};

use crate::batch::{BatchContext, Job};
use crate::database::{OpenError, Options};
use crate::driver::{Driver, EventNumbers, NewEvent, Row, Tables, Transactions, Value, values};
use crate::readers::QueryJob;
use crate::sequences::Sequences;

/// A connection in use. It runs single statements, or transactions of parts; each part can be rolled back alone.
pub(crate) struct Sqlite<'c> {
    connection: &'c Connection,
    /// Every statement that was used, prepared. The SQL is all literals, so where a text stands tells it from the others, and no text has to
    /// be hashed or copied to find its statement: rusqlite's own cache does both, which was a fifth of a chat message's cost.
    statements: Vec<(*const str, Statement<'c>)>,
    part: SavepointState,
    /// Whether this transaction has not written yet.
    unwritten: bool,
    /// The rooms' counters in this transaction.
    sequences: Sequences,
}

/// A part of the transaction: what one command writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SavepointState {
    /// No part has begun: writes are not rolled back by part.
    None,
    /// The part has not written yet, so a rollback needs no work. Many commands end here and cost no savepoint.
    Untouched,
    /// The part's first write is the first of its transaction, so a rollback begins a new transaction, which costs no savepoint either.
    WrittenFirst,
    /// The part has a savepoint before its first write.
    Written,
}

/// Bytes of the database's pages that the writer's connection keeps in memory; beyond, the page that was used least recently is dropped.
const WRITER_PAGES: i64 = 16_000 << 10;

/// Bytes of pages that the connection of each reader keeps in memory.
const READER_PAGES: i64 = 2_000 << 10;

/// A bare connection that may write, with its durability set.
pub(crate) fn connect(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(options.busy_timeout)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit returns after the sync, so that a command with a reply is on the disk.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // 16 MB of log before it is copied into the file: the copying costs as much for few batches as for many.
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    // After a burst the log file is truncated to this size.
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    connection.pragma_update(None, "cache_size", -(WRITER_PAGES >> 10))?;
    // SQLite then keeps the undo data of a savepoint in pieces of 1 KB. Otherwise it allocates 64 KB at every savepoint, which the allocator takes
    // from the kernel and returns each time.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    if let Some(pages) = options.max_pages {
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    Ok(connection)
}

/// A bare connection that cannot write.
pub(crate) fn connect_to_read(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(options.busy_timeout)?;
    connection.pragma_update(None, "cache_size", -(READER_PAGES >> 10))?;
    Ok(connection)
}

impl<'c> Sqlite<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Self { connection, statements: Vec::new(), part: SavepointState::None, unwritten: false, sequences: Sequences::default() }
    }

    /// The rooms' counters, inside a command's part of a transaction.
    pub(crate) fn sequences(&mut self) -> Option<&mut Sequences> {
        (self.part != SavepointState::None).then_some(&mut self.sequences)
    }

    /// How many steps the virtual machine has taken for all statements so far.
    pub(crate) fn steps(&self) -> u64 {
        self.statements.iter().map(|(_, statement)| u64::from(statement.get_status(StatementStatus::VmStep).unsigned_abs())).sum()
    }

    fn before_write(&mut self) -> StoreResult<()> {
        let first = std::mem::replace(&mut self.unwritten, false);
        if self.part == SavepointState::Untouched {
            if !first {
                self.run("SAVEPOINT part")?;
            }
            self.part = if first { SavepointState::WrittenFirst } else { SavepointState::Written };
        }
        Ok(())
    }

    fn run(&mut self, sql: &'static str) -> StoreResult<()> {
        self.statement(sql)?.execute(()).map(drop).map_err(stored_error)
    }

    fn statement(&mut self, sql: &'static str) -> StoreResult<&mut Statement<'c>> {
        let known = self.statements.iter().position(|(text, _)| std::ptr::eq(*text, sql));
        let index = match known {
            Some(index) => index,
            None => {
                let statement = self.connection.prepare(sql).map_err(stored_error)?;
                // SQLite numbers `$n` by appearance, PostgreSQL by the number; both must agree for the text to mean the same in both.
                debug_assert!(
                    (1..=statement.parameter_count()).all(|n| statement.parameter_name(n) == Some(format!("${n}").as_str())),
                    "the parameters of {sql} do not appear in order"
                );
                self.statements.push((sql, statement));
                self.statements.len() - 1
            }
        };
        Ok(&mut self.statements[index].1)
    }
}

impl Transactions for Sqlite<'_> {
    fn execute(job: &mut dyn Job, batch_context: &mut BatchContext<Self>) -> StoreResult<()> {
        job.execute_in_sqlite(batch_context)
    }

    fn query(job: Box<dyn QueryJob>, session: &mut Tables<Self>) {
        job.execute_in_sqlite(session);
    }

    fn begin(&mut self) -> StoreResult<()> {
        self.unwritten = true;
        self.run("BEGIN IMMEDIATE")
    }

    fn begin_to_read(&mut self) -> StoreResult<()> {
        self.run("BEGIN")
    }

    fn commit(&mut self) -> StoreResult<()> {
        self.run("COMMIT")
    }

    fn rollback(&mut self) {
        self.part = SavepointState::None;
        self.sequences.clear();
        if self.in_transaction()
            && let Err(error) = self.run("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    fn savepoint(&mut self) {
        self.part = SavepointState::Untouched;
    }

    fn release(&mut self) -> StoreResult<()> {
        self.sequences.release();
        match std::mem::replace(&mut self.part, SavepointState::None) {
            SavepointState::Written => self.run("RELEASE part"),
            SavepointState::None | SavepointState::Untouched | SavepointState::WrittenFirst => Ok(()),
        }
    }

    fn rollback_to(&mut self) -> StoreResult<()> {
        self.sequences.rollback();
        match std::mem::replace(&mut self.part, SavepointState::None) {
            SavepointState::Written => self.run("ROLLBACK TO part").and_then(|()| self.run("RELEASE part")),
            SavepointState::WrittenFirst => self.run("ROLLBACK").and_then(|()| self.begin()),
            SavepointState::None | SavepointState::Untouched => Ok(()),
        }
    }

    fn complete(&mut self) -> StoreResult<()> {
        let sequences = std::mem::take(&mut self.sequences);
        self.write_sequences(sequences)
    }

    /// Copies the write-ahead log into the file and empties the log; a part that cannot be copied now is copied later.
    fn finish(&mut self) {
        let done = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
        if let Err(error) = done {
            tracing::warn!(%error, "the database's log was not emptied");
        }
    }

    /// Releases the memory of all pages that are not in use.
    fn release_memory(&mut self) {
        if let Err(error) = self.connection.execute_batch("PRAGMA shrink_memory") {
            tracing::warn!(%error, "the database's memory was not released");
        }
    }
}

impl Driver for Sqlite<'_> {
    fn append(&mut self, event: &NewEvent<'_>) -> StoreResult<EventNumbers> {
        let &NewEvent { room, at, body, account, offsets } = event;
        let seq = self.raise_seq(room)?;
        let offset = match offsets {
            1 => {
                let sql = "INSERT INTO journal (room, seq, at, body, account) VALUES ($1, $2, $3, $4, $5)";
                // Not RETURNING: SQLite makes a temporary table for its rows, which costs more than the insertion.
                self.write(sql, values![room, seq, at, body, account.0])?;
                self.connection.last_insert_rowid()
            }
            several => {
                let sql = "INSERT INTO journal (id, room, seq, at, body, account) VALUES ($1, $2, $3, $4, $5, $6)";
                let offset = self.last_offset()? + several as i64;
                self.write(sql, values![offset, room, seq, at, body, account.0])?;
                offset
            }
        };
        Ok(EventNumbers { offset, seq })
    }

    fn last_offset(&mut self) -> StoreResult<i64> {
        Ok(self.first("SELECT MAX(id) FROM journal", values![], |row| row.maybe_int(0))?.flatten().unwrap_or(0))
    }

    fn write(&mut self, sql: &'static str, values: &[Value<'_>]) -> StoreResult<u64> {
        self.before_write()?;
        let changed = self.statement(sql)?.execute(params_from_iter(values)).map_err(stored_error)?;
        Ok(changed as u64)
    }

    fn first<T>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnOnce(&dyn Row) -> StoreResult<T>,
    ) -> StoreResult<Option<T>> {
        let statement = self.statement(sql)?;
        let mut rows = statement.query(params_from_iter(values)).map_err(stored_error)?;
        rows.next().map_err(stored_error)?.map(|row| read(&SqliteRow(row))).transpose()
    }

    fn all<T>(&mut self, sql: &'static str, values: &[Value<'_>], mut read: impl FnMut(&dyn Row) -> StoreResult<T>) -> StoreResult<Vec<T>> {
        let statement = self.statement(sql)?;
        let mut rows = statement.query(params_from_iter(values)).map_err(stored_error)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(stored_error)? {
            all.push(read(&SqliteRow(row))?);
        }
        Ok(all)
    }
}

/// A row of a SQLite result.
struct SqliteRow<'r>(&'r rusqlite::Row<'r>);

impl Row for SqliteRow<'_> {
    fn maybe_int(&self, column: usize) -> StoreResult<Option<i64>> {
        let value = self.0.get_ref(column).map_err(stored_error)?;
        value.as_i64_or_null().map_err(|error| StoreError::Broken(format!("column {column} of a row: {error}")))
    }

    fn maybe_text(&self, column: usize) -> StoreResult<Option<&str>> {
        let value = self.0.get_ref(column).map_err(stored_error)?;
        value.as_str_or_null().map_err(|error| StoreError::Broken(format!("column {column} of a row: {error}")))
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Int(number) => ValueRef::Integer(number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Null => ValueRef::Null,
        }))
    }
}

/// Whether the same call may succeed later.
fn stored_error(error: rusqlite::Error) -> StoreError {
    let passing = matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::ReadOnly
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::CannotOpen
                | ErrorCode::SystemIoFailure
                | ErrorCode::PermissionDenied
                | ErrorCode::OutOfMemory
        )
    );
    if passing { StoreError::Unavailable(error.to_string()) } else { StoreError::Broken(error.to_string()) }
}
