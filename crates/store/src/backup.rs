//! A copy of a SQLite database in one file: made while a server uses the database, and put back in its place.
//!
//! Why not `VACUUM INTO`: it holds the same snapshot, but reports no progress, and its copy has other row ids where a table has no integer key.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tempfile::NamedTempFile;
use thiserror::Error;

use crate::database::OpenError;
use crate::lock::lock;
use crate::migrations;

/// How many pages (of 4 KB) are copied between two reports of the progress: 4 MB.
const PAGES_PER_STEP: i32 = 1000;

/// How long the copy waits before it tries a locked database again.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// The last offset of the event log. A database with an older schema has this table, too.
const EVENT_LOG_END: &str = "SELECT COALESCE(MAX(id), 0) FROM journal";

/// How far a backup is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BackupProgress {
    /// The copied bytes.
    pub bytes: u64,
    /// The bytes of the database.
    pub total: u64,
}

/// A finished backup, or a restored database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BackedUp {
    /// The file.
    pub file: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// The version of its schema.
    pub schema: i64,
    /// The last offset of its event log; 0 if it has no event.
    pub last_offset: i64,
    /// A restore: where the database is that was there before.
    pub replaced: Option<PathBuf>,
}

/// Why a backup or a restore failed. Each message is one line for the operator. No file has changed then.
#[derive(Debug, Error)]
pub enum BackupError {
    /// A file cannot be used.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file or the folder.
        path: PathBuf,
        /// What is wrong, and the remedy.
        reason: String,
    },
    /// The database cannot be locked.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl BackupError {
    fn new(path: &Path, reason: impl ToString) -> Self {
        Self::File { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// Copies a database into a new file, while a server may use the database. The copy is the state of one moment: the server's later writes do not appear
/// in it. They stay in the write-ahead log until the copy is complete, so the log may grow.
///
/// The new file appears under its name when it is complete, checked, and on the disk. Only its owner can read it (0600).
///
/// # Errors
/// A [`BackupError`]: the database does not exist or is not Roomcast's, the file exists already, or the disk is full.
pub fn backup_sqlite(database: &Path, file: &Path, progress: &mut dyn FnMut(BackupProgress)) -> Result<BackedUp, BackupError> {
    if fs::symlink_metadata(file).is_ok() {
        return Err(BackupError::new(file, "the file exists already; name a new file, or a folder"));
    }
    let source = open_roomcast(database)?;
    let copy = temporary_beside(file)?;
    copy_pages(&source, database, copy.path(), progress)?;
    let described = finish_copy(copy.path())?;
    copy.persist_noclobber(file).map_err(|error| BackupError::new(file, error.error))?;
    sync_folder(file)?;
    Ok(BackedUp { file: file.to_owned(), ..described })
}

/// Puts a backup in the place of a database that no server uses. A database that is there already is moved aside and not deleted: its new name is that of
/// the database and `suffix`. The backup stays as it is.
///
/// # Errors
/// A [`BackupError`]: the backup is damaged or of a newer program, a server runs, or a database is there and `suffix` is `None`.
pub fn restore_sqlite(
    backup: &Path,
    database: &Path,
    suffix: Option<&str>,
    progress: &mut dyn FnMut(BackupProgress),
) -> Result<BackedUp, BackupError> {
    let source = open_roomcast(backup)?;
    let theirs = schema(&source, backup)?;
    let ours = migrations::newest();
    if theirs > ours {
        return Err(OpenError::Newer { theirs, ours }.into());
    }
    let folder = folder_of(database);
    crate::file_modes::make_folder(&folder).map_err(|error| BackupError::new(&folder, error))?;
    let _lock = lock(database, &format!("process {} (roomcast restore)", std::process::id()))?;
    let is_there = fs::metadata(database).is_ok_and(|file| file.len() > 0);
    let replaced = match suffix {
        _ if !is_there => None,
        Some(suffix) => Some(with_suffix(database, suffix)),
        None => {
            return Err(BackupError::new(
                database,
                "a database is there already; restore with --replace, which keeps it under another name",
            ));
        }
    };
    if let Some(kept) = replaced.as_deref().filter(|kept| fs::symlink_metadata(kept).is_ok()) {
        return Err(BackupError::new(kept, "the file exists already; move it away first"));
    }
    let copy = temporary_beside(database)?;
    copy_pages(&source, backup, copy.path(), progress)?;
    let described = finish_copy(copy.path())?;
    own_like_folder(copy.path(), &folder)?;
    if let Some(kept) = &replaced {
        // The log of the replaced database must not stay: SQLite would apply it to the restored one.
        move_aside(database, kept)?;
    }
    copy.persist(database).map_err(|error| BackupError::new(database, error.error))?;
    sync_folder(database)?;
    Ok(BackedUp { file: database.to_owned(), replaced, ..described })
}

/// Copies all pages in one snapshot.
fn copy_pages(
    source: &Connection,
    source_path: &Path,
    target_path: &Path,
    progress: &mut dyn FnMut(BackupProgress),
) -> Result<(), BackupError> {
    let of_source = |error: rusqlite::Error| BackupError::new(source_path, error);
    let of_target = |error: rusqlite::Error| BackupError::new(target_path, error);
    // An open read transaction fixes the snapshot. Without it, each write of the server would start the copy again from the first page.
    source.execute_batch("BEGIN; SELECT COUNT(*) FROM migrations;").map_err(of_source)?;
    let page_size: u64 = source.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(of_source)?;
    let mut target = Connection::open(target_path).map_err(of_target)?;
    let backup = Backup::new(source, &mut target).map_err(of_target)?;
    loop {
        let step = backup.step(PAGES_PER_STEP).map_err(of_target)?;
        let pages = backup.progress();
        let total = u64::from(pages.pagecount.unsigned_abs());
        let left = u64::from(pages.remaining.unsigned_abs());
        progress(BackupProgress { bytes: (total - left.min(total)) * page_size, total: total * page_size });
        match step {
            StepResult::Done => return Ok(()),
            StepResult::Busy | StepResult::Locked => std::thread::sleep(BUSY_PAUSE),
            _ => {}
        }
    }
}

/// Checks a complete copy, writes it to the disk as one file without a log, and describes it.
fn finish_copy(copy: &Path) -> Result<BackedUp, BackupError> {
    let failed = |error: rusqlite::Error| BackupError::new(copy, error);
    let connection = Connection::open(copy).map_err(failed)?;
    connection.pragma_update(None, "journal_mode", "DELETE").map_err(failed)?;
    let state: String = connection.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0)).map_err(failed)?;
    if state != "ok" {
        return Err(BackupError::new(copy, format!("the copy is damaged ({state}); check the source with PRAGMA integrity_check")));
    }
    let schema = schema(&connection, copy)?;
    let last_offset = connection.query_row(EVENT_LOG_END, (), |row| row.get(0)).map_err(failed)?;
    drop(connection);
    let io = |error: std::io::Error| BackupError::new(copy, error);
    let file = File::open(copy).map_err(io)?;
    file.sync_all().map_err(io)?;
    Ok(BackedUp { file: copy.to_owned(), bytes: file.metadata().map_err(io)?.len(), schema, last_offset, replaced: None })
}

