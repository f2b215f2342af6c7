//! PostgreSQL as the source or the target of a copy.

use std::error::Error as StdError;
use std::pin::Pin;

use bytes::BytesMut;
use futures_util::TryStreamExt;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Error};

use crate::copy::ends::{CopyEnd, CopySource, CopyTarget};
use crate::copy::page::{Cell, RowPage, unsuitable};
use crate::copy::problem::{CopyError, CopyRole};
use crate::copy::schema::{ColumnKind, CopiedTable, quoted};
use crate::driver::Row;
use crate::postgres::{Link, describe};

/// Settings of the role or the database that would end a long transaction are switched off for it.
const NO_TIMEOUTS: &str = "SELECT set_config(name, '0', true) FROM pg_settings
    WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')";

/// The columns whose numbers PostgreSQL gives.
const IDENTITY_COLUMNS: &str = "SELECT table_name::TEXT, column_name::TEXT FROM information_schema.columns
    WHERE table_schema = current_schema() AND is_identity = 'YES'";

/// A session of PostgreSQL. Its transaction ends when it is dropped.
pub(super) struct PostgresEnd {
    link: Link,
    role: CopyRole,
    /// The stream of the rows of the present table.
    rows: Option<Pin<Box<BinaryCopyInWriter>>>,
}

impl PostgresEnd {
    /// Begins to read a database, at one moment.
    pub(super) fn source(link: Link) -> Result<Self, CopyError> {
        Self::begin(link, CopyRole::Source, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    }

    /// Begins to write a database. The transaction ends with the session that holds the lock of the database.
    pub(super) fn target(link: Link) -> Result<Self, CopyError> {
        Self::begin(link, CopyRole::Target, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
    }

    fn begin(link: Link, role: CopyRole, sql: &str) -> Result<Self, CopyError> {
        let mut end = Self { link, role, rows: None };
        end.run(sql)?;
        end.run(NO_TIMEOUTS)?;
        Ok(end)
    }

    /// Whether a query counts something.
    pub(super) fn has(&mut self, sql: &str) -> Result<bool, CopyError> {
        Ok(self.number(sql)? > 0)
    }

    fn run(&mut self, sql: &str) -> Result<(), CopyError> {
        self.with_client(async |client| client.batch_execute(sql).await)
    }

    fn with_client<T>(&mut self, work: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Result<T, CopyError> {
        let failed = |reason| CopyError::Failed { role: self.role, reason };
        match self.link.with_client(work) {
            Some(Ok(output)) => Ok(output),
            Some(Err(error)) => Err(failed(describe(&error))),
            None => Err(failed("the connection was lost".to_owned())),
        }
    }
}

impl CopyEnd for PostgresEnd {
    fn number(&mut self, sql: &str) -> Result<i64, CopyError> {
        self.with_client(async |client| client.query_one(sql, &[]).await?.try_get(0))
    }
}

impl CopySource for PostgresEnd {
    fn read(&mut self, table: &CopiedTable, take: &mut dyn FnMut(RowPage) -> Result<(), CopyError>) -> Result<(), CopyError> {
        let sql = table.select();
        // Rows that were not taken stay with the server, which waits: the stream is as bounded as the pages.
        self.with_client(async |client| {
            let statement = client.prepare(&sql).await?;
            let mut stream = Box::pin(client.query_raw(&statement, [0_i64; 0]).await?);
            let mut page = RowPage::default();
            while let Some(row) = stream.try_next().await? {
                for (column, described) in table.columns.iter().enumerate() {
                    page.push(match described.kind {
                        ColumnKind::Int => row.try_get::<_, Option<i64>>(column)?.map_or(Cell::Null, Cell::Int),
                        ColumnKind::Text => row.try_get::<_, Option<String>>(column)?.map_or(Cell::Null, Cell::Text),
                    });
                }
                if page.is_full()
                    && let Err(error) = take(std::mem::take(&mut page))
                {
                    return Ok(Err(error));
                }
            }
            Ok(if page.is_empty() { Ok(()) } else { take(page) })
        })?
    }
}

impl CopyTarget for PostgresEnd {
    fn clear(&mut self, table: &CopiedTable) -> Result<(), CopyError> {
        self.run(&table.clear())
    }

    fn begin_table(&mut self, table: &CopiedTable) -> Result<(), CopyError> {
        let types: Vec<Type> = table
            .columns
            .iter()
            .map(|column| match column.kind {
                ColumnKind::Int => Type::INT8,
                ColumnKind::Text => Type::TEXT,
            })
            .collect();
        let sink = self.with_client(async |client| client.copy_in(&table.copy_in()).await)?;
        self.rows = Some(Box::pin(BinaryCopyInWriter::new(sink, &types)));
        Ok(())
    }

    fn write(&mut self, table: &CopiedTable, page: &RowPage) -> Result<(), CopyError> {
        for row in page.rows(table) {
            let is_unsuitable = |cell: &Cell| matches!(cell, Cell::Text(text) if text.contains('\0'));
            if let Some(column) = row.iter().position(is_unsuitable) {
                return Err(unsuitable(table, column, "a text with the character U+0000, which PostgreSQL cannot store,"));
            }
        }
        let Some(mut rows) = self.rows.take() else { return Ok(()) };
        let written = self.with_client(async |_| {
            for row in page.rows(table) {
                rows.as_mut().write_raw(row).await?;
            }
            Ok(())
        });
        self.rows = Some(rows);
        written
    }

    fn end_table(&mut self, _: &CopiedTable) -> Result<(), CopyError> {
        let Some(mut rows) = self.rows.take() else { return Ok(()) };
        self.with_client(async |_| rows.as_mut().finish().await).map(drop)
    }

    fn continue_numbers(&mut self, tables: &[CopiedTable], event_log_end: i64) -> Result<(), CopyError> {
        if event_log_end > 0 {
            self.run(&format!("INSERT INTO marks (name, value) VALUES ('event_log_head', {event_log_end})"))?;
        }
        let identities = self.with_client(async |client| client.query(IDENTITY_COLUMNS, &[]).await)?;
        for row in &identities {
            let (Ok(table), Ok(column)) = (row.text(0), row.text(1)) else { continue };
            if !tables.iter().any(|copied| copied.name == table) {
                continue;
            }
            let (table, column) = (quoted(table), quoted(column));
            let last = self.number(&format!("SELECT COALESCE(MAX({column}), 0) FROM {table}"))?;
            // In contrast to `setval`, a rollback undoes it.
            self.run(&format!("ALTER TABLE {table} ALTER COLUMN {column} RESTART WITH {}", last.max(0).saturating_add(1)))?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), CopyError> {
        self.run("COMMIT")?;
        // Without statistics the planner would search the new tables row by row until autovacuum has visited them.
        if let Err(error) = self.run("ANALYZE") {
            tracing::warn!(%error, "the tables were copied, and have no statistics yet");
        }
        Ok(())
    }
}

impl ToSql for Cell {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Int(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Null => Ok(IsNull::Yes),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
