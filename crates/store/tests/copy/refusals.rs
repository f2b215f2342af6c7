//! A copy that cannot be made is refused with one line without a password, and leaves an empty target.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use store::{CopyProgress, Database, NodeOptions, Options, copy_database};
use tempfile::TempDir;
use test_postgres::TestServer;

use crate::filled::{fill, tables};
use crate::{copy, database_of, options, postgres, sqlite};

/// A folder with a filled database.
struct Filled {
    folder: TempDir,
}

impl Filled {
    fn new() -> Self {
        let filled = Self { folder: tempfile::tempdir().unwrap() };
        fill(&filled.path("source.db"));
        filled
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn source(&self) -> Options {
        sqlite(&self.path("source.db"))
    }

    fn change(&self, sql: &str) {
        Connection::open(self.path("source.db")).unwrap().execute_batch(sql).unwrap();
    }
}

/// The line of a refused copy.
fn refusal(source: &Options, target: &Options) -> String {
    let line = copy(source, target).unwrap_err().to_string();
    assert!(!line.contains('\n') && !line.contains("s3cret"), "{line}");
    line
}

#[track_caller]
fn assert_refused(source: &Options, target: &Options, expected: &str) {
    let line = refusal(source, target);
    assert!(line.contains(expected), "{line}");
}

/// The tables with rows of their own in a database of PostgreSQL.
fn stored(target: &Options, source: &Path) -> Vec<String> {
    let has_row = |table: &String| {
        let sql = format!("SELECT COUNT(*) FROM \"{table}\"");
        TestServer::shared().sql(database_of(target), &sql) != "0"
    };
    tables(source).into_iter().filter(|table| table != "marks").filter(has_row).collect()
}

#[test]
fn missing_or_foreign_source_is_refused_and_not_created() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert_refused(&sqlite(&path("none.db")), &postgres(), "none.db is not a database of Roomcast (No such file or directory");
    assert!(!path("none.db").exists() && !path("none.db.lock").exists());
    fs::write(path("text"), "not a database, and longer than the header of one ".repeat(10)).unwrap();
    assert_refused(&sqlite(&path("text")), &postgres(), "text is not a database of Roomcast (file is not a database");
    Connection::open(path("other.db")).unwrap().execute_batch("CREATE TABLE invoices (id INTEGER)").unwrap();
    assert_refused(&sqlite(&path("other.db")), &postgres(), "other.db is not a database of Roomcast (it has no table \"migrations\")");
    let empty = postgres();
    assert_refused(&empty, &sqlite(&path("new.db")), "is not a database of Roomcast (it has no table \"migrations\")");
    assert_eq!(TestServer::shared().sql(database_of(&empty), "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    assert!(!path("new.db").exists());
}

#[test]
fn unusable_urls_are_refused() {
    let filled = Filled::new();
    let unreachable = options("postgres://ann:s3cret@127.0.0.1:1/roomcast");
    assert_refused(&filled.source(), &unreachable, "target: PostgreSQL at 127.0.0.1:1/roomcast cannot be reached");
    assert_refused(&unreachable, &postgres(), "source: PostgreSQL at 127.0.0.1:1/roomcast cannot be reached");
    assert_refused(&options("sqlite::memory:"), &postgres(), "source: sqlite::memory: is deleted with its process");
    assert_refused(&filled.source(), &options("sqlite::memory:"), "target: sqlite::memory: is deleted with its process");
    assert_refused(&filled.source(), &options("mysql://ann:s3cret@db/x"), "target: the database's URL must be");
    assert_refused(&options("mysql://ann:s3cret@db/x"), &postgres(), "source: the database's URL must be");
}

#[test]
fn one_database_as_source_and_target_is_refused() {
    let filled = Filled::new();
    assert_refused(&filled.source(), &filled.source(), "source and target are the same database");
    let database = postgres();
    copy(&filled.source(), &database).unwrap();
    assert_refused(&database, &database, "source and target are the same database");
}

#[test]
fn database_in_use_by_a_server_is_refused() {
    let filled = Filled::new();
    let (target, file) = (postgres(), sqlite(&filled.path("target.db")));
    let held = |options: &Options| Database::open(Options { holder: "process 9 on a".to_owned(), ..options.clone() }).unwrap();
    let server = held(&filled.source());
    assert_refused(&filled.source(), &target, "source: the database ");
    assert_refused(&filled.source(), &target, "is in use by process 9 on a; stop that server first");
    drop(server);
    let server = held(&target);
    assert_refused(&filled.source(), &target, "is in use by \"roomcast process 9 on a\" from 127.0.0.1; stop that server first");
    drop(server);
    let node = NodeOptions { id: "node-1".to_owned(), epoch: "epoch-1".to_owned() };
    let nodes = postgres();
    let server = Database::open(Options { holder: "process 9 on a".to_owned(), node: Some(node), ..nodes.clone() }).unwrap();
    assert_refused(&filled.source(), &nodes, "is in use by \"roomcast node node-1 process 9 on a\" from 127.0.0.1; stop that server first");
    drop(server);
    let server = held(&file);
    assert_refused(&filled.source(), &file, "target.db is in use by process 9 on a");
    drop(server);
    copy(&filled.source(), &target).unwrap();
    copy(&filled.source(), &file).unwrap();
}

#[test]
fn target_with_data_is_refused_unchanged() {
    let filled = Filled::new();
    let (target, file) = (postgres(), sqlite(&filled.path("target.db")));
    drop(Database::open(target.clone()).unwrap());
    let server = TestServer::shared();
    server.sql(
        database_of(&target),
        "INSERT INTO tasks (id, room, title, completed, created_by, created_at, updated_at) VALUES (1, 'r', 't', 0, 'a', 0, 0)",
    );
    assert_refused(&filled.source(), &target, "is not empty (it has rows in the table tasks); name an empty database");
    assert_eq!(stored(&target, &filled.path("source.db")), ["tasks"]);
    copy(&filled.source(), &file).unwrap();
    assert_refused(&filled.source(), &file, "target.db is not empty (it has rows in the table ");
}

#[test]
fn newer_or_foreign_databases_are_refused() {
    let filled = Filled::new();
    let newer = postgres();
    drop(Database::open(newer.clone()).unwrap());
    let server = TestServer::shared();
    server.sql(database_of(&newer), "INSERT INTO migrations VALUES (10000, 'of_tomorrow')");
    let foreign = postgres();
    server.sql(database_of(&foreign), "CREATE TABLE invoices (id INT)");
    for (target, expected) in
        [(&newer, "target: the database is of a newer Roomcast"), (&foreign, "belongs to another program (it has the table invoices)")]
    {
        let tables = || server.sql(database_of(target), "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'");
        let before = tables();
        assert_refused(&filled.source(), target, expected);
        assert_eq!(tables(), before);
    }
    let other = filled.path("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE invoices (id INTEGER)").unwrap();
    assert_refused(&filled.source(), &sqlite(&other), "other.db: the file belongs to another program");
    assert_eq!(tables(&other), ["invoices"]);
    filled.change("INSERT INTO migrations VALUES (10000, 'of_tomorrow')");
    assert_refused(&filled.source(), &postgres(), "source: the database is of a newer Roomcast");
}

#[test]
fn unsuitable_values_are_named_and_leave_the_target_empty() {
    for (sql, expected) in [
        ("UPDATE tasks SET title = 'a' || char(0) WHERE id = 1", "the table tasks has a text with the character U+0000"),
        ("UPDATE trips SET end_date = CAST(x'ff' AS TEXT)", "the table trips has a text that is not UTF-8 in its column end_date"),
        ("UPDATE tasks SET title = x'00'", "the table tasks has a value that is not a text in its column title"),
        ("UPDATE tasks SET created_at = 'noon'", "the table tasks has a value that is not a whole number in its column created_at"),
    ] {
        let filled = Filled::new();
        filled.change(sql);
        let target = postgres();
        assert_refused(&filled.source(), &target, expected);
        assert!(stored(&target, &filled.path("source.db")).is_empty(), "{sql}");
        if !sql.contains("char(0)") {
            let file = sqlite(&filled.path("target.db"));
            assert_refused(&filled.source(), &file, expected);
            let people = Connection::open(filled.path("target.db"))
                .unwrap()
                .query_row("SELECT COUNT(*) FROM people", (), |row| row.get::<_, i64>(0));
            assert_eq!(people.unwrap(), 0);
        }
    }
}

#[test]
fn connection_lost_during_the_copy_leaves_the_target_empty() {
    let filled = Filled::new();
    let target = postgres();
    let server = TestServer::shared();
    let end =
        "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let mut cut = |progress: CopyProgress<'_>| {
        if progress.table == "people" {
            assert_eq!(server.sql(database_of(&target), end), "1");
        }
    };
    let line = copy_database(&filled.source(), &target, &mut cut).unwrap_err().to_string();
    assert!(line.starts_with("target: ") && !line.contains('\n'), "{line}");
    assert!(stored(&target, &filled.path("source.db")).is_empty());
    copy(&filled.source(), &target).unwrap();
}
