//! Every row arrives with every value, in both directions.

use store::{CopyProgress, copy_database};

use crate::filled::{fill, postgres_rows, sqlite_rows, tables};
use crate::{copy, postgres, sqlite};

/// The numbers that a database does not copy, by the beginnings of their names.
const OWN_MARKS: [&str; 3] = ["database_id", "event_log_head", "last_batch"];

#[test]
fn every_row_of_every_table_is_copied_there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (first, last) = (folder.path().join("first.db"), folder.path().join("last.db"));
    fill(&first);
    let between = postgres();
    let mut reports = Vec::new();
    let mut note = |progress: CopyProgress<'_>| reports.push((progress.table.to_owned(), progress.rows, progress.total));
    let copied = copy_database(&sqlite(&first), &between, &mut note).unwrap();
    copy(&between, &sqlite(&last)).unwrap();

    let tables = tables(&first);
    assert_eq!(copied.iter().map(|copied| copied.table.as_str()).collect::<Vec<_>>(), tables);
    for (table, copied) in tables.iter().zip(&copied) {
        // Some numbers belong to one database.
        let copied_rows = |mut rows: Vec<String>| {
            rows.retain(|row| table != "marks" || !OWN_MARKS.iter().any(|name| row.starts_with(&format!("[\"{name}"))));
            rows
        };
        let expected = copied_rows(sqlite_rows(&first, table));
        assert_eq!(copied.rows, expected.len() as u64);
        assert!(expected == copied_rows(sqlite_rows(&last, table)), "{table} differs after the way back");
        let arrived = copied_rows(postgres_rows(&between, &first, table));
        assert!(expected == arrived, "{table} differs in PostgreSQL");
    }

    let total: u64 = copied.iter().map(|copied| copied.rows).sum();
    assert!(reports.is_sorted_by_key(|(_, rows, _)| *rows) && reports.iter().all(|(.., of)| *of == total));
    assert_eq!(reports.last().map(|(_, rows, _)| *rows), Some(total));
    assert!(reports.iter().filter(|(table, ..)| table == "messages").count() > 1, "a large table is copied in several pages");
}

#[test]
fn copy_between_databases_of_one_kind_has_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first.db"), folder.path().join("second.db"));
    fill(&first);
    copy(&sqlite(&first), &sqlite(&second)).unwrap();
    let (third, fourth) = (postgres(), postgres());
    copy(&sqlite(&second), &third).unwrap();
    copy(&third, &fourth).unwrap();
    for table in tables(&first).into_iter().filter(|table| table != "marks") {
        assert!(sqlite_rows(&first, &table) == sqlite_rows(&second, &table), "{table}");
        assert!(postgres_rows(&third, &first, &table) == postgres_rows(&fourth, &first, &table), "{table}");
    }
}
