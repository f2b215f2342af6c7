//! A database of SQLite with rows in every table, and the rows of a database.

use std::path::Path;

use rusqlite::{Connection, params_from_iter, types::Value as SqlValue};
use serde_json::Value;
use store::{Database, Options};
use test_postgres::TestServer;

use crate::{database_of, sqlite};

/// Texts that a format of rows could change.
const TEXTS: [&str; 8] =
    ["", "plain", "two\nlines\r\n", "tab\tand \\ and \\N", "'quotes' and \"quotes\"", "ümläut ✓ 🦀", "\u{1}\u{7f}", "NULL"];
/// The bytes of a text that is larger than a page, and the columns that may have one: an index of PostgreSQL takes 2,704 bytes.
const LARGE: usize = 300_000;
const LONG_TEXTS: [&str; 5] = ["body", "content", "data", "description", "metadata"];

/// The tables of a file, without that of the migrations.
pub fn tables(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'migrations' ORDER BY name";
    connection.prepare(sql).unwrap().query_map((), |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// The name, the type, whether it may be NULL, and whether it is of the key, of each column of a table.
fn columns(connection: &Connection, table: &str) -> Vec<(String, String, bool, bool)> {
    let mut statement = connection.prepare("SELECT name, type, \"notnull\", pk FROM pragma_table_info(?1) ORDER BY cid").unwrap();
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, !row.get::<_, bool>(2)?, row.get::<_, i64>(3)? > 0));
    statement.query_map([table], read).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Creates a file in which every table has some rows, whose values differ. `messages` has more rows than a page.
pub fn fill(path: &Path) {
    drop(Database::open(sqlite(path)).unwrap());
    let mut connection = Connection::open(path).unwrap();
    let transaction = connection.transaction().unwrap();
    for table in tables(path) {
        let columns = columns(&transaction, &table);
        let places = vec!["?"; columns.len()].join(", ");
        let mut insert = transaction.prepare(&format!("INSERT INTO \"{table}\" VALUES ({places})")).unwrap();
        for row in 0..if table == "messages" { 3_000 } else { 40 } {
            let values = columns.iter().enumerate().map(|(place, (name, kind, nullable, in_key))| {
                if *nullable && !in_key && (row + place) % 3 == 0 {
                    return SqlValue::Null;
                }
                match (kind.as_str(), in_key) {
                    ("TEXT", true) => SqlValue::Text(format!("{}-{row}", TEXTS[row % TEXTS.len()])),
                    ("TEXT", false) if row == 7 && LONG_TEXTS.contains(&name.as_str()) => SqlValue::Text("x".repeat(LARGE)),
                    ("TEXT", false) => SqlValue::Text(format!("{}{row}/{place}", TEXTS[(row + place) % TEXTS.len()])),
                    (_, true) => SqlValue::Integer(row as i64 * 3 + 1),
                    (_, false) => SqlValue::Integer([row as i64, -1, i64::MAX, i64::MIN][(row + place) % 4]),
                }
            });
            insert.execute(params_from_iter(values)).unwrap();
        }
    }
    transaction.commit().unwrap();
}

/// The rows of a table in a file of SQLite, each as a JSON array, in the order of their texts.
pub fn sqlite_rows(path: &Path, table: &str) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let names: Vec<String> = columns(&connection, table).into_iter().map(|(name, ..)| format!("\"{name}\"")).collect();
    let sql = format!("SELECT json_array({}) FROM \"{table}\"", names.join(", "));
    let rows = connection.prepare(&sql).unwrap().query_map((), |row| row.get::<_, String>(0)).unwrap().collect::<Result<Vec<_>, _>>();
    sorted(rows.unwrap().iter().map(String::as_str))
}

/// The same of a database of PostgreSQL, whose columns have the same order.
pub fn postgres_rows(options: &Options, path: &Path, table: &str) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let names: Vec<String> = columns(&connection, table).into_iter().map(|(name, ..)| format!("\"{name}\"")).collect();
    let sql = format!("SELECT json_build_array({}) FROM \"{table}\"", names.join(", "));
    sorted(TestServer::shared().sql(database_of(options), &sql).lines())
}

fn sorted<'a>(rows: impl Iterator<Item = &'a str>) -> Vec<String> {
    // The databases write spaces and escapes differently.
    let mut rows: Vec<String> = rows.map(|row| serde_json::from_str::<Value>(row).unwrap().to_string()).collect();
    rows.sort();
    rows
}
