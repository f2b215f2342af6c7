//! Keeps the data private to the user that runs the server: no other user of the machine may read it.

use std::fs::{DirBuilder, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The mode of files: only their owner reads and writes them.
const FILE: u32 = 0o600;
/// The mode of folders: only their owner enters them.
const FOLDER: u32 = 0o700;
/// The permissions that are removed from an existing file: all permissions of other users, and those of its group to write and to execute. The
/// group may keep the permission to read (0640), which an operator may have set for backups.
const REMOVED: u32 = 0o037;

/// Creates a folder, and its parents, that only the owner may enter (0700). A folder that exists stays as it is, since other programs may use it.
///
/// # Errors
/// The folder cannot be created.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(folder)
}

/// Creates the file of a database with the mode 0600 before SQLite opens it; SQLite gives its other files the same mode. Files of an earlier start
/// that other users may read or change get that mode, too, with a line in the log.
///
/// # Errors
/// The file cannot be created. If the mode of a file cannot be changed, because another user owns it, the log has a warning.
pub(crate) fn make_file(database: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(FILE).open(database) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let mut path = database.as_os_str().to_owned();
        path.push(suffix);
        restrict(&PathBuf::from(path));
    }
    Ok(())
}

fn restrict(path: &Path) {
    // A folder in the place of the database is an error that SQLite reports; its mode stays.
    let Some(metadata) = path.metadata().ok().filter(Metadata::is_file) else { return };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & REMOVED == 0 {
        return;
    }
    match std::fs::set_permissions(path, Permissions::from_mode(FILE)) {
        Ok(()) => tracing::info!(path = %path.display(), "the file's mode was {mode:04o} and is {FILE:04o} now: other users could read it"),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "other users can read the file, and its mode {mode:04o} cannot be changed")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn created_folder_or_file_is_private_to_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let (outer, inner) = (folder.path().join("a"), folder.path().join("a/b"));
        make_folder(&inner).unwrap();
        make_file(&inner.join("x.db")).unwrap();
        assert_eq!([mode(&outer), mode(&inner), mode(&inner.join("x.db"))], [0o700, 0o700, 0o600]);
    }

    #[test]
    fn existing_file_keeps_at_most_group_read_permission() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        for (before, after) in [(0o644, 0o600), (0o666, 0o600), (0o660, 0o600), (0o640, 0o640), (0o600, 0o600), (0o400, 0o400)] {
            for suffix in ["", "-wal", "-shm", ".lock"] {
                let path = folder.path().join(format!("x.db{suffix}"));
                let _ = std::fs::remove_file(&path);
                std::fs::write(&path, "").unwrap();
                std::fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
                make_folder(folder.path()).unwrap();
                make_file(&folder.path().join("x.db")).unwrap();
                assert_eq!(mode(&path), after, "{suffix} {before:o}");
            }
        }
        assert_eq!(mode(folder.path()), 0o755);
        // A folder keeps its mode also if it is mistaken for the database.
        make_file(folder.path()).unwrap();
        assert_eq!(mode(folder.path()), 0o755);
    }
}
