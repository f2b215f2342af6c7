//! Locks a database for one process: two processes would give the same ids, and each would overwrite rows that the other has acknowledged.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::database::OpenError;

/// How many bytes of the file are read at most to name the holder.
const MAX_HOLDER_BYTES: u64 = 500;

/// Locks a database for as long as the returned file is open. The system releases the lock when the process ends, however it ends, so the text that
/// a killed process leaves in the file does not matter.
///
/// The inputs are the database's file, and the name of this process for the errors of other processes. The lock is on a separate file beside the database,
/// because SQLite locks parts of the database's file. A symbolic link to the database is locked like the database itself.
///
/// A database with several hard links is rejected. A lock of its inode (`flock` on the file itself) would keep a second server out, too, but not save
/// the data: a server that opens the file by another name after a crash does not find the write-ahead log. On network file systems such a lock would
/// also collide with SQLite's own.
///
/// # Errors
/// [`OpenError::InUse`] with what the holder has written; [`OpenError::Linked`]; [`OpenError::Failed`] if the file cannot be opened or locked.
pub(crate) fn lock(database: &Path, holder: &str) -> Result<File, OpenError> {
    // A file that does not exist yet has one name.
    if let Ok(metadata) = database.metadata()
        && metadata.is_file()
        && metadata.nlink() > 1
    {
        return Err(OpenError::Linked { database: database.to_owned(), links: metadata.nlink() });
    }
    let path = beside(database, 0);
    let failed = |error| OpenError::Failed(format!("its lock {} cannot be taken ({error})", path.display()));
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            // Empty if the holder has not written yet. Any process may have written to the file, so the error shows only one printable line of it.
            let mut text = Vec::new();
            let _ = file.take(MAX_HOLDER_BYTES).read_to_end(&mut text);
            let text = String::from_utf8_lossy(&text);
            let holder: String = text.lines().next().unwrap_or_default().chars().filter(|character| !character.is_control()).collect();
            let holder = if holder.is_empty() { "another process".to_owned() } else { holder };
            return Err(OpenError::InUse { database: database.to_owned(), holder });
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let written = file.rewind().and_then(|()| file.set_len(0)).and_then(|()| writeln!(file, "{holder}")).and_then(|()| file.flush());
    if let Err(error) = written {
        // The lock holds nevertheless; on a full disk the server is to start and to report the disk by its health check.
        tracing::warn!(%error, path = %path.display(), "the lock file does not name its holder");
    }
    Ok(file)
}

/// The most symbolic links on the way to a database that does not exist yet; with more, SQLite cannot open it either.
const MAX_LINKS: u32 = 40;

/// The lock file of a database: `roomcast.db.lock` for `roomcast.db`. A symbolic link is followed, also to a file that does not exist yet.
fn beside(database: &Path, links: u32) -> PathBuf {
    if let (Err(_), Ok(target)) = (database.canonicalize(), database.read_link())
        && links < MAX_LINKS
    {
        return beside(&database.parent().unwrap_or(Path::new("")).join(target), links + 1);
    }
    let real = database.canonicalize().unwrap_or_else(|_| database.to_owned());
    let mut name = real.into_os_string();
    name.push(".lock");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_names_its_holder_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("a.db");
        std::fs::write(beside(&database, 0), "process 1 on another machine, and a longer text than the next holder has").unwrap();
        let lock_file = lock(&database, "process 7").unwrap();
        assert_eq!(std::fs::read_to_string(beside(&database, 0)).unwrap(), "process 7\n");
        let rejected = lock(&database, "process 8").unwrap_err().to_string();
        assert!(rejected.contains("in use by process 7;"), "{rejected}");
        drop(lock_file);
        lock(&database, "process 8").unwrap();
    }

    #[test]
    fn symbolic_link_opens_the_database_that_it_points_to() {
        let folder = tempfile::tempdir().unwrap();
        let (database, link) = (folder.path().join("a.db"), folder.path().join("b.db"));
        std::fs::write(&database, "").unwrap();
        std::os::unix::fs::symlink(&database, &link).unwrap();
        let _held = lock(&database, "process 7").unwrap();
        assert!(lock(&link, "process 8").is_err());
    }

    #[test]
    fn database_with_two_hard_links_is_rejected_by_both_names() {
        let folder = tempfile::tempdir().unwrap();
        let (database, link) = (folder.path().join("a.db"), folder.path().join("b.db"));
        std::fs::write(&database, "").unwrap();
        std::fs::hard_link(&database, &link).unwrap();
        for name in [&database, &link] {
            let rejected = lock(name, "process 7").unwrap_err().to_string();
            assert!(rejected.contains("has 2 names (hard links)"), "{rejected}");
        }
        std::fs::remove_file(&link).unwrap();
        lock(&database, "process 7").unwrap();
    }

    #[test]
    fn symbolic_link_to_a_missing_database_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let [database, link, further, circle] = ["a.db", "b.db", "c.db", "d.db"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink(&database, &link).unwrap();
        std::os::unix::fs::symlink("b.db", &further).unwrap();
        std::os::unix::fs::symlink(&circle, &circle).unwrap();
        let _held = lock(&further, "process 7").unwrap();
        // The holder creates the file.
        std::fs::write(&database, "").unwrap();
        for name in [&database, &link, &further] {
            assert!(lock(name, "process 8").is_err(), "{}", name.display());
        }
        assert!(lock(&circle, "process 8").is_ok(), "a circle is found when the database is opened");
    }

    #[test]
    fn lock_error_shows_one_printable_line_of_the_holder() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("a.db");
        let _held = lock(&database, "process 7").unwrap();
        for (written, shown) in [("", "another process"), ("\u{1b}[2Jx\nand more", "[2Jx"), ("\n", "another process")] {
            std::fs::write(beside(&database, 0), written).unwrap();
            let rejected = lock(&database, "process 8").unwrap_err().to_string();
            assert!(rejected.contains(&format!("in use by {shown};")), "{rejected}");
        }
    }
}