/// Opens a database of Roomcast to read it.
fn open_roomcast(path: &Path) -> Result<Connection, BackupError> {
    let not_roomcast = |reason: String| BackupError::new(path, format!("it is not a database of Roomcast ({reason}); check the name"));
    fs::metadata(path).map_err(|error| not_roomcast(error.to_string()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| not_roomcast(error.to_string()))?;
    let has_migrations = "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'";
    match connection.query_row(has_migrations, (), |row| row.get::<_, i64>(0)) {
        Ok(0) => Err(not_roomcast("it has no table \"migrations\"".to_owned())),
        Ok(_) => Ok(connection),
        Err(error) => Err(not_roomcast(error.to_string())),
    }
}

/// The version of the schema.
fn schema(connection: &Connection, path: &Path) -> Result<i64, BackupError> {
    let newest = "SELECT COALESCE(MAX(version), 0) FROM migrations";
    connection.query_row(newest, (), |row| row.get(0)).map_err(|error| BackupError::new(path, error))
}

/// A file with a new name in the folder of another one, which is deleted unless it is kept (mode 0600).
fn temporary_beside(file: &Path) -> Result<NamedTempFile, BackupError> {
    let folder = folder_of(file);
    tempfile::Builder::new().prefix(".roomcast-").suffix(".partial").tempfile_in(&folder).map_err(|error| BackupError::new(&folder, error))
}

/// Root restores for the user of the server: the file gets the owner of its folder.
fn own_like_folder(file: &Path, folder: &Path) -> Result<(), BackupError> {
    let io = |error: std::io::Error| BackupError::new(file, error);
    let (owner, ours) = (fs::metadata(folder).map_err(io)?, fs::metadata(file).map_err(io)?);
    if (owner.uid(), owner.gid()) == (ours.uid(), ours.gid()) || ours.uid() != 0 {
        return Ok(());
    }
    chown(file, Some(owner.uid()), Some(owner.gid())).map_err(io)
}

/// Writes the log of a database into its file, and renames the file.
fn move_aside(database: &Path, kept: &Path) -> Result<(), BackupError> {
    let failed = |error: rusqlite::Error| BackupError::new(database, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).map_err(failed)?;
    // This mode has no log: SQLite copies the log into the file and deletes it.
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0)).map_err(failed)?;
    drop(connection);
    if mode != "delete" {
        return Err(BackupError::new(database, "another program uses the database; end it first"));
    }
    fs::rename(database, kept).map_err(|error| BackupError::new(database, error))
}

/// Makes a new name durable.
fn sync_folder(file: &Path) -> Result<(), BackupError> {
    let folder = folder_of(file);
    File::open(&folder).and_then(|folder| folder.sync_all()).map_err(|error| BackupError::new(&folder, error))
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
