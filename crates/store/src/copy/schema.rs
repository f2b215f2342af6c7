//! The tables that are copied. They are read from the schema that the migrations make, so a new migration needs no change here.

use rusqlite::Connection;

use crate::copy::problem::CopyError;
use crate::database::OpenError;
use crate::migrations;

/// The table of the applied migrations. Opening a database fills it.
const MIGRATIONS_TABLE: &str = "migrations";

/// The table of the named numbers.
const MARKS: &str = "marks";

/// The condition for the named numbers that are copied. The others belong to one database and not to its data: its id, PostgreSQL's last offset of the
/// event log, and the last transaction and the epoch of each server that uses it.
const COPIED_MARKS: &str = "\"name\" NOT IN ('database_id', 'event_log_head', 'last_batch')
    AND \"name\" NOT LIKE 'last\\_batch:%' ESCAPE '\\' AND \"name\" NOT LIKE 'joined:%'";

/// The end of the event log: the larger of the last row's offset and of PostgreSQL's own number. The text serves both databases.
pub(super) const EVENT_LOG_END: &str = "SELECT COALESCE(MAX(n), 0) FROM (SELECT MAX(id) AS n FROM journal
    UNION ALL SELECT MAX(value) FROM marks WHERE name = 'event_log_head') AS ends";

/// A table of the current schema.
#[derive(Debug)]
pub(super) struct CopiedTable {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// The quoted names of the columns of the primary key, separated by commas.
    key: String,
    /// Whether a new database has rows in it, which the migrations have stored.
    pub(super) has_initial_rows: bool,
}

/// A column of a table.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
}

/// The type of a column: the schema has no others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ColumnKind {
    Int,
    Text,
}

impl CopiedTable {
    /// Reads all rows that are copied, in the order of the key.
    pub(super) fn select(&self) -> String {
        format!("SELECT {} FROM {}{} ORDER BY {}", self.column_list(), quoted(&self.name), self.condition(), self.key)
    }

    /// Counts the rows that are copied.
    pub(super) fn count(&self) -> String {
        format!("SELECT COUNT(*) FROM {}{}", quoted(&self.name), self.condition())
    }

    /// 1 if the table has a row, else 0.
    pub(super) fn has_row(&self) -> String {
        format!("SELECT COUNT(*) FROM (SELECT 1 FROM {} LIMIT 1) AS found", quoted(&self.name))
    }

    /// Deletes the rows that the copied ones replace.
    pub(super) fn clear(&self) -> String {
        format!("DELETE FROM {}{}", quoted(&self.name), self.condition())
    }

    /// Inserts one row into SQLite.
    pub(super) fn insert(&self) -> String {
        let parameters = vec!["?"; self.columns.len()].join(", ");
        format!("INSERT INTO {} ({}) VALUES ({parameters})", quoted(&self.name), self.column_list())
    }

    /// Takes rows into PostgreSQL in its binary format.
    pub(super) fn copy_in(&self) -> String {
        format!("COPY {} ({}) FROM STDIN (FORMAT binary)", quoted(&self.name), self.column_list())
    }

    fn column_list(&self) -> String {
        self.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
    }

    fn condition(&self) -> String {
        if self.name == MARKS { format!(" WHERE {COPIED_MARKS}") } else { String::new() }
    }
}

/// An identifier for SQL. The names are those of the migrations, and contain no quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// The tables of the current schema, in the order of their names.
///
/// # Errors
/// [`CopyError::Schema`] if a migration has made a column of another type.
pub(super) fn tables() -> Result<Vec<CopiedTable>, CopyError> {
    let failed = |error: OpenError| CopyError::Schema(error.to_string());
    let mut connection = Connection::open_in_memory().map_err(|error| failed(error.into()))?;
    migrations::apply(&mut connection).map_err(failed)?;
    let described = describe(&connection).map_err(|error| failed(error.into()))?;
    let mut tables = described.into_iter().map(|(name, columns)| table(name, columns)).collect::<Result<Vec<_>, _>>()?;
    for table in &mut tables {
        let rows = connection.query_row(&table.has_row(), (), |row| row.get::<_, i64>(0));
        table.has_initial_rows = rows.map_err(|error| failed(error.into()))? > 0;
    }
    Ok(tables)
}

/// What SQLite knows of a column: its name, its type, and its place in the primary key, from 1.
type DescribedColumn = (String, String, u32);

fn describe(connection: &Connection) -> rusqlite::Result<Vec<(String, Vec<DescribedColumn>)>> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> ?1 ORDER BY name";
    let names = connection.prepare(sql)?.query_map([MIGRATIONS_TABLE], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let mut statement = connection.prepare("SELECT name, type, pk FROM pragma_table_info(?1) ORDER BY cid")?;
    let columns = names.into_iter().map(|name| {
        let columns = statement.query_map([&name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect::<rusqlite::Result<_>>()?;
        Ok((name, columns))
    });
    columns.collect()
}

fn table(name: String, described: Vec<DescribedColumn>) -> Result<CopiedTable, CopyError> {
    let mut key: Vec<(u32, String)> =
        described.iter().filter(|(.., place)| *place > 0).map(|(name, _, place)| (*place, quoted(name))).collect();
    key.sort();
    let key = key.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(", ");
    let columns = described.into_iter().map(|(column, kind, _)| match kind.as_str() {
        "BIGINT" | "INTEGER" => Ok(Column { name: column, kind: ColumnKind::Int }),
        "TEXT" => Ok(Column { name: column, kind: ColumnKind::Text }),
        _ => Err(CopyError::Schema(format!("the column {name}.{column} has the type {kind}"))),
    });
    Ok(CopiedTable { columns: columns.collect::<Result<_, _>>()?, name, key, has_initial_rows: false })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_table_of_the_migrations_is_copied() {
        let tables = tables().unwrap();
        let copied: BTreeSet<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(copied, migrations::created_tables().collect());
        for table in &tables {
            assert!(!table.columns.is_empty() && !table.key.is_empty(), "{table:?}");
        }
    }

    #[test]
    fn statements_name_all_columns_and_leave_out_own_marks() {
        let tables = tables().unwrap();
        let of = |name: &str| tables.iter().find(|table| table.name == name).unwrap();
        assert_eq!(of("reads").select(), r#"SELECT "room", "person", "mark", "seen" FROM "reads" ORDER BY "room", "person""#);
        assert_eq!(of("deletions").insert(), r#"INSERT INTO "deletions" ("person", "deleted_at") VALUES (?, ?)"#);
        assert!(of("marks").select().contains("NOT IN ('database_id', 'event_log_head', 'last_batch')"));
        assert!(of("marks").has_initial_rows && !of("people").has_initial_rows);
    }
}
