//! A backup is one state of a database that a server changes at the same time, and a restore puts it back without losing what was there.

// A test that cannot continue has failed.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::Connection;
use store::{Database, Options, backup_sqlite, restore_sqlite};

/// The rows that each writing transaction adds: a copy with a part of a transaction has another number.
const ROWS: i64 = 10;

fn open(path: &Path) -> Database {
    Database::open(Options::new(format!("sqlite://{}", path.display()))).unwrap()
}

/// A database with its schema, and the connection of a writer whose table the schema does not have.
fn writer(path: &Path) -> Connection {
    drop(open(path));
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.execute_batch("CREATE TABLE filler (n INTEGER, text TEXT)").unwrap();
    connection
}

fn write(connection: &Connection) {
    connection
        .execute_batch(&format!(
            "BEGIN; WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {ROWS}) \
             INSERT INTO filler SELECT n, hex(randomblob(400)) FROM c; COMMIT"
        ))
        .unwrap();
}

fn rows(path: &Path) -> i64 {
    Connection::open(path).unwrap().query_row("SELECT COUNT(*) FROM filler", (), |row| row.get(0)).unwrap()
}

#[test]
fn backup_is_the_state_of_its_begin_while_a_writer_continues() {
    let folder = tempfile::tempdir().unwrap();
    let (database, copy) = (folder.path().join("a.db"), folder.path().join("copy.db"));
    let writer = writer(&database);
    // Nearly 10 MB, so that the copy has several steps.
    (0..1000).for_each(|_| write(&writer));
    let (mut steps, mut last) = (0, 0);
    let done = backup_sqlite(&database, &copy, &mut |progress| {
        assert!(progress.bytes >= last && progress.bytes <= progress.total, "the copy does not start again: {progress:?}");
        last = progress.bytes;
        steps += 1;
        // A step that follows sees a changed database.
        write(&writer);
    })
    .unwrap();
    assert!(steps > 2, "{steps} steps");
    assert_eq!(rows(&copy), 1000 * ROWS);
    assert_eq!(rows(&database), (1000 + steps) * ROWS);
    assert_eq!((done.bytes, done.file.as_path()), (fs::metadata(&copy).unwrap().len(), copy.as_path()));
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("partial")), "{left:?}");
}

#[test]
fn restore_keeps_the_replaced_database_with_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let (database, copy) = (folder.path().join("a.db"), folder.path().join("copy.db"));
    let connection = writer(&database);
    write(&connection);
    backup_sqlite(&database, &copy, &mut |_| {}).unwrap();
    write(&connection);
    // The last rows are in the log only, as after a crash.
    connection.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    let crashed = folder.path().join("crashed.db");
    for suffix in ["", "-wal"] {
        fs::copy(format!("{}{suffix}", database.display()), format!("{}{suffix}", crashed.display())).unwrap();
    }
    drop(connection);
    let refused = restore_sqlite(&copy, &crashed, None, &mut |_| {}).unwrap_err().to_string();
    assert!(refused.ends_with("a database is there already; restore with --replace, which keeps it under another name"), "{refused}");
    let done = restore_sqlite(&copy, &crashed, Some(".old"), &mut |_| {}).unwrap();
    let kept = done.replaced.unwrap();
    assert_eq!((rows(&crashed), rows(&kept)), (ROWS, 2 * ROWS));
    open(&crashed);
    let again = restore_sqlite(&copy, &crashed, Some(".old"), &mut |_| {}).unwrap_err().to_string();
    assert!(again.contains("crashed.db.old: the file exists already"), "{again}");
    assert_eq!(rows(&crashed), ROWS);
}

#[test]
fn restore_is_refused_while_a_server_uses_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let (database, copy) = (folder.path().join("a.db"), folder.path().join("copy.db"));
    drop(writer(&database));
    backup_sqlite(&database, &copy, &mut |_| {}).unwrap();
    let server = open(&database);
    let refused = restore_sqlite(&copy, &database, Some(".old"), &mut |_| {}).unwrap_err().to_string();
    assert!(refused.contains("is in use by process"), "{refused}");
    drop(server);
    restore_sqlite(&copy, &database, Some(".old"), &mut |_| {}).unwrap();
}

#[test]
fn unsuitable_files_are_refused_by_name_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (database, copy) = (path("a.db"), path("copy.db"));
    drop(writer(&database));
    fs::write(path("text.db"), "this is no database, but it is long enough to have a header of a hundred bytes. ".repeat(3)).unwrap();
    Connection::open(path("other.db")).unwrap().execute_batch("CREATE TABLE mine (n)").unwrap();
    for (name, reason) in [("none.db", "No such file"), ("text.db", "not a database"), ("other.db", "no table \"migrations\"")] {
        for result in [backup_sqlite(&path(name), &copy, &mut |_| {}), restore_sqlite(&path(name), &database, Some(".old"), &mut |_| {})] {
            let line = result.unwrap_err().to_string();
            assert!(line.contains(name) && line.contains("it is not a database of Roomcast") && line.contains(reason), "{line}");
        }
    }
    fs::write(&copy, "mine").unwrap();
    let line = backup_sqlite(&database, &copy, &mut |_| {}).unwrap_err().to_string();
    assert!(line.contains("copy.db: the file exists already"), "{line}");
    assert_eq!(fs::read_to_string(&copy).unwrap(), "mine");
    let connection = Connection::open(path("newer.db")).unwrap();
    connection.execute_batch("CREATE TABLE migrations (version BIGINT, name TEXT); INSERT INTO migrations VALUES (9999, 'x')").unwrap();
    let line = restore_sqlite(&path("newer.db"), &path("b.db"), None, &mut |_| {}).unwrap_err().to_string();
    assert!(line.contains("of a newer Roomcast"), "{line}");
    assert!(!path("b.db").exists() && !path("a.db.old").exists());
}

#[test]
fn damaged_backup_is_not_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (database, copy) = (folder.path().join("a.db"), folder.path().join("copy.db"));
    let connection = writer(&database);
    (0..50).for_each(|_| write(&connection));
    drop(connection);
    backup_sqlite(&database, &copy, &mut |_| {}).unwrap();
    let mut bytes = fs::read(&copy).unwrap();
    let end = bytes.len();
    bytes[end - 40_000..end - 20_000].fill(0x5a);
    fs::write(&copy, bytes).unwrap();
    let target = folder.path().join("b.db");
    let line = restore_sqlite(&copy, &target, None, &mut |_| {}).unwrap_err().to_string();
    assert!(line.contains("the copy is damaged"), "{line}");
    assert!(!target.exists());
}
