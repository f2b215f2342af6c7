//! SQLite as the source or the target of a copy.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use crate::copy::ends::{CopyEnd, CopySource, CopyTarget};
use crate::copy::page::{Cell, RowPage, unsuitable};
use crate::copy::problem::{CopyError, CopyRole};
use crate::copy::schema::CopiedTable;
use crate::database::{Options, SqliteFile};

/// A file of SQLite. The connection rolls back when it is dropped.
pub(super) struct SqliteEnd {
    connection: Connection,
    role: CopyRole,
}

impl SqliteEnd {
    /// Begins to read a file.
    pub(super) fn source(file: &SqliteFile, options: &Options) -> Result<Self, CopyError> {
        Self::begin(file.connect_to_read(options), CopyRole::Source, "BEGIN")
    }

    /// Begins to write a file.
    pub(super) fn target(file: &SqliteFile, options: &Options) -> Result<Self, CopyError> {
        Self::begin(file.connect(options), CopyRole::Target, "BEGIN IMMEDIATE")
    }

    fn begin(connected: Result<Connection, crate::OpenError>, role: CopyRole, sql: &str) -> Result<Self, CopyError> {
        let connection = connected.map_err(|error| CopyError::Open { role, error })?;
        let end = Self { connection, role };
        end.run(sql)?;
        Ok(end)
    }

    fn run(&self, sql: &str) -> Result<(), CopyError> {
        self.connection.execute_batch(sql).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &rusqlite::Error) -> CopyError {
        CopyError::Failed { role: self.role, reason: error.to_string() }
    }

    fn insert(&self, table: &CopiedTable, page: &RowPage) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(&table.insert())?;
        for row in page.rows(table) {
            statement.execute(params_from_iter(row))?;
        }
        Ok(())
    }
}

impl CopyEnd for SqliteEnd {
    fn number(&mut self, sql: &str) -> Result<i64, CopyError> {
        self.connection.query_row(sql, (), |row| row.get(0)).map_err(|error| self.failed(&error))
    }
}

impl CopySource for SqliteEnd {
    fn read(&mut self, table: &CopiedTable, take: &mut dyn FnMut(RowPage) -> Result<(), CopyError>) -> Result<(), CopyError> {
        let failed = |error| self.failed(&error);
        let mut statement = self.connection.prepare(&table.select()).map_err(failed)?;
        let mut rows = statement.query(()).map_err(failed)?;
        let mut page = RowPage::default();
        while let Some(row) = rows.next().map_err(failed)? {
            for column in 0..table.columns.len() {
                page.push(cell(table, column, row.get_ref(column).map_err(failed)?)?);
            }
            if page.is_full() {
                take(std::mem::take(&mut page))?;
            }
        }
        if page.is_empty() { Ok(()) } else { take(page) }
    }
}

/// A value of a row. SQLite stores a value of any type in each column, so a tool may have stored another one.
fn cell(table: &CopiedTable, column: usize, value: ValueRef<'_>) -> Result<Cell, CopyError> {
    use crate::copy::schema::ColumnKind::{Int, Text};
    match (table.columns[column].kind, value) {
        (_, ValueRef::Null) => Ok(Cell::Null),
        (Int, ValueRef::Integer(number)) => Ok(Cell::Int(number)),
        (Text, ValueRef::Text(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Cell::Text(text.to_owned())),
            Err(_) => Err(unsuitable(table, column, "a text that is not UTF-8")),
        },
        (Int, _) => Err(unsuitable(table, column, "a value that is not a whole number")),
        (Text, _) => Err(unsuitable(table, column, "a value that is not a text")),
    }
}

impl CopyTarget for SqliteEnd {
    fn clear(&mut self, table: &CopiedTable) -> Result<(), CopyError> {
        self.run(&table.clear())
    }

    fn begin_table(&mut self, _: &CopiedTable) -> Result<(), CopyError> {
        Ok(())
    }

    fn write(&mut self, table: &CopiedTable, page: &RowPage) -> Result<(), CopyError> {
        self.insert(table, page).map_err(|error| self.failed(&error))
    }

    fn end_table(&mut self, _: &CopiedTable) -> Result<(), CopyError> {
        Ok(())
    }

    /// SQLite gives the number after the largest in the table.
    fn continue_numbers(&mut self, _: &[CopiedTable], _: i64) -> Result<(), CopyError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), CopyError> {
        self.run("COMMIT")?;
        // The file then has everything without its write-ahead log.
        if let Err(error) = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())) {
            tracing::warn!(%error, "the rows were copied, and are still in the write-ahead log");
        }
        Ok(())
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Null => ValueRef::Null,
        }))
    }
}
