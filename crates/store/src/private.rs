//! Who may read the data: the user that runs the server, and nobody else on the machine.

use std::fs::{DirBuilder, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Files are read and written by their owner.
const FILE: u32 = 0o600;
/// Folders are entered by their owner.
const FOLDER: u32 = 0o700;
/// What an existing file may not allow: its group to write or execute, or others anything. A group that may read it (0640) was chosen by
/// an operator, for backups for instance, and stays.
const TOO_WIDE: u32 = 0o037;

/// Makes a folder, and those above it, that only its owner may enter (0700). A folder that exists stays as it is, since other programs may use it.
///
/// # Errors
/// The system's.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(folder)
}

/// Makes the file of a database readable for its owner only (0600) before SQLite opens it, which makes its other files alike. Files of an
/// earlier start that others may read or change are narrowed, with a line in the log.
///
/// # Errors
/// The file cannot be made. That a file cannot be narrowed, because it is another user's, is a warning.
pub(crate) fn make_file(database: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(FILE).open(database) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let mut path = database.as_os_str().to_owned();
        path.push(suffix);
        narrow(&PathBuf::from(path));
    }
    Ok(())
}

fn narrow(path: &Path) {
    // A folder that stands in the place of the database is an error that SQLite finds; it is not to be changed.
    let Some(metadata) = path.metadata().ok().filter(Metadata::is_file) else { return };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & TOO_WIDE == 0 {
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
    fn what_is_made_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (outer, inner) = (folder.path().join("a"), folder.path().join("a/b"));
        make_folder(&inner).unwrap();
        make_file(&inner.join("x.db")).unwrap();
        assert_eq!([mode(&outer), mode(&inner), mode(&inner.join("x.db"))], [0o700, 0o700, 0o600]);
    }

    #[test]
    fn what_exists_is_narrowed_but_for_folders_and_a_group_that_only_reads() {
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
        // Also one that is mistaken for the database.
        make_file(folder.path()).unwrap();
        assert_eq!(mode(folder.path()), 0o755);
    }
}
